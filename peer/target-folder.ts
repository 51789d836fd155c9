import { mkdir, rmdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../common/clock.ts'
import { hashFile } from '../common/content/hash.ts'
import { diskError } from '../common/disk-error.ts'
import { AppError } from '../common/errors.ts'
import { type Random, randomId } from '../common/random.ts'
import type { NamedContent } from './fetch/group-download.ts'
import { makeParents, unusableName } from './share/folders.ts'
import { SmallWriter } from './share/small-writer.ts'
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

  constructor(options: TargetFolderOptions, dependencies: { clock: Clock; random: Random }) {
    this.path = options.path
    this.folderBeside = folderFor(options.path, options.pattern)
    this.#options = options
    this.#random = dependencies.random
    this.#writer = new SmallWriter(dependencies)
  }

  /**
   * Where a file goes, with the folders above it.
   * @throws AppError NAME_INVALID, NAME_BLOCKED, DISK_FULL, DISK_FAILED
   */
  async file(name: string): Promise<TargetFile> {
    const reason = unusableName(name)
    if (reason !== undefined) throw new AppError('NAME_INVALID', { name, reason })
    const path = join(this.path, name)
    try {
      await makeParents({ name, path, root: this.path })
    } catch (error) {
      throw diskError({ action: 'create', path, neededBytes: 0 }, error)
    }
    return TargetFile.at(path, this.#options)
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
   * Writes small files; for each what stands in the way, if something does: FILE_EXISTS, and what
   * {@link file} throws.
   * @throws AppError DISK_FULL, DISK_FAILED when nothing can be written
   */
  async place(
    files: readonly (NamedContent & { readonly bytes: Uint8Array })[],
  ): Promise<(AppError | undefined)[]> {
    const targets = await Promise.all(
      files.map(({ name }) => this.file(name).catch((error: unknown) => error as AppError)),
    )
    const incoming = join(this.folderBeside, randomId(this.#random))
    await this.#make(incoming)
    const writes = files.flatMap(({ bytes }, index) => {
      const target = targets[index]
      if (!(target instanceof TargetFile)) return []
      return [{ index, path: target.path, partialPath: join(incoming, String(index)), bytes }]
    })
    const written = await this.#writer.write(writes)
    const outcomes = new Map<number, AppError | undefined>()
    for (const [place, { index, path, partialPath }] of writes.entries()) {
      const outcome = written[place]
      const { sha256 = '' } = files[index]?.content ?? {}
      const settle = async (): Promise<void> => {
        if (outcome instanceof Error) throw outcome
        if (outcome === 'taken') await this.#settleTaken(path, partialPath, sha256)
      }
      outcomes.set(index, await errorOf(settle, path))
    }
    await rmdir(incoming)
    return targets.map((target, index) =>
      target instanceof TargetFile ? outcomes.get(index) : target,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer[Symbol.asyncDispose]()
  }

  async #make(folder: string): Promise<void> {
    try {
      await mkdir(folder)
    } catch (error) {
      throw diskError({ action: 'create', path: folder, neededBytes: 0 }, error)
    }
  }

  async #settleTaken(path: string, partialPath: string, sha256: string): Promise<void> {
    try {
      await TargetFile.at(path, this.#options).place(partialPath, sha256)
    } finally {
      await unlink(partialPath).catch(() => {})
    }
  }
}

async function hasContent(path: string, sha256: string): Promise<boolean> {
  try {
    return (await hashFile(path)).content.sha256 === sha256
  } catch {
    // It changes, or cannot be read: what comes is not put there without being asked about.
    return false
  }
}

async function errorOf(work: () => Promise<void>, path: string): Promise<AppError | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    return diskError({ action: 'create', path, neededBytes: 0 }, error)
  }
}
