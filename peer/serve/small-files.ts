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
  /** Told the path of a file that is no longer as catalogued; returns at once. */
  readonly recheck: (path: string) => void
  readonly clock: Clock
}

type Found = ServedFile | AppError

/** Reads contents of one chunk, many at a time: a call to the thread costs more than the reading of one. */
export class SmallFiles implements AsyncDisposable {
  readonly #dependencies: Dependencies
  readonly #thread: ThreadCaller<SmallFilesRequest, SmallFilesReply>
  readonly #waitingMax: number
  /** Contents in replies that are being made or wait to be sent. */
  #waiting = 0

  constructor({ waitingMax }: { waitingMax: number }, dependencies: Dependencies) {
    this.#waitingMax = waitingMax
    this.#dependencies = dependencies
    this.#thread = new ThreadCaller(
      new URL('./small-files-thread.ts', import.meta.url),
      dependencies,
    )
  }

  /**
   * What there is of these contents, and the bytes of those that there are, read when they are sent.
   * @param signal aborted when they will not be
   * @throws AppError BUSY when too much waits to be sent; or the signal's reason
   */
  async outcomes(
    sha256s: readonly string[],
    signal: AbortSignal,
  ): Promise<{ outcomes: ReadOutcome[]; bulk: BulkSource }> {
    using stack = new DisposableStack()
    stack.use(this.#wait(sha256s.length, signal))
    const found = await this.#find(sha256s)
    // A reply may wait long: it holds no more of each file than reading it takes.
    const files = found.filter(isFile).map(smallFile)
    return {
      outcomes: found.map((one) =>
        isFile(one) ? { size: one.content.size } : { error: one.code },
      ),
      bulk: { bytes: bytesOf(files), pieces: this.#pieces(files, stack.move()) },
    }
  }

  /** Counts contents as waiting until it is disposed, or the signal is aborted. */
  #wait(count: number, signal: AbortSignal): Disposable {
    signal.throwIfAborted()
    if (this.#waiting + count > this.#waitingMax) throw new AppError('BUSY')
    this.#waiting += count
    let isOver = false
    const end = (): void => {
      signal.removeEventListener('abort', end)
      if (!isOver) this.#waiting -= count
      isOver = true
    }
    signal.addEventListener('abort', end)
    return { [Symbol.dispose]: end }
  }

  /**
   * The bytes of those of these contents that this peer holds, not verified, as long as they are small
   * together; undefined for the others.
   */
  async read(sha256s: readonly string[]): Promise<(Uint8Array<ArrayBuffer> | undefined)[]> {
    const found = this.#withinRoom(sha256s)
    const files = found.filter(isFile)
    const { failures, bytes } = await this.#call(files.map(smallFile), true)
    let start = 0
    const read = new Map<Found, Uint8Array<ArrayBuffer>>()
    for (const [index, file] of files.entries()) {
      const { size } = file.content
      if (failures[index] === undefined) read.set(file, new Uint8Array(bytes, start, size))
      else this.#dependencies.recheck(file.at.path)
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
    const { failures } = await this.#call(files.map(smallFile), false)
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
    const { failures } = await this.#call(files.map(smallFile), false)
    for (const [index, { at }] of files.entries())
      if (failures[index] !== undefined) this.#dependencies.recheck(at.path)
    const file = files.find((_, index) => failures[index] === undefined)
    return file ?? new AppError('CONTENT_NOT_FOUND', { sha256: failed.content.sha256 })
  }

  /** Once bytes are promised, a file that changed can only end the connection. */
  async *#pieces(files: readonly SmallFile[], waiting: Disposable): AsyncGenerator<Uint8Array> {
    waiting[Symbol.dispose]()
    for (const group of groupsOf(files)) {
      const { failures, bytes } = await this.#call(group, true)
      const failed = failures.findIndex((failure) => failure !== undefined)
      const file = group[failed]
      if (file !== undefined) {
        this.#dependencies.recheck(file.path)
        throw new AppError('CONTENT_CHANGED', { name: 'a small file' })
      }
      yield new Uint8Array(bytes)
    }
  }

  async #call(files: readonly SmallFile[], reads: boolean): Promise<SmallFilesReply> {
    return await this.#thread.call({ files, reads })
  }
}

function isFile(one: Found): one is ServedFile {
  return !(one instanceof AppError)
}

function smallFile({ at, stat }: ServedFile): SmallFile {
  return { path: at.path, stat }
}

function bytesOf(files: readonly SmallFile[]): number {
  return files.reduce((sum, { stat }) => sum + stat.size, 0)
}

/** Runs of files that take about `diskReadBytes` together: so much is in memory for each that is sent to. */
function groupsOf(files: readonly SmallFile[]): SmallFile[][] {
  const groups: SmallFile[][] = []
  let room = 0
  for (const file of files) {
    if (file.stat.size > room || groups.length === 0) {
      groups.push([])
      room = limits.diskReadBytes
    }
    groups.at(-1)?.push(file)
    room -= file.stat.size
  }
  return groups
}

function tooLarge(what: string, max: number): AppError {
  return new AppError('TOO_LARGE', { what, max, unit: 'bytes' })
}
