import { open, rmdir, unlink } from 'node:fs/promises'
import { join, posix } from 'node:path'
import type { Clock } from '../../common/clock.ts'
import { hashFile } from '../../common/content/hash.ts'
import { diskError } from '../../common/disk-error.ts'
import { AppError } from '../../common/errors.ts'
import { inParallel } from '../../common/in-parallel.ts'
import { limits } from '../../common/limits.ts'
import { makeFolder } from '../../common/make-folder.ts'
import { type Random, randomId } from '../../common/random.ts'
import type { NamedContent } from '../download/group-download.ts'
import { FolderSync } from '../share/folder-sync.ts'
import { unusableName } from '../share/folders.ts'
import { openParent, type ParentFolder } from '../share/parent-folder.ts'
import { SmallWriter } from '../share/small-writer.ts'
import { folderFor, TargetFile } from './target-file.ts'

interface TargetFolderOptions {
  /** Absolute. */
  readonly path: string
  /** What is downloaded: two downloads of one pattern into one folder do not run at the same time. */
  readonly pattern: string
  /** Whether files of other content may be replaced. */
  readonly replaces: boolean
}

/** The folder that a download of many files without a peer ends in, each under its whole name. */
export class TargetFolder implements AsyncDisposable {
  readonly path: string
  readonly folderBeside: string
  readonly #options: TargetFolderOptions
  readonly #random: Random
  readonly #writer: SmallWriter
  readonly #folderSync = new FolderSync()

  constructor(options: TargetFolderOptions, dependencies: { clock: Clock; random: Random }) {
    this.path = options.path
    this.folderBeside = folderFor(options.path, options.pattern)
    this.#options = options
    this.#random = dependencies.random
    this.#writer = new SmallWriter(dependencies)
  }

  /** See {@link TargetFile.held}. @throws AppError NAME_INVALID, too */
  async held(name: string, sha256: string): Promise<{ path: string; size: number } | undefined> {
    await using parent = await this.#openParent(name)
    return await this.#targetIn(parent, name).held(sha256)
  }

  /** See {@link TargetFile.put}. @throws AppError NAME_INVALID, too */
  async put(name: string, partialPath: string, sha256: string): Promise<{ path: string }> {
    await using parent = await this.#openParent(name)
    return await this.#targetIn(parent, name).put(partialPath, sha256)
  }

  /** Which of the files have their content already, in this folder: those of the right size are read. */
  async areThere(files: readonly NamedContent[]): Promise<boolean[]> {
    const stats = await this.#writer.look(files.map(({ name }) => join(this.path, name)))
    const there: boolean[] = []
    for (const [index, { name, content }] of files.entries()) {
      const isLike = unusableName(name) === undefined && stats[index]?.size === content.size
      there.push(isLike && (await hasContent(join(this.path, name), content.sha256)))
    }
    return there
  }

  /**
   * Writes small files and flushes them, each before it gets its name: nobody remembers which ones a
   * power cut would cost. For each what stands in the way, if something does: FILE_EXISTS, and what
   * {@link put} throws.
   * @throws AppError DISK_FULL, DISK_FAILED when nothing can be written
   */
  async place(
    files: readonly (NamedContent & { readonly bytes: Uint8Array })[],
  ): Promise<(AppError | undefined)[]> {
    const incoming = join(this.folderBeside, randomId(this.#random))
    const outcomes: (AppError | undefined)[] = files.map(() => undefined)
    const changedFolders = new Set<string>()
    try {
      await makeFolder(incoming)
      await inParallel(files.entries(), limits.filesFlushedAtOnce, async ([index, file]) => {
        const partialPath = join(incoming, String(index))
        outcomes[index] = await this.#place(file, partialPath, changedFolders)
      })
      for (const folder of changedFolders) await this.#folderSync.sync(folder)
      await rmdir(incoming)
    } catch (error) {
      throw diskError({ action: 'write to', path: this.path, neededBytes: 0 }, error)
    }
    return outcomes
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer[Symbol.asyncDispose]()
  }

  async #place(
    { name, content, bytes }: NamedContent & { readonly bytes: Uint8Array },
    partialPath: string,
    changedFolders: Set<string>,
  ): Promise<AppError | undefined> {
    try {
      await using parent = await this.#openParent(name)
      await writeFlushed(partialPath, bytes)
      await this.#targetIn(parent, name).place(partialPath, content.sha256)
      for (const folder of parent.changed) changedFolders.add(folder)
      return undefined
    } catch (error) {
      return diskError({ action: 'create', path: join(this.path, name), neededBytes: 0 }, error)
    } finally {
      await unlink(partialPath).catch(() => {})
    }
  }

  #targetIn(parent: ParentFolder, name: string): TargetFile {
    const base = posix.basename(name)
    return TargetFile.at(join(parent.path, base), { ...this.#options, entry: parent.entry(base) })
  }

  async #openParent(name: string): Promise<ParentFolder> {
    const reason = unusableName(name)
    if (reason !== undefined) throw new AppError('NAME_INVALID', { name, reason })
    const folder = posix.dirname(name)
    const request = { name, root: this.path, folder: folder === '.' ? '' : folder }
    try {
      await makeFolder(this.path)
      return await openParent({ ...request, onObstacle: 'respell' })
    } catch (error) {
      throw diskError({ action: 'create', path: join(this.path, name), neededBytes: 0 }, error)
    }
  }
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
    // It changes, or cannot be read: what comes is not put there without being asked about.
    return false
  }
}
