/**
 * Places finished files where the user sees them. A file appears under its name complete or not at all: it
 * was written and flushed elsewhere, is moved, and is recorded when its folder is on disk. Names are chosen
 * and files moved in the queue of the folder, so that two files never get one name. Nothing is read or
 * copied in the queue; that happens between two attempts.
 */
import { lstat, mkdir, rename, rm, unlink } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { type FileStat, fileStatOf, isSameStat } from '../../common/content/file-stat.ts'
import { copyBeside } from '../../common/copy-beside.ts'
import { diskError, nameRefused } from '../../common/disk-error.ts'
import { AppError, systemErrorCode } from '../../common/errors.ts'
import { ownFolderName } from '../../common/ids.ts'
import { limits } from '../../common/limits.ts'
import { moveInOwnFolder, moveNew } from '../../common/move-new.ts'
import type { CopyKey } from '../../common/protocol/messages.ts'
import { type Random, randomId } from '../../common/random.ts'
import type { FinishedFile } from '../shelf.ts'
import type { Catalog } from './catalog.ts'
import type { DamagedFiles } from './damaged-files.ts'
import type { Entry } from './entry.ts'
import type { FolderGuard } from './folder-guard.ts'
import type { FolderQueues } from './folder-queues.ts'
import { FolderSync } from './folder-sync.ts'
import type { Folders, Location } from './folders.ts'
import { numberedName } from './free-name.ts'
import type { OwnWrites } from './own-writes.ts'
import { openParentOf, type ParentFolder } from './parent-folder.ts'
import { type Occupant, PlaceLook } from './place-look.ts'
import { decide, type Held } from './place-plan.ts'
import type { ReplicaRemover } from './replica-remover.ts'
import { Aside, type AsideCopy, discardCopy, type OpenPlace } from './replicas-aside.ts'
import { spellingOf } from './spelling.ts'
import type { Staging } from './staging.ts'

export interface Adoption extends FinishedFile {
  /** Whether a shared file of this name with other content may be replaced. */
  readonly replace?: boolean
}

interface Placing extends Omit<Adoption, 'chunkList'> {
  /** Of the file to move, if others may replace it meanwhile. */
  readonly partialStat?: FileStat
}

interface PlacedFile {
  readonly at: Location
  readonly stat: FileStat
}

interface Placed extends PlacedFile {
  /** Folders with entries that are not on disk yet, in the order in which to flush them. */
  readonly changedFolders: readonly string[]
}

/** Work between two attempts: read a file, or copy one to another file system. */
type Needed =
  | { readonly read: Location }
  | { readonly copyTo: Location }
  | { readonly copyAside: Location; readonly file: Occupant }

/** The result of that work, for the next attempt. */
interface Prepared {
  readonly look: PlaceLook
  /** The finished file or, if its place is on another file system, its copy there. */
  from: string
  aside: AsideCopy | undefined
}

interface Dependencies {
  readonly folders: Folders
  readonly catalog: Catalog
  readonly ownWrites: OwnWrites
  readonly staging: Pick<Staging, 'ensureRoot'>
  readonly guard: Pick<FolderGuard, 'check'>
  readonly random: Random
  /** The catalog's id of the current boot of the machine. */
  readonly bootId: string
  /** Called when an entry was recorded whose file a power cut could lose. */
  readonly onUnflushed: () => void
  /** Called with the path of a file that was placed and recorded: nothing is wrong with it. */
  readonly onPlaced: (path: string) => void
  readonly queues: FolderQueues
  readonly damaged: Pick<DamagedFiles, 'keepBefore'>
  readonly remover: Pick<ReplicaRemover, 'removeAside'>
  /** For tests: how the disk spells names, and how files are moved aside. */
  readonly spellingOf?: typeof spellingOf
  readonly rename?: typeof rename
}

/**
 * Attempts for one file: a file in the way may have to be read and copied, and again if it changes
 * meanwhile.
 */
const attemptsMax = 8

export class Placer {
  readonly #dependencies: Dependencies
  readonly #folders: Folders
  readonly #catalog: Catalog
  readonly #ownWrites: OwnWrites
  readonly #queues: FolderQueues
  readonly #aside: Aside
  readonly #remover: Pick<ReplicaRemover, 'removeAside'>
  readonly #spellingOf: typeof spellingOf
  readonly #folderSync = new FolderSync()

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
    this.#folders = dependencies.folders
    this.#catalog = dependencies.catalog
    this.#ownWrites = dependencies.ownWrites
    this.#queues = dependencies.queues
    this.#spellingOf = dependencies.spellingOf ?? spellingOf
    this.#remover = dependencies.remover
    this.#aside = new Aside({ rename, ...dependencies, spellingOf: this.#spellingOf })
  }

  /**
   * Moves a finished file into place and records it without reading it again. A file with the same
   * content in its place stays. If another content has the name, a downloaded file takes the next
   * free name, a replicated one moves the other aside, and a shared one replaces it if `replace` is
   * set. A replicated file whose path is taken by a folder or another file gets another path. On
   * failure the partial file is where it was, or in its place for the next scan to find.
   * @throws AppError NAME_INVALID, NAME_EXISTS, NAME_BLOCKED, NAME_UNSUPPORTED, FOLDER_UNAVAILABLE,
   *   DISK_FULL, DISK_FAILED
   */
  async adopt(adoption: Adoption): Promise<Entry> {
    const { key, content, chunkList } = adoption
    try {
      const { at, stat, changedFolders } = await this.place(adoption)
      for (const folder of changedFolders) await this.#folderSync.sync(folder)
      const entry = this.#catalog.put({ at, stat, content }, chunkList)
      this.#dependencies.onPlaced(at.path)
      await this.#remover.removeAside(entry)
      return entry
    } catch (error) {
      throw diskError({ action: 'create', path: key.name, neededBytes: content.size }, error)
    }
  }

  /**
   * The place for a file of this key if nothing is in the way; creates the folders above it.
   * @throws AppError NAME_INVALID, NAME_BLOCKED, NAME_UNSUPPORTED, DISK_FAILED; errors of the disk
   */
  async locate(key: CopyKey): Promise<Location> {
    const wanted = await this.#wanted(key)
    await using parent = await openParentOf(wanted, this.#spellingOf)
    return this.#below(parent, wanted, posix.basename(wanted.diskName))
  }

  /**
   * Moves a file into place.
   * @throws AppError as {@link adopt}, CONTENT_CHANGED; errors of the disk
   */
  async place(placing: Placing): Promise<Placed> {
    const { key, partialPath } = placing
    const wanted = await this.#wanted(key)
    const look = new PlaceLook({ catalog: this.#catalog, spellingOf: this.#spellingOf })
    const prepared: Prepared = { look, from: partialPath, aside: undefined }
    try {
      const placed = await this.#placeAt(wanted, placing, prepared)
      if (prepared.from !== partialPath) await rm(partialPath, { force: true })
      return placed
    } catch (error) {
      if (prepared.from !== partialPath) await rm(prepared.from, { force: true })
      throw error
    } finally {
      await discardCopy(prepared.aside)
    }
  }

  /**
   * Moves files into one folder under names that are unused; opens and checks the folder once.
   * @returns for each its place; undefined if it is where it was: {@link place} says why
   * @throws AppError as {@link place}, if the folder cannot be used; then all are where they were
   */
  async placeUnopposed(placings: readonly Placing[]): Promise<(PlacedFile | undefined)[]> {
    const [first] = placings
    if (first === undefined) return []
    const wanted = await this.#wanted(first.key)
    return await this.#queues.run(wanted, async () => {
      await using parent = await openParentOf(wanted, this.#spellingOf)
      const placed: (PlacedFile | undefined)[] = []
      for (const placing of placings) placed.push(await this.#placeUnopposed(placing, parent))
      return placed
    })
  }

  /** Nothing is replaced: {@link moveNew} refuses a name that is used, in any spelling. */
  async #placeUnopposed(placing: Placing, parent: ParentFolder): Promise<PlacedFile | undefined> {
    const { key, partialPath } = placing
    const own = this.#folders.place(key)
    const base = posix.basename(own.diskName)
    const at = this.#below(parent, own, base)
    try {
      await checkUnchanged(partialPath, placing)
      const outcome = await this.#move(partialPath, { at, parent, base }, false)
      return typeof outcome === 'object' && 'stat' in outcome ? outcome : undefined
    } catch {
      return undefined
    }
  }

  async #placeAt(wanted: Location, placing: Placing, prepared: Prepared): Promise<Placed> {
    const { name } = placing.key
    /** Includes folders that were changed by unsuccessful attempts. */
    const changedFolders: string[] = []
    let missing: unknown
    for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
      const outcome = await this.#attempt(wanted, placing, prepared, changedFolders)
      if (outcome === 'again') continue
      if ('at' in outcome) return { ...outcome, changedFolders: [...new Set(changedFolders)] }
      if ('missing' in outcome) missing = outcome.missing
      else await this.#prepare(outcome, prepared)
    }
    // The folder exists but never accepts the name: exFAT reports `what?` like this.
    throw missing === undefined
      ? new AppError('CONTENT_CHANGED', { name })
      : nameRefused({ name, path: wanted.path }, missing, ['ENOENT'])
  }

  async #prepare(needed: Needed, prepared: Prepared): Promise<void> {
    if ('read' in needed) await prepared.look.read(needed.read)
    else if ('copyTo' in needed)
      prepared.from = await this.#copyBeside(prepared.from, needed.copyTo)
    else {
      await discardCopy(prepared.aside)
      prepared.aside = await this.#aside.copy(needed.copyAside, needed.file)
    }
  }

  /** @throws AppError NAME_INVALID, DISK_FAILED */
  async #wanted(key: CopyKey): Promise<Location> {
    const own = this.#folders.place(key)
    await this.#dependencies.guard.check(own.path)
    await this.#dependencies.staging.ensureRoot(key.kind)
    if (key.owner !== undefined) await this.#makeOwnerRoot(key.owner, own)
    // A replica whose path differs from its name keeps that path.
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
    const reason = `it does not distinguish '${owner}' from '${spelled}'`
    throw new AppError('NAME_UNSUPPORTED', { name, path: root, reason })
  }

  /**
   * `again` if a file appeared in the place; `missing` if a folder was removed meanwhile, as by a
   * drop that left it empty.
   */
  async #attempt(
    wanted: Location,
    placing: Placing,
    prepared: Prepared,
    changedFolders: string[],
  ): Promise<PlacedFile | Needed | { missing: unknown } | 'again'> {
    try {
      return await this.#queues.run(wanted, () =>
        this.#placeNow(wanted, placing, prepared, changedFolders),
      )
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw error
      // The missing file may be the partial one.
      await lstat(prepared.from)
      return { missing: error }
    }
  }

  async #placeNow(
    wanted: Location,
    placing: Placing,
    { look, from, aside }: Prepared,
    changedFolders: string[],
  ): Promise<PlacedFile | Needed | 'again'> {
    const { kind, name } = placing.key
    await using parent = await openParentOf(wanted, this.#spellingOf)
    changedFolders.push(...parent.changed)
    for (let number = 1; number <= limits.placesTriedMax; number += 1) {
      const base = numberedName(posix.basename(wanted.diskName), number)
      const at = this.#below(parent, wanted, base)
      const found = await look.at(at, parent, placing)
      if ('read' in found) return found
      const decision = decide(...caseOf(placing, found))
      await checkUnchanged(from, placing)
      if (decision === 'next') continue
      if (decision === 'NAME_BLOCKED')
        throw new AppError('NAME_BLOCKED', { name, reason: blockedBy(found.held) })
      if (decision === 'NAME_EXISTS') throw new AppError('NAME_EXISTS', { name })
      if (decision === 'stay' && found.file !== undefined) {
        await unlink(from)
        return { at, stat: found.file.stat }
      }
      const place = { at, parent, base }
      if (found.held === 'damaged' && found.file !== undefined)
        await this.#dependencies.damaged.keepBefore(
          at,
          found.file.content.sha256,
          parent.entry(base),
        )
      else if (decision === 'replace' && kind === 'replicated' && found.file !== undefined) {
        const changed = await this.#aside.take(place, found.file, aside)
        if (changed === 'other file system') return { copyAside: at, file: found.file }
        if (changed === 'again') return 'again'
        changedFolders.unshift(...changed)
      }
      return await this.#move(from, place, decision === 'replace')
    }
    throw new AppError('NAME_BLOCKED', { name, reason: 'too many other files have its name' })
  }

  /** The location of an entry in the folder that was opened for another location. */
  #below(parent: ParentFolder, wanted: Location, base: string): Location {
    const { root, name, ...key } = wanted
    const at = this.#folders.at({ ...key, path: root }, posix.join(parent.folder, base))
    // A downloaded file is named like its path; a replica keeps its own name.
    return key.kind === 'downloaded' ? at : { ...at, name }
  }

  async #move(
    from: string,
    { at, parent, base }: OpenPlace,
    replaces: boolean,
  ): Promise<PlacedFile | Needed | 'again'> {
    const path = parent.entry(base)
    const moveTo = at.kind === 'replicated' ? moveInOwnFolder : moveNew
    // The system reports it before it is recorded: a large file would be read again.
    this.#ownWrites.add(at.path)
    try {
      if (replaces) await rename(from, path)
      else if (!(await moveTo(from, path))) return 'again'
    } catch (error) {
      if (systemErrorCode(error) === 'EXDEV') return { copyTo: at }
      throw nameRefused({ name: at.name, path: at.path }, error)
    }
    const stat = fileStatOf(await lstat(path, { bigint: true }))
    this.#ownWrites.add(at.path, stat)
    return { at, stat }
  }

  /**
   * For a place on another file system, to which files cannot be renamed.
   * @returns the path of the flushed copy
   */
  async #copyBeside(from: string, at: Location): Promise<string> {
    await using parent = await openParentOf(at, this.#spellingOf)
    const name = `${ownFolderName}-${randomId(this.#dependencies.random)}`
    await copyBeside(from, parent.entry(name))
    return join(parent.path, name)
  }
}

/** @throws AppError CONTENT_CHANGED; errors of the disk */
async function checkUnchanged(
  from: string,
  { key, partialPath, partialStat }: Placing,
): Promise<void> {
  if (partialStat === undefined || from !== partialPath) return
  const stat = fileStatOf(await lstat(from, { bigint: true }))
  if (!isSameStat(stat, partialStat)) throw new AppError('CONTENT_CHANGED', { name: key.name })
}

/** A file that replaces only certain contents keeps its name, as a shared one does. */
function caseOf(
  { key, replace = false, replacesOnly }: Placing,
  { held, file }: { readonly held: Held; readonly file?: Occupant },
): Parameters<typeof decide> {
  if (replacesOnly === undefined) return [key.kind, held, replace]
  return ['shared', held, file !== undefined && replacesOnly.includes(file.content.sha256)]
}

function ignoreExisting(error: unknown): false {
  if (systemErrorCode(error) === 'EEXIST') return false
  throw error
}

function blockedBy(held: Held): string {
  if (held === 'folder') return 'it is a folder here'
  return 'the disk does not distinguish it from another file here'
}
