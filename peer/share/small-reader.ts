import type { Clock } from '../../common/clock.ts'
import { chunkCountFor } from '../../common/content/chunks.ts'
import type { FileAsHashed } from '../../common/content/file-stat.ts'
import { limits } from '../../common/limits.ts'
import { ThreadCaller } from '../../common/thread/thread-caller.ts'
import type { CatalogFile } from './entry.ts'
import type { ReadFailure, ReadFilesReply, ReadFilesRequest } from './read-files-thread.ts'

/** A file of the catalog. */
type HeldFile = Pick<CatalogFile, 'content' | 'stat'> & {
  readonly at: { path: string; root: string }
}

interface Dependencies<File extends HeldFile> {
  readonly catalog: { first(sha256: string): File | undefined }
  /** Called with the path of a file that differs from its entry; returns immediately. */
  readonly recheck: (path: string) => void
  readonly clock: Clock
  /** For simulations: reads in place of a thread. */
  readonly thread?: ReadThread
}

type ReadThread = Pick<ThreadCaller<ReadFilesRequest, ReadFilesReply>, 'call'> & AsyncDisposable

/** Reads this peer's files of one chunk, many with one call to a thread: the call costs more than reading one of them. */
export class SmallReader<File extends HeldFile> implements AsyncDisposable {
  readonly #dependencies: Dependencies<File>
  readonly #thread: ReadThread

  constructor(dependencies: Dependencies<File>) {
    this.#dependencies = dependencies
    const script = new URL('./read-files-thread.ts', import.meta.url)
    this.#thread = dependencies.thread ?? new ThreadCaller(script, dependencies)
  }

  /**
   * A file for each content, or why it cannot be read with the others: `TOO_LARGE` if it has
   * several chunks, or if those before it reach the limit of one read.
   */
  find(sha256s: readonly string[]): (File | 'CONTENT_NOT_FOUND' | 'TOO_LARGE')[] {
    let roomBytes: number = limits.contentsReadBytesMax
    return sha256s.map((sha256) => {
      const file = this.#dependencies.catalog.first(sha256)
      if (file === undefined) return 'CONTENT_NOT_FOUND'
      if (chunkCountFor(file.content.size) > 1) return 'TOO_LARGE'
      roomBytes -= file.content.size
      return roomBytes < 0 ? 'TOO_LARGE' : file
    })
  }

  /**
   * For each file why it cannot be read; undefined if it can, and is unchanged since it was hashed.
   */
  async check(files: readonly FileAsHashed[]): Promise<readonly (ReadFailure | undefined)[]> {
    return (await this.#thread.call({ files, reads: false })).failures
  }

  /**
   * As {@link check}, with the concatenated bytes of the files; those of a failed file are
   * undefined.
   */
  async readFiles(files: readonly FileAsHashed[]): Promise<ReadFilesReply> {
    return await this.#thread.call({ files, reads: true })
  }

  /**
   * The bytes of each of these contents, not verified; undefined for those that {@link find}
   * refuses, and for changed files, which are rechecked.
   */
  async read(sha256s: readonly string[]): Promise<(Uint8Array<ArrayBuffer> | undefined)[]> {
    const found = this.find(sha256s)
    const files = found.filter((one) => typeof one !== 'string')
    if (files.length === 0) return found.map(() => undefined)
    const { failures, bytes } = await this.readFiles(files.map(asHashed))
    const read = new Map<File, Uint8Array<ArrayBuffer>>()
    let start = 0
    for (const [index, file] of files.entries()) {
      const { size } = file.stat
      if (failures[index] === undefined) read.set(file, new Uint8Array(bytes, start, size))
      else this.#dependencies.recheck(file.at.path)
      start += size
    }
    return found.map((one) => (typeof one === 'string' ? undefined : read.get(one)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]()
  }
}

function asHashed({ at, stat }: HeldFile): FileAsHashed {
  return { path: at.path, root: at.root, stat }
}
