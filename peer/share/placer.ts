/**
 * Puts finished files where the user sees them, and takes replicated ones away. A file appears under
 * its name complete or not at all: it was written and flushed beside, is moved, and is recorded
 * when the folder is on disk. Choosing a name and moving happen in turns, one at a time for each
 * folder, so that two files never take one name; nothing is read or copied in a turn.
 */
import { lstat, mkdir, rename, rm, unlink } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import type { Clock } from '../../common/clock.ts'
import { chunkCountFor } from '../../common/content/chunks.ts'
import { type FileStat, fileStatOf, isSameStat } from '../../common/content/file-stat.ts'
import { hashFile } from '../../common/content/hash.ts'
import { copyBeside } from '../../common/copy-beside.ts'
import { diskError, nameRefused } from '../../common/disk-error.ts'
import { AppError, hasCode, systemErrorCode } from '../../common/errors.ts'
import { ownFolderName } from '../../common/ids.ts'
import { limits } from '../../common/limits.ts'
import { moveNew } from '../../common/move-new.ts'
import type { Content, CopyKey } from '../../common/protocol/messages.ts'
import { type Random, randomId } from '../../common/random.ts'
import type { FinishedFile } from '../shelf.ts'
import type { Catalog } from './catalog.ts'
import type { Entry } from './entry.ts'
import type { FolderGuard } from './folder-guard.ts'
import { FolderQueues } from './folder-queues.ts'
import { FolderSync } from './folder-sync.ts'
import type { Folders, Location } from './folders.ts'
import { numberedName } from './free-name.ts'
import { inspect, isUntouched } from './inspect.ts'
import { isGone } from './is-gone.ts'
import type { OwnWrites } from './own-writes.ts'
import { type OnObstacle, openParent, type ParentFolder } from './parent-folder.ts'
import { decide, type Held } from './place-plan.ts'
import { removeEmptyFolders, removeIfSame } from './remove-file.ts'
import { spellingOf } from './spelling.ts'
import type { Staging } from './staging.ts'

export interface Adoption extends FinishedFile {
  /** Whether a shared file of this name with other content may be replaced. */
  readonly replace?: boolean
}

type Placing = Omit<Adoption, 'chunkList'>

interface Placed {
  readonly at: Location
  readonly stat: FileStat
  /** Those with entries that are not on disk yet. */
  readonly changedFolders: readonly string[]
}

/** What has to be done outside of a turn before the next: a file to be read, or to be brought to another file system. */
type Needed = { readonly read: Location } | { readonly copyTo: Location }

/** What is known of a file in the way. */
interface Read {
  readonly stat: FileStat
  readonly content: Content
  /** Empty when the catalog has it. */
  readonly chunkList: Uint8Array
}

interface Dependencies {
  readonly folders: Folders
  readonly catalog: Catalog
  readonly ownWrites: OwnWrites
  readonly staging: Pick<Staging, 'ensureRoot'>
  readonly guard: Pick<FolderGuard, 'check'>
  readonly clock: Clock
  readonly random: Random
  /** What the catalog calls the present run of the machine. */
  readonly bootId: string
  /** Called when an entry was recorded that a power cut may make untrue. */
  readonly onUnflushed: () => void
  /** For tests: how the disk spells names. */
  readonly spellingOf?: typeof spellingOf
}

/** A place, in the folder that was opened for it, and the name of the file that it is for. */
interface To {
  readonly at: Location
  readonly parent: ParentFolder
  readonly name: string
  readonly base: string
}

/** Turns of one file: it may have to be read, to be copied, and to be read once more when somebody touches it. */
const turnsMax = 8

const onObstacle: Readonly<Record<CopyKey['kind'], OnObstacle>> = {
  shared: 'refuse',
  downloaded: 'respell',
  replicated: 'evade',
}

export class Placer {
  readonly #dependencies: Dependencies
  readonly #folders: Folders
  readonly #catalog: Catalog
  readonly #ownWrites: OwnWrites
  readonly #queues: FolderQueues
  readonly #spellingOf: typeof spellingOf
  readonly #folderSync = new FolderSync()

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
    this.#folders = dependencies.folders
    this.#catalog = dependencies.catalog
    this.#ownWrites = dependencies.ownWrites
    this.#queues = new FolderQueues(dependencies)
    this.#spellingOf = dependencies.spellingOf ?? spellingOf
  }

  /**
   * Moves a finished file into place and records it without reading it again. The same content under
   * the same name stays as it is; where another content has the name, a downloaded file takes the
   * next free one, a replicated one moves it aside, and a shared one does if `replace` says so. A replicated
   * file that cannot have the path of its name, because a folder or another file has it, gets another one.
   * On failure the partial file is where it was, or in its place for the next scan to find.
   * @throws AppError NAME_INVALID, NAME_EXISTS, NAME_BLOCKED, NAME_UNSUPPORTED, FOLDER_UNAVAILABLE, DISK_FULL, DISK_FAILED
   */
  async adopt(adoption: Adoption): Promise<Entry> {
    const { key, content, chunkList } = adoption
    try {
      const { at, stat, changedFolders } = await this.place(adoption)
      for (const folder of changedFolders) await this.#folderSync.sync(folder)
      const entry = this.#catalog.put({ at, stat, content }, chunkList)
      await this.#removeAside(entry)
      return entry
    } catch (error) {
      throw diskError({ action: 'create', path: key.name, neededBytes: content.size }, error)
    }
  }

  /**
   * Deletes a replicated copy, unless something else is there by now, and the folders it leaves empty.
   * @throws AppError DISK_FAILED
   */
  async removeReplica(copy: { owner: string; name: string; sha256: string }): Promise<void> {
    const { owner, name, sha256 } = copy
    const key = { kind: 'replicated', owner, name } as const
    try {
      for (const held of [key, { ...key, version: sha256 }]) await this.#remove(held, sha256)
    } catch (error) {
      throw diskError({ action: 'delete', path: copy.name, neededBytes: 0 }, error)
    }
  }

  async #remove(key: CopyKey, sha256: string): Promise<void> {
    const known = this.#catalog.get(key)
    if (known === undefined) return
    await this.#inQueue(known.at, async () => {
      const entry = this.#catalog.get(key)
      if (entry?.content.sha256 !== sha256 || !(await isUntouched(entry))) return
      if (await removeIfSame(entry)) this.#catalog.drop(key)
      await removeEmptyFolders(entry.at)
    })
  }

  /** A replica that was moved aside is of no use once its content is back in its place, on disk. */
  async #removeAside({ at, content: { sha256 } }: Entry): Promise<void> {
    const { kind, owner, name } = at
    if (kind === 'replicated' && owner !== undefined)
      await this.#remove({ kind, owner, name, version: sha256 }, sha256)
  }

  /**
   * Where a file of this key goes if nothing is in the way, with the folders above it.
   * @throws AppError NAME_INVALID, NAME_BLOCKED, NAME_UNSUPPORTED, DISK_FAILED; what the disk does
   */
  async locate(key: CopyKey): Promise<Location> {
    const wanted = await this.#wanted(key)
    await using parent = await this.#openParent(wanted)
    return this.#below(parent, wanted, posix.basename(wanted.diskName))
  }

  /** Moves a file into place. What it throws besides AppError is the disk's. */
  async place(placing: Placing): Promise<Placed> {
    const { key } = placing
    const wanted = await this.#wanted(key)
    const read = new Map<string, Read>()
    let missing: unknown
    let from = placing.partialPath
    try {
      for (let turn = 1; turn <= turnsMax; turn += 1) {
        const outcome = await this.#attempt(wanted, { ...placing, partialPath: from }, read)
        if (outcome === 'again') continue
        if ('missing' in outcome) missing = outcome.missing
        else if ('read' in outcome) await readInto(read, outcome.read)
        else if ('copyTo' in outcome) from = await this.#copyBeside(from, outcome.copyTo)
        else {
          if (from !== placing.partialPath) await rm(placing.partialPath, { force: true })
          return outcome
        }
      }
    } catch (error) {
      if (from !== placing.partialPath) await rm(from, { force: true })
      throw error
    }
    // A folder that is there, and does not take the name however often: exFAT says so of `what?`.
    const entry = { name: key.name, path: wanted.path }
    throw missing === undefined
      ? new AppError('CONTENT_CHANGED', { name: key.name })
      : nameRefused(entry, missing, ['ENOENT'])
  }

  /** @throws AppError NAME_INVALID, DISK_FAILED */
  async #wanted(key: CopyKey): Promise<Location> {
    const own = this.#folders.place(key)
    await this.#dependencies.guard.check(own.path)
    await this.#dependencies.staging.ensureRoot(key.kind)
    if (key.owner !== undefined) await this.#makeOwnerRoot(key.owner, own)
    // A replica that has another path than its name keeps it.
    const before = key.kind === 'replicated' ? this.#catalog.get(key) : undefined
    return before?.at ?? own
  }

  async #makeOwnerRoot(owner: string, { root, name }: Location): Promise<void> {
    const { replicated } = this.#folders
    const isNew = await mkdir(root).then(() => true, ignoreExisting)
    if (isNew) await this.#folderSync.sync(replicated)
    const entry = (one: string): string => join(replicated, one)
    const spelled = await this.#spellingOf(owner, { path: replicated, entry })
    if (spelled === owner) return
    const reason = `it does not tell '${owner}' from '${spelled}'`
    throw new AppError('NAME_UNSUPPORTED', { name, path: root, reason })
  }

  async #inQueue<T>({ root, diskName }: Location, work: () => Promise<T>): Promise<T> {
    // Names that some disks take for one share a turn.
    const key = join(root, dirname(diskName)).toLowerCase()
    try {
      return await this.#queues.run(key, work)
    } catch (error) {
      if (!hasCode(error, 'DEADLINE_EXCEEDED')) throw error
      const details = { action: 'write to', path: root, reason: 'the disk does not answer' }
      throw new AppError('DISK_FAILED', details, { cause: error })
    }
  }

  /** `again` when something came to the place; `missing` when a folder was removed under it, as by a drop that left it empty. */
  async #attempt(
    wanted: Location,
    placing: Placing,
    read: ReadonlyMap<string, Read>,
  ): Promise<Placed | Needed | { missing: unknown } | 'again'> {
    try {
      return await this.#inQueue(wanted, () => this.#placeNow(wanted, placing, read))
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw error
      // The file itself may be what is gone.
      await lstat(placing.partialPath)
      return { missing: error }
    }
  }

  async #placeNow(
    wanted: Location,
    placing: Placing,
    read: ReadonlyMap<string, Read>,
  ): Promise<Placed | Needed | 'again'> {
    const { kind, name } = placing.key
    await using parent = await this.#openParent(wanted)
    for (let number = 1; number <= limits.placesTriedMax; number += 1) {
      const base = numberedName(posix.basename(wanted.diskName), number)
      const at = this.#below(parent, wanted, base)
      const found = await this.#heldAt(at, parent, placing.content, read)
      if ('read' in found) return found
      const decision = decide(kind, found.held, placing.replace === true)
      if (decision === 'next') continue
      if (decision === 'NAME_BLOCKED')
        throw new AppError('NAME_BLOCKED', { name, reason: blockedBy(found.held) })
      if (decision === 'NAME_EXISTS') throw new AppError('NAME_EXISTS', { name })
      const changedFolders = [...parent.changed]
      if (decision === 'stay' && found.file !== undefined) {
        await unlink(placing.partialPath)
        return { at, stat: found.file.stat, changedFolders }
      }
      if (decision === 'replace' && kind === 'replicated' && found.file !== undefined)
        changedFolders.unshift(...(await this.#moveAside({ at, parent, name, base }, found.file)))
      const moved = await this.#move(
        placing.partialPath,
        { at, parent, name, base },
        decision === 'replace',
      )
      if (moved === 'other file system') return { copyTo: at }
      return moved === 'taken' ? 'again' : { at, stat: moved, changedFolders }
    }
    throw new AppError('NAME_BLOCKED', { name, reason: 'too many others have its name' })
  }

  async #openParent({ kind, name, root, diskName }: Location): Promise<ParentFolder> {
    const folder = posix.dirname(diskName)
    const request = { name, root, folder: folder === '.' ? '' : folder }
    return await openParent({ ...request, onObstacle: onObstacle[kind] }, this.#spellingOf)
  }

  /** The location of an entry of the folder that was opened for another location. */
  #below(parent: ParentFolder, wanted: Location, base: string): Location {
    const { root, name, ...key } = wanted
    const at = this.#folders.at({ ...key, path: root }, posix.join(parent.folder, base))
    // What is downloaded has the name that it got; a replica keeps its own.
    return key.kind === 'downloaded' ? at : { ...at, name }
  }

  async #move(
    from: string,
    to: To,
    replaces: boolean,
  ): Promise<FileStat | 'taken' | 'other file system'> {
    const { at, parent, name, base } = to
    const path = parent.entry(base)
    // The system tells of it before it is recorded: a large file would be read again.
    this.#ownWrites.add(at.path)
    try {
      if (replaces) await rename(from, path)
      else if (!(await moveNew(from, path))) return 'taken'
    } catch (error) {
      const code = systemErrorCode(error)
      if (code === 'EXDEV') return 'other file system'
      throw nameRefused({ name, path: at.path }, error)
    }
    const stat = fileStatOf(await lstat(path, { bigint: true }))
    this.#ownWrites.add(at.path, stat)
    return stat
  }

  /** What is at a place; a file of the right size that nobody has read yet is to be read first. */
  async #heldAt(
    at: Location,
    parent: ParentFolder,
    content: Content,
    read: ReadonlyMap<string, Read>,
  ): Promise<{ held: Held; file?: Read } | { read: Location }> {
    const base = posix.basename(at.diskName)
    const obstacle = await obstacleAt(parent.entry(base))
    if (obstacle !== 'file') return { held: obstacle }
    const entry = (name: string): string => parent.entry(name)
    if ((await this.#spellingOf(base, { path: entry('.'), entry })) !== base)
      return { held: 'twin' }
    const known = this.#catalog.at(at)
    if (known !== undefined && known.at.name !== at.name) return { held: 'other-name' }
    const stat = await inspect(at, true)
    // Of a replica it matters what it is: it is moved aside.
    const isOther = stat?.size !== content.size && at.kind !== 'replicated'
    if (stat === undefined || isOther) return { held: 'other-content' }
    const isKnown = known !== undefined && isSameStat(known.stat, stat)
    const cataloged = known && { stat, content: known.content, chunkList: new Uint8Array() }
    const file = isKnown ? cataloged : read.get(at.path)
    if (file === undefined || !isSameStat(file.stat, stat)) return { read: at }
    const isSame = file.content.sha256 === content.sha256
    return { held: isSame ? 'same-content' : 'other-content', file }
  }

  /**
   * Moves a replica of other content out of the way, within a turn. It stays a copy of this peer until
   * the index says that it may be removed (docs/decisions/0014).
   * @returns the folders with new entries, to be flushed before the place has its new content
   */
  async #moveAside(
    { at, parent, name, base }: To,
    { content, chunkList }: Read,
  ): Promise<readonly string[]> {
    const { owner = '' } = at
    const aside = this.#folders.place({ kind: 'replicated', owner, name, version: content.sha256 })
    await mkdir(aside.root, { recursive: true })
    await using folder = await this.#openParent(aside)
    const path = folder.entry(posix.basename(aside.diskName))
    this.#ownWrites.add(aside.path)
    await rename(parent.entry(base), path)
    const stat = fileStatOf(await lstat(path, { bigint: true }))
    this.#ownWrites.add(aside.path, stat)
    // First the new entry: at no moment does the index see this peer without the content.
    const { bootId, onUnflushed } = this.#dependencies
    this.#catalog.group(() => {
      const file = { at: aside, stat, content }
      if (chunkCountFor(content.size) > 1) this.#catalog.put(file, chunkList)
      else this.#catalog.putUnflushed(file, bootId)
      this.#catalog.drop(at)
    })
    onUnflushed()
    const above = [dirname(aside.root), dirname(dirname(aside.root)), this.#folders.replicated]
    return [...folder.changed, ...above]
  }

  /** Where a file system ends within a folder, a rename does too. @returns the path of the flushed copy */
  async #copyBeside(from: string, at: Location): Promise<string> {
    await using parent = await this.#openParent(at)
    const name = `${ownFolderName}-${randomId(this.#dependencies.random)}`
    await copyBeside(from, parent.entry(name))
    return join(parent.path, name)
  }
}

function ignoreExisting(error: unknown): false {
  if (systemErrorCode(error) === 'EEXIST') return false
  throw error
}

function blockedBy(held: Held): string {
  if (held === 'folder') return 'it is a folder here'
  return 'the disk takes it for a file of another name, which is here'
}

async function obstacleAt(path: string): Promise<'nothing' | 'folder' | 'file'> {
  try {
    return (await lstat(path)).isDirectory() ? 'folder' : 'file'
  } catch (error) {
    if (isGone(error)) return 'nothing'
    throw error
  }
}

async function readInto(read: Map<string, Read>, { root, path }: Location): Promise<void> {
  try {
    read.set(path, await hashFile(path, { root }))
  } catch (error) {
    // The next turn sees what is there by now.
    if (!hasCode(error, 'CONTENT_CHANGED') && !hasCode(error, 'FILE_NOT_FOUND')) throw error
  }
}
