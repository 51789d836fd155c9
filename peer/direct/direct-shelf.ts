import { open, rmdir, unlink } from 'node:fs/promises'
import { join, posix } from 'node:path'
import type { Clock } from '../../common/clock.ts'
import { hashFile } from '../../common/content/hash.ts'
import { diskError } from '../../common/disk-error.ts'
import { AppError, toAppError } from '../../common/errors.ts'
import { inParallel } from '../../common/in-parallel.ts'
import { makeFolder } from '../../common/make-folder.ts'
import type { CopyKey } from '../../common/protocol/messages.ts'
import { type Random, randomId } from '../../common/random.ts'
import { FolderSync } from '../share/folder-sync.ts'
import { LocalChunks } from '../share/local-chunks.ts'
import { openParent } from '../share/parent-folder.ts'
import { SmallWriter } from '../share/small-writer.ts'
import type { FinishedFile, KeyedContent, Shelf, ShelvedFile, SmallFile } from '../shelf.ts'
import { ReplacedFiles } from './replaced-files.ts'
import type { Target } from './target.ts'
import { existingFile, moveIntoPlace, type TargetEntry } from './target-entry.ts'

/** Concurrent flushes: they share the file system's journal writes, and take a seventh of the time. */
const filesFlushedAtOnce = 8

/**
 * The shelf of downloads without a peer: the named file or folder. It has no catalog, so it knows the
 * content of a file only by reading it. An existing file is an error, unless it may be replaced.
 */
export class DirectShelf implements Shelf, AsyncDisposable {
  readonly target: Target
  readonly #replaced = new ReplacedFiles()
  /** The chunks of the files that will be replaced. */
  readonly localChunks = new LocalChunks({ catalog: this.#replaced, recheck: () => {} })
  readonly #replaces: boolean
  readonly #random: Random
  readonly #writer: SmallWriter
  readonly #folderSync = new FolderSync()

  /** @param options.replaces whether to replace files of other content */
  constructor(
    target: Target,
    { replaces }: { replaces: boolean },
    dependencies: { clock: Clock; random: Random },
  ) {
    this.target = target
    this.#replaces = replaces
    this.#random = dependencies.random
    this.#writer = new SmallWriter(dependencies)
  }

  /** Reads files of the right size. */
  async areThere(files: readonly KeyedContent[]): Promise<boolean[]> {
    const paths = files.map(({ key }) => this.#usablePathOf(key))
    const stats = await this.#writer.look(paths.map((path) => path ?? this.target.root))
    const there: boolean[] = []
    for (const [index, { content }] of files.entries()) {
      const path = paths[index]
      const isLike = path !== undefined && stats[index]?.size === content.size
      there.push(isLike && (await hasContent(path, content.sha256)))
    }
    return there
  }

  /** Always undefined: existing files are not requested. */
  async readSmall(sha256s: readonly string[]): Promise<undefined[]> {
    return sha256s.map(() => undefined)
  }

  /**
   * The file of `key`, if it has the content.
   * @throws AppError NAME_INVALID, FILE_EXISTS, NAME_BLOCKED, DISK_FAILED
   */
  async copyLocal(sha256: string, key: CopyKey): Promise<ShelvedFile | undefined> {
    return await this.#inPlace(key, async (place) => {
      const there = await existingFile(place, sha256)
      if (there?.content.sha256 === sha256) return { at: place, content: there.content }
      if (there !== undefined) this.#replaced.add(place.path, there)
      return undefined
    })
  }

  /** @throws AppError NAME_INVALID, FILE_EXISTS, NAME_BLOCKED, DISK_FULL, DISK_FAILED */
  async adopt({ key, content, partialPath }: FinishedFile): Promise<ShelvedFile> {
    return await this.#inPlace(key, async (place) => {
      await moveIntoPlace(place, partialPath, content.sha256)
      this.#replaced.delete(place.path)
      for (const folder of place.changedFolders) await this.#folderSync.sync(folder)
      return { at: place, content }
    })
  }

  /**
   * Flushes each file before it gets its name: without a catalog, files lost to a power cut could not be
   * identified later.
   * @returns for each the file, or an error of {@link adopt}
   * @throws AppError DISK_FULL, DISK_FAILED if none can be written
   */
  async adoptGroup(files: readonly SmallFile[]): Promise<(ShelvedFile | AppError)[]> {
    const { folderBeside, path } = this.target
    const incoming = join(folderBeside, randomId(this.#random))
    const outcomes = new Map<SmallFile, ShelvedFile | AppError>()
    const changedFolders = new Set<string>()
    try {
      await makeFolder(incoming)
      await inParallel(files.entries(), filesFlushedAtOnce, async ([index, file]) => {
        const partialPath = join(incoming, String(index))
        outcomes.set(file, await this.#write(file, partialPath, changedFolders))
      })
      for (const folder of changedFolders) await this.#folderSync.sync(folder)
      await rmdir(incoming)
    } catch (error) {
      throw diskError({ action: 'write to', path, neededBytes: 0 }, error)
    }
    return files.map((file) => outcomes.get(file) ?? new AppError('INTERNAL'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer[Symbol.asyncDispose]()
  }

  async #write(
    { key, content, bytes }: SmallFile,
    partialPath: string,
    changedFolders: Set<string>,
  ): Promise<ShelvedFile | AppError> {
    try {
      return await this.#inPlace(key, async (place) => {
        await writeFlushed(partialPath, bytes)
        await moveIntoPlace(place, partialPath, content.sha256)
        for (const folder of place.changedFolders) changedFolders.add(folder)
        return { at: place, content }
      })
    } catch (error) {
      return toAppError(error)
    } finally {
      await unlink(partialPath).catch(() => {})
    }
  }

  /**
   * Runs `work` with the folder of a file open; creates missing folders.
   * @throws AppError NAME_INVALID, NAME_BLOCKED, DISK_FULL, DISK_FAILED; errors of `work`, as AppError
   */
  async #inPlace<T>({ name }: CopyKey, work: (place: Place) => Promise<T>): Promise<T> {
    const { root } = this.target
    const diskName = this.target.diskNameOf(name)
    const [folder, base] = [posix.dirname(diskName), posix.basename(diskName)]
    const request = { name, root, folder: folder === '.' ? '' : folder }
    try {
      await makeFolder(root)
      await using parent = await openParent({ ...request, onObstacle: 'respell' })
      return await work({
        path: join(parent.path, base),
        entry: parent.entry(base),
        replaces: this.#replaces,
        changedFolders: parent.changed,
      })
    } catch (error) {
      throw diskError({ action: 'create', path: join(root, diskName), neededBytes: 0 }, error)
    }
  }

  #usablePathOf({ name }: CopyKey): string | undefined {
    try {
      return join(this.target.root, this.target.diskNameOf(name))
    } catch {
      return undefined
    }
  }
}

interface Place extends TargetEntry {
  /** Folders to flush. */
  readonly changedFolders: readonly string[]
}

async function writeFlushed(path: string, bytes: Uint8Array): Promise<void> {
  await using handle = await open(path, 'wx')
  await handle.writeFile(bytes)
  await handle.sync()
}

async function hasContent(path: string, sha256: string): Promise<boolean> {
  try {
    return (await hashFile(path)).content.sha256 === sha256
  } catch {
    // It is changing or unreadable: fetching the file will report it.
    return false
  }
}
