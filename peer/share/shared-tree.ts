/**
 * shared/ as a drive: what users do to their files through this peer happens on disk as if another
 * program had done it, and is recorded immediately. It includes files that are on disk and not shared.
 */
import { lstat, rename, rmdir, unlink } from 'node:fs/promises'
import { posix } from 'node:path'
import type { Clock } from '../../common/clock.ts'
import { fileStatOf, isSameStat } from '../../common/content/file-stat.ts'
import { diskError, nameRefused } from '../../common/disk-error.ts'
import { AppError, systemErrorCode } from '../../common/errors.ts'
import { openInside } from '../../common/inside.ts'
import { moveNew, moveOver } from '../../common/move-new.ts'
import type { Content } from '../../common/protocol/messages.ts'
import type { Catalog } from './catalog.ts'
import { freeBytesIn, roomIn } from './disk-room.ts'
import type { Entry } from './entry.ts'
import { fileSeconds } from './file-seconds.ts'
import type { FolderGuard } from './folder-guard.ts'
import type { FolderQueues } from './folder-queues.ts'
import { FolderSync } from './folder-sync.ts'
import type { Folders, Location } from './folders.ts'
import type { IgnoredFiles } from './ignored-files.ts'
import type { Incoming, IncomingFolder } from './incoming.ts'
import { openParent, openParentOf } from './parent-folder.ts'
import { PendingMoves } from './pending-moves.ts'
import type { Placer } from './placer.ts'
import { checkPush } from './push-check.ts'
import type { Scanner } from './scanner.ts'
import type { SmallWriter } from './small-writer.ts'
import { spellingOf } from './spelling.ts'
import type { Staging } from './staging.ts'
import { TreeChanges } from './tree-changes.ts'
import { itemAt, itemsIn, type TreeItem } from './tree-list.ts'
import { openEntry, placeOf } from './tree-place.ts'
import { emptyFolder } from './tree-remove.ts'

/** What the tree needs of the share. */
export interface TreeParts {
  readonly catalog: Catalog
  readonly folders: Folders
  readonly guard: Pick<FolderGuard, 'check'>
  readonly staging: Pick<Staging, 'ensureRoot'>
  readonly queues: FolderQueues
  readonly writer: Pick<SmallWriter, 'look'>
  readonly incoming: Pick<IncomingFolder, 'copy' | 'receive'>
  readonly placer: Pick<Placer, 'adopt' | 'place'>
  readonly ignored: Pick<IgnoredFiles, 'patternFor'>
  readonly clock: Clock
  readonly scanner: Pick<Scanner, 'look' | 'verify'>
  /** Has an operation end before the catalog is closed. */
  readonly track: <T>(work: () => Promise<T>) => Promise<T>
}

/** A file opened to read what no hash is known of. */
export interface OpenFile extends AsyncDisposable {
  /** Reads up to the length of `into`; returns the number of bytes, 0 at the end. */
  read(into: Uint8Array, position: number): Promise<number>
}

/** Files that replace others, and where names are given. */
export interface MoveRequest {
  readonly from: string
  readonly to: string
  /** Whether a file of that name may be replaced. */
  readonly replace: boolean
}

/** A file or folder that was moved on disk. */
interface Moved {
  /** Records it in the catalog. */
  readonly record: () => Promise<void>
  readonly changedFolders: readonly string[]
}

export class SharedTree {
  readonly #dependencies: TreeParts
  readonly #changes: TreeChanges
  readonly #moves: PendingMoves
  readonly #sync = new FolderSync()

  constructor(dependencies: TreeParts) {
    this.#dependencies = dependencies
    this.#moves = new PendingMoves(dependencies.folders)
    const ignoredBy = (name: string): string | undefined => dependencies.ignored.patternFor(name)
    const look = (path: string): void => dependencies.scanner.look(path)
    this.#changes = new TreeChanges({ ...dependencies, ignoredBy, look })
  }

  /** See {@link PendingMoves.finish}. */
  async finishMoves(): Promise<void> {
    await this.#moves.finish()
  }

  /** See {@link GoneNames.now}. */
  goneNames(): (name: string) => boolean {
    return this.#changes.gone.now()
  }

  /** What has this name; '' is shared/ itself. @throws AppError NAME_INVALID, DISK_FAILED */
  async look(name: string): Promise<TreeItem | undefined> {
    return await this.#do('look at', name, async () => {
      if (name === '') return { name, kind: 'folder', size: 0, modifiedMs: 0, tag: '' }
      return await itemAt(await this.#place(name), this.#dependencies)
    })
  }

  /** What is in a folder of shared/, page by page; nothing if it does not exist. @throws AppError DISK_FAILED */
  async *list(folder: string): AsyncGenerator<TreeItem[]> {
    const { folders } = this.#dependencies
    try {
      const at =
        folder === ''
          ? { name: '', root: folders.shared, path: folders.shared, diskName: '' }
          : await this.#place(folder)
      yield* itemsIn(at, this.#dependencies)
    } catch (error) {
      const code = systemErrorCode(error)
      if (code === 'ENOENT' || code === 'ENOTDIR') return
      throw diskError({ action: 'list', path: folder, neededBytes: 0 }, error)
    }
  }

  /** Bytes in files that are shared, and free on their disk. @throws AppError DISK_FAILED */
  async room(): Promise<{ usedBytes: number; freeBytes: number }> {
    const { catalog, folders } = this.#dependencies
    const { freeBytes } = await roomIn(folders.shared)
    return { usedBytes: catalog.totals().shared.bytes, freeBytes }
  }

  /** Opens a file, whether it is shared or not. @throws AppError NAME_NOT_FOUND, DISK_FAILED */
  async open(name: string): Promise<OpenFile> {
    return await this.#do('read', name, async () => {
      const handle = await openInside(await this.#place(name))
      return {
        read: async (into, position) =>
          (await handle.read(into, 0, into.length, position)).bytesRead,
        [Symbol.asyncDispose]: async () => await handle.close(),
      }
    })
  }

  /** Creates a folder, and those above it. @throws AppError NAME_BLOCKED, FOLDER_UNAVAILABLE, DISK_FULL, DISK_FAILED */
  async makeFolder(name: string): Promise<void> {
    await this.#change('create', name, async (at) => {
      const request = { name, root: at.root, folder: at.diskName, onObstacle: 'refuse' } as const
      await using made = await openParent(request)
      await this.#flush(made.changed)
    })
  }

  /** Stores a file of a name that is ignored: it stays on this peer. @throws as {@link Share.receive} */
  async keep(
    bytes: AsyncIterable<Uint8Array>,
    options: {
      name: string
      replace: boolean
      signal: AbortSignal
      bytesAnnounced?: number | undefined
      modifiedMs?: number | undefined
    },
  ): Promise<void> {
    await this.#change('create', options.name, async (at) => {
      const { replace, bytesAnnounced } = options
      const push = { at, replace, bytesAnnounced }
      await checkPush(push, { freeBytes: () => freeBytesIn(at.root) })
      const { signal, modifiedMs } = options
      const receiving = { signal, ...(modifiedMs !== undefined && { modifiedMs }) }
      await using incoming = await this.#dependencies.incoming.receive(bytes, receiving)
      await this.#finish(options.name, incoming, replace)
    })
  }

  /**
   * Removes a file, or a folder with everything in it, for good from this disk; what is shared of it
   * goes to the cluster's trash.
   * @throws AppError NAME_NOT_FOUND, NAME_BLOCKED if files appear in the folder meanwhile,
   *   FOLDER_UNAVAILABLE, DISK_FAILED
   */
  async remove(name: string): Promise<void> {
    await this.#change('remove', name, async (at) => {
      await using entry = await openEntry(at)
      const isFolder = (await lstat(entry.path)).isDirectory()
      const onDeleted = (names: readonly string[]): void => this.#changes.deleted(names)
      if (isFolder) await emptyFolder(at, onDeleted)
      await this.#dependencies.queues.run(at, async () => {
        if (isFolder) await removeFolder(entry.path, name)
        else await unlink(entry.path)
      })
      if (!isFolder) onDeleted([name])
      this.#onGone(name)
      await this.#flush([entry.folder])
    })
  }

  /**
   * Renames a file or folder; no bytes are copied.
   * @throws AppError NAME_NOT_FOUND, NAME_EXISTS, NAME_BLOCKED, FOLDER_UNAVAILABLE, DISK_FAILED
   */
  async move({ from, to, replace }: MoveRequest): Promise<void> {
    await this.#change('move', from, async (source) => {
      const target = await this.#place(to)
      await this.#dependencies.guard.check(target.path)
      const { record, changedFolders } = await this.#inQueues(source, target, () =>
        this.#moveNow(source, target, replace),
      )
      await record()
      this.#onGone(source.name)
      await this.#flush(changedFolders)
    })
  }

  /** See {@link TreeChanges.unsharedTargets}. */
  async unsharedTargets(move: { from: string; to: string }): Promise<string[]> {
    return await this.#changes.unsharedTargets(move)
  }

  /**
   * Copies a file.
   * @throws AppError NAME_NOT_FOUND, NAME_EXISTS, NAME_BLOCKED, CONTENT_CHANGED if its bytes are damaged,
   *   DISK_FULL, DISK_FAILED
   */
  async copy({ from, to, replace }: MoveRequest): Promise<void> {
    await this.#change('copy', from, async (source) => {
      const item = await itemAt(source, this.#dependencies)
      if (item?.kind !== 'file') throw new AppError('NAME_NOT_FOUND', { name: from })
      const file = { ...source, size: item.size }
      await using incoming = await this.#dependencies.incoming.copy(file, 'shared')
      await this.#checkCopied(source, item, incoming.content)
      await this.#finish(to, incoming, replace)
    })
  }

  /** A file that has other bytes than before, and seems untouched, has rotted. @throws AppError CONTENT_CHANGED */
  async #checkCopied(source: Location, { content, tag }: TreeItem, copied: Content): Promise<void> {
    if (content === undefined || content.sha256 === copied.sha256) return
    if ((await itemAt(source, this.#dependencies))?.tag !== tag) return
    this.#dependencies.scanner.verify(content.sha256)
    throw new AppError('CONTENT_CHANGED', { name: source.name })
  }

  /** Gives a file this time, unless it has it: a file with the same content stays when it is received again. */
  async setModified(entry: Entry, modifiedMs: number): Promise<Entry> {
    const { at, content } = entry
    const { catalog } = this.#dependencies
    const chunkList = catalog.chunkList(content.sha256)
    if (Number(entry.stat.mtimeNs / 1_000_000n) === modifiedMs || chunkList === undefined)
      return entry
    return await this.#do('change the time of', at.name, async () => {
      await using handle = await openInside(at)
      if (!isSameStat(fileStatOf(await handle.stat({ bigint: true })), entry.stat)) return entry
      await handle.utimes(fileSeconds(modifiedMs), fileSeconds(modifiedMs))
      const stat = fileStatOf(await handle.stat({ bigint: true }))
      return catalog.put({ at, stat, content }, chunkList)
    })
  }

  /** In the queues of both folders; the rest may take longer than others should wait. */
  async #moveNow(source: Location, target: Location, replace: boolean): Promise<Moved> {
    await using entry = await openEntry(source)
    const found = await lstat(entry.path, { bigint: true })
    const known = this.#dependencies.catalog.get(source)
    const isKnown = known?.at.path === source.path && isSameStat(known.stat, fileStatOf(found))
    await using parent = await openParentOf(target, spellingOf)
    const base = posix.basename(target.diskName)
    const path = parent.entry(base)
    try {
      if (found.isDirectory()) await rename(entry.path, path)
      else if (replace) await moveOver(entry.path, path)
      else {
        const move = { from: source.diskName, to: posix.join(parent.folder, base), file: found }
        if (!(await this.#moves.run(move, () => moveNew(entry.path, path))))
          throw new AppError('NAME_EXISTS', { name: target.name })
      }
    } catch (error) {
      if (isInTheWay(error))
        throw new AppError('NAME_BLOCKED', { name: target.name, reason: 'something is there' })
      throw nameRefused({ name: target.name, path: target.path }, error)
    }
    const changedFolders = [...parent.changed, entry.folder]
    if (found.isDirectory())
      return { record: () => this.#changes.folderMoved(source, target), changedFolders }
    const stat = fileStatOf(await lstat(path, { bigint: true }))
    const file = { name: source.name, before: isKnown ? known : undefined }
    const record = async (): Promise<void> => this.#changes.fileMoved(file, target, stat)
    return { record, changedFolders }
  }

  /** Moves a finished file into place; it is shared unless it is ignored. */
  async #finish(name: string, incoming: Incoming, replace: boolean): Promise<void> {
    const { placer, ignored } = this.#dependencies
    const { partialPath, content, chunkList } = incoming
    const placing = { key: { kind: 'shared', name } as const, partialPath, content, replace }
    if (ignored.patternFor(name) === undefined) await placer.adopt({ ...placing, chunkList })
    else await this.#flush((await placer.place(placing)).changedFolders)
  }

  /** Runs work in the queues of both folders, which all callers enter in the same order. */
  async #inQueues<T>(one: Location, other: Location, work: () => Promise<T>): Promise<T> {
    const { queues } = this.#dependencies
    const folderOf = ({ diskName }: Location): string => posix.dirname(diskName).toLowerCase()
    if (folderOf(one) === folderOf(other)) return await queues.run(one, work)
    const [first, second] = folderOf(one) < folderOf(other) ? [one, other] : [other, one]
    return await queues.run(first, () => queues.run(second, work))
  }

  #onGone(name: string): void {
    this.#changes.gone.add(name, this.#dependencies.catalog.lastSeq)
  }

  async #flush(folders: readonly string[]): Promise<void> {
    for (const folder of new Set(folders)) await this.#sync.sync(folder)
  }

  async #place(name: string): Promise<Location> {
    return await placeOf(name, this.#dependencies)
  }

  /** For work that changes something. */
  async #change(
    action: string,
    name: string,
    work: (at: Location) => Promise<void>,
  ): Promise<void> {
    await this.#do(action, name, async () => {
      const at = await this.#place(name)
      await this.#dependencies.guard.check(at.path)
      await this.#dependencies.staging.ensureRoot('shared')
      await work(at)
    })
  }

  async #do<T>(action: string, name: string, work: () => Promise<T>): Promise<T> {
    try {
      return await this.#dependencies.track(work)
    } catch (error) {
      const code = systemErrorCode(error)
      if (code === 'ENOENT' || code === 'ENOTDIR') throw new AppError('NAME_NOT_FOUND', { name })
      // Errors of the stream pass unchanged.
      throw code === undefined ? error : diskError({ action, path: name, neededBytes: 0 }, error)
    }
  }
}

/** @throws AppError NAME_BLOCKED if something is in it */
async function removeFolder(path: string, name: string): Promise<void> {
  try {
    await rmdir(path)
  } catch (error) {
    if (!isInTheWay(error)) throw error
    throw new AppError('NAME_BLOCKED', { name, reason: 'the folder is in use' })
  }
}

function isInTheWay(error: unknown): boolean {
  const code = systemErrorCode(error) ?? ''
  return ['ENOTEMPTY', 'EEXIST', 'EISDIR', 'EBUSY', 'ENOTDIR'].includes(code)
}
