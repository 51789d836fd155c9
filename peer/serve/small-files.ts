import type { Clock } from '../../common/clock.ts'
import { chunkCountFor } from '../../common/content/chunks.ts'
import { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { BulkSource } from '../../common/protocol/bulk.ts'
import type { ReadOutcome } from '../../common/protocol/messages.ts'
import { ThreadCaller } from '../../common/thread-caller.ts'
import type { ServedContents, ServedFile } from './served-contents.ts'
import type { SmallFile, SmallFilesReply, SmallFilesRequest } from './small-files-thread.ts'

interface Dependencies {
  readonly contents: Pick<ServedContents, 'find'>
  /** Told that a file is no longer as catalogued; returns at once. */
  readonly recheck: (file: ServedFile) => void
  readonly clock: Clock
}

type Found = ServedFile | AppError

/** Reads contents of one chunk, many at a time: a call to the thread costs more than the reading of one. */
export class SmallFiles implements AsyncDisposable {
  readonly #dependencies: Dependencies
  readonly #thread: ThreadCaller<SmallFilesRequest, SmallFilesReply>

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
    this.#thread = new ThreadCaller(
      new URL('./small-files-thread.ts', import.meta.url),
      dependencies,
    )
  }

  /** What there is of these contents, and the bytes of those that there are, read when they are sent. */
  async outcomes(
    sha256s: readonly string[],
  ): Promise<{ outcomes: ReadOutcome[]; bulk: BulkSource }> {
    const found = await this.#find(sha256s)
    const files = found.filter(isFile)
    return {
      outcomes: found.map((one) =>
        isFile(one) ? { size: one.content.size } : { error: one.code },
      ),
      bulk: { bytes: bytesOf(files), pieces: this.#pieces(files) },
    }
  }

  /**
   * The bytes of those of these contents that this peer holds, not verified, as long as they are small
   * together; undefined for the others.
   */
  async read(sha256s: readonly string[]): Promise<(Uint8Array<ArrayBuffer> | undefined)[]> {
    const found = this.#withinRoom(sha256s)
    const files = found.filter(isFile)
    const { failures, bytes } = await this.#call(files, true)
    let start = 0
    const read = new Map<Found, Uint8Array<ArrayBuffer>>()
    for (const [index, file] of files.entries()) {
      const { size } = file.content
      if (failures[index] === undefined) read.set(file, new Uint8Array(bytes, start, size))
      else this.#dependencies.recheck(file)
      start += size
    }
    return found.map((one) => read.get(one))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]()
  }

  /** For each content a file that is as it was catalogued, as long as they are small together. */
  async #find(sha256s: readonly string[]): Promise<Found[]> {
    const first = this.#withinRoom(sha256s)
    const files = first.filter(isFile)
    const { failures } = await this.#call(files, false)
    const failed = new Set(files.filter((_, index) => failures[index] !== undefined))
    return await Promise.all(
      first.map(async (one) => (isFile(one) && failed.has(one) ? await this.#insteadOf(one) : one)),
    )
  }

  /** What stands for each content in the catalog, as long as they are small together. */
  #withinRoom(sha256s: readonly string[]): Found[] {
    let room: number = limits.contentsReadBytesMax
    return sha256s.map((sha256) => {
      const file = this.#first(sha256)
      if (!isFile(file)) return file
      room -= file.content.size
      return room < 0 ? tooLarge('What is asked for', limits.contentsReadBytesMax) : file
    })
  }

  #first(sha256: string): Found {
    const [file] = this.#dependencies.contents.find(sha256)
    if (file === undefined) return new AppError('CONTENT_NOT_FOUND', { sha256 })
    return chunkCountFor(file.content.size) === 1
      ? file
      : tooLarge('The content', limits.chunkBytesMin)
  }

  /** Another file of the same content that is as catalogued; those that are not are to be rechecked. */
  async #insteadOf(failed: ServedFile): Promise<Found> {
    const files = this.#dependencies.contents.find(failed.content.sha256)
    const { failures } = await this.#call(files, false)
    for (const [index, file] of files.entries())
      if (failures[index] !== undefined) this.#dependencies.recheck(file)
    const file = files.find((_, index) => failures[index] === undefined)
    return file ?? new AppError('CONTENT_NOT_FOUND', { sha256: failed.content.sha256 })
  }

  /** Once bytes are promised, a file that changed can only end the connection. */
  async *#pieces(files: readonly ServedFile[]): AsyncGenerator<Uint8Array> {
    for (const group of groupsOf(files)) {
      const { failures, bytes } = await this.#call(group, true)
      const failed = failures.findIndex((failure) => failure !== undefined)
      const file = group[failed]
      if (file !== undefined) {
        this.#dependencies.recheck(file)
        throw new AppError('CONTENT_CHANGED', { name: file.at.name })
      }
      yield new Uint8Array(bytes)
    }
  }

  async #call(files: readonly ServedFile[], reads: boolean): Promise<SmallFilesReply> {
    const request = files.map(({ at, stat }): SmallFile => ({ path: at.path, stat }))
    return await this.#thread.call({ files: request, reads })
  }
}

function isFile(one: Found): one is ServedFile {
  return !(one instanceof AppError)
}

function bytesOf(files: readonly ServedFile[]): number {
  return files.reduce((sum, { content }) => sum + content.size, 0)
}

/** Runs of files that take about `diskReadBytes` together: so much is in memory for each that is sent to. */
function groupsOf(files: readonly ServedFile[]): ServedFile[][] {
  const groups: ServedFile[][] = []
  let room = 0
  for (const file of files) {
    if (file.content.size > room || groups.length === 0) {
      groups.push([])
      room = limits.diskReadBytes
    }
    groups.at(-1)?.push(file)
    room -= file.content.size
  }
  return groups
}

function tooLarge(what: string, max: number): AppError {
  return new AppError('TOO_LARGE', { what, max, unit: 'bytes' })
}
