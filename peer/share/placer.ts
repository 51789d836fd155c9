/**
 * Puts finished files where the user sees them, and takes replicated ones away. A file appears under
 * its name complete or not at all: it was written and flushed beside, is moved, and is recorded
 * when the folder is on disk. Choosing a name and moving happen in turns, so that two files never
 * take one name.
 */
import { lstat, rename, rmdir, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type FileStat, hashFile } from '../../common/content/hash.ts'
import { diskError } from '../../common/disk-error.ts'
import { AppError } from '../../common/errors.ts'
import { moveNew } from '../../common/move-new.ts'
import type { Content, CopyKey } from '../../common/protocol/messages.ts'
import type { Catalog } from './catalog.ts'
import type { Entry } from './entry.ts'
import { fileStatOf, isSameStat } from './file-stat.ts'
import { FolderSync } from './folder-sync.ts'
import { type Folders, isInside, type Location, makeParents } from './folders.ts'
import { numberedName } from './free-name.ts'
import { isGone } from './is-gone.ts'
import type { OwnWrites } from './own-writes.ts'
import { Turns } from './turns.ts'
import { inspect } from './walk.ts'

/** A finished file, and where it shall go. */
export interface Adoption extends CopyKey {
  /** A complete, verified, flushed file on the same file system as the peer's data. */
  readonly partialPath: string
  readonly content: Content
  readonly chunkList: Uint8Array
  /** Whether a shared file of this name with other content may be replaced. */
  readonly replace?: boolean
}

interface Placed {
  readonly at: Location
  readonly stat: FileStat
  /** Those with entries that are not on disk yet. */
  readonly changedFolders: readonly string[]
}

type Obstacle = 'folder' | 'other'

interface Dependencies {
  readonly folders: Folders
  readonly catalog: Catalog
  readonly ownWrites: OwnWrites
}

export class Placer {
  readonly #folders: Folders
  readonly #catalog: Catalog
  readonly #ownWrites: OwnWrites
  readonly #turns = new Turns()
  readonly #folderSync = new FolderSync()

  constructor({ folders, catalog, ownWrites }: Dependencies) {
    this.#folders = folders
    this.#catalog = catalog
    this.#ownWrites = ownWrites
  }

  /**
   * Moves a finished file into place and records it without reading it again. The same content under
   * the same name stays as it is; where another content has the name, a downloaded file takes the
   * next free one, a replicated one replaces it, and a shared one does if `replace` says so.
   * On failure the partial file is where it was, or in its place for the next scan to find.
   * @throws AppError NAME_INVALID, NAME_EXISTS, NAME_BLOCKED, DISK_FULL, DISK_FAILED
   */
  async adopt(adoption: Adoption): Promise<Entry> {
    const { name, content, chunkList } = adoption
    try {
      const { at, stat, changedFolders } = await this.inTurn(() => this.place(adoption))
      for (const folder of changedFolders) await this.#folderSync.sync(folder)
      return this.#catalog.put({ at, stat, content }, chunkList)
    } catch (error) {
      throw diskError({ action: 'create', path: name, neededBytes: content.size }, error)
    }
  }

  /**
   * Deletes a replicated copy, unless something else is there by now, and the folders it leaves empty.
   * @throws AppError DISK_FAILED
   */
  async removeReplica(copy: { owner: string; name: string; sha256: string }): Promise<void> {
    const key = { kind: 'replicated', owner: copy.owner, name: copy.name } as const
    try {
      await this.inTurn(async () => {
        const entry = this.#catalog.get(key)
        if (entry?.content.sha256 !== copy.sha256 || !(await isUntouched(entry))) return
        await unlink(entry.at.path)
        this.#catalog.drop(key)
        await this.#removeEmptyFolders(dirname(entry.at.path))
      })
    } catch (error) {
      throw diskError({ action: 'delete', path: copy.name, neededBytes: 0 }, error)
    }
  }

  /** Runs what chooses names and renames, one after another. */
  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    return await this.#turns.take(work)
  }

  /** Moves a file into place, within a turn. What it throws besides AppError is the disk's. */
  async place({
    partialPath,
    content,
    replace = false,
    ...key
  }: Omit<Adoption, 'chunkList'>): Promise<Placed> {
    for (let number = 1; ; number++) {
      const at = this.#folders.place({ ...key, name: numberedName(key.name, number) })
      const changedFolders = await makeParents(at)
      const held = await this.#heldAt(at, content)
      if (held instanceof Object) {
        await unlink(partialPath)
        return { at, stat: held, changedFolders: [dirname(at.path)] }
      }
      if (held === 'folder' && key.kind !== 'downloaded')
        throw new AppError('NAME_BLOCKED', { name: key.name, reason: 'it is a folder here' })
      const mayReplace = key.kind === 'replicated' || replace
      if ((mayReplace || held === 'nothing') && (await this.#move(partialPath, at, mayReplace))) {
        const stat = fileStatOf(await lstat(at.path, { bigint: true }))
        this.#ownWrites.add(at.path, stat)
        return { at, stat, changedFolders }
      }
      if (key.kind === 'shared') throw new AppError('NAME_EXISTS', { name: key.name })
    }
  }

  /** False when something else has the name by now, which may not be replaced. */
  async #move(partialPath: string, { path }: Location, mayReplace: boolean): Promise<boolean> {
    // The system tells of it before it is recorded: a large file would be read again.
    this.#ownWrites.add(path)
    if (!mayReplace) return await moveNew(partialPath, path)
    await rename(partialPath, path)
    return true
  }

  /** What is at a place: the stat of a file with this content, a folder, something else, or nothing. */
  async #heldAt(at: Location, content: Content): Promise<FileStat | Obstacle | 'nothing'> {
    const obstacle = await obstacleAt(at.path)
    if (obstacle !== 'other') return obstacle ?? 'nothing'
    const stat = await inspect(at, true)
    if (stat === undefined || stat.size !== content.size) return 'other'
    const entry = this.#catalog.get(at)
    const isKnown = entry?.at.path === at.path && isSameStat(entry.stat, stat)
    const { sha256 } = isKnown ? entry.content : (await hashFile(at.path)).content
    return sha256 === content.sha256 ? stat : 'other'
  }

  async #removeEmptyFolders(folder: string): Promise<void> {
    const { replicated } = this.#folders
    for (
      let path = folder;
      path !== replicated && isInside(replicated, path);
      path = dirname(path)
    ) {
      try {
        await rmdir(path)
      } catch {
        // It holds something else, or is in use: then so are those above it.
        return
      }
    }
  }
}

async function obstacleAt(path: string): Promise<Obstacle | undefined> {
  try {
    return (await lstat(path)).isDirectory() ? 'folder' : 'other'
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

/** Whether the file of an entry still is the one that was recorded. */
export async function isUntouched({ at, stat }: Entry): Promise<boolean> {
  const now = await inspect(at, true)
  return now !== undefined && isSameStat(now, stat)
}
