import type { Clock } from '../../common/clock.ts'
import { chunkCountFor } from '../../common/content/chunks.ts'
import type { ErrorCode } from '../../common/error-table.ts'
import { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { BulkSource } from '../../common/protocol/bulk.ts'
import type { Account } from '../../common/protocol/byte-budget.ts'
import type { ReadOutcome } from '../../common/protocol/messages.ts'
import { ThreadCaller } from '../../common/thread/thread-caller.ts'
import type { ServedContents, ServedFile } from './served-contents.ts'
import type { SmallFile, SmallFilesReply, SmallFilesRequest } from './small-files-thread.ts'

interface Dependencies {
  readonly contents: Pick<ServedContents, 'first' | 'find'>
  /** Told the path of a file that is no longer as catalogued; returns at once. */
  readonly recheck: (path: string) => void
  readonly clock: Clock
}

/** Why there is no file to be had, as it is told. */
type Refusal = Extract<ReadOutcome, { error: string }>
type Found = ServedFile | Refusal

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

  /**
   * What there is of these contents, and the bytes of those that there are: read at once while there
   * is room for them, or else looked at now and read when they are sent.
   * @param account counts what waits to be sent
   * @param signal aborted when they will not be
   * @throws AppError BUSY when too much waits to be sent; or the signal's reason
   */
  async outcomes(
    sha256s: readonly string[],
    account: Account,
    signal: AbortSignal,
  ): Promise<{ outcomes: ReadOutcome[]; bulk: BulkSource }> {
    signal.throwIfAborted()
    const heldBytes = sha256s.length * limits.contentWaitingBytes
    if (!account.tryTake(heldBytes)) throw new AppError('BUSY')
    using stack = new DisposableStack()
    stack.use(holding(heldBytes, account, signal))
    const wanted = this.#withinRoom(sha256s)
    const bytes = bytesOf(wanted.filter(isFile).map(smallFile))
    const isAhead = bytes > 0 && bytes <= limits.diskReadBytes && account.tryTake(bytes)
    if (isAhead) stack.use(holding(bytes, account, signal))
    const { found, read } = await this.#find(wanted, isAhead)
    // A reply may wait long: without its bytes it holds no more of each file than reading it takes.
    const files = found.filter(isFile).map(smallFile)
    const waiting = stack.move()
    return {
      outcomes: found.map((one) => (isFile(one) ? { size: one.content.size } : one)),
      bulk: {
        bytes: bytesOf(files),
        pieces: read === undefined ? this.#pieces(files, account, waiting) : during(waiting, read),
      },
    }
  }

  /**
   * The bytes of those of these contents that this peer holds, not verified, as long as they are small
   * together; undefined for the others.
   */
  async read(sha256s: readonly string[]): Promise<(Uint8Array<ArrayBuffer> | undefined)[]> {
    const found = this.#withinRoom(sha256s)
    const files = found.filter(isFile)
    if (files.length === 0) return found.map(() => undefined)
    const { failures, bytes } = await this.#call(files.map(smallFile), true)
    let start = 0
    const read = new Map<ServedFile, Uint8Array<ArrayBuffer>>()
    for (const [index, file] of files.entries()) {
      const { size } = file.content
      if (failures[index] === undefined) read.set(file, new Uint8Array(bytes, start, size))
      else this.#dependencies.recheck(file.at.path)
      start += size
    }
    return found.map((one) => (isFile(one) ? read.get(one) : undefined))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]()
  }

  /** For each content a file that is as it was catalogued; their bytes, if wanted and if all were so at once. */
  async #find(
    wanted: readonly Found[],
    reads: boolean,
  ): Promise<{ found: readonly Found[]; read: Uint8Array | undefined }> {
    const files = wanted.filter(isFile)
    const { failures, bytes } = await this.#call(files.map(smallFile), reads)
    const failed = new Set(files.filter((_, index) => failures[index] !== undefined))
    if (failed.size === 0) return { found: wanted, read: reads ? new Uint8Array(bytes) : undefined }
    const found = await Promise.all(
      wanted.map(async (one) =>
        isFile(one) && failed.has(one) ? await this.#insteadOf(one) : one,
      ),
    )
    return { found, read: undefined }
  }

  /** What stands for each content in the catalog, as long as they are small together. */
  #withinRoom(sha256s: readonly string[]): Found[] {
    let room: number = limits.contentsReadBytesMax
    return sha256s.map((sha256) => {
      const file = this.#first(sha256)
      if (!isFile(file)) return file
      room -= file.content.size
      return room < 0 ? refusal('TOO_LARGE') : file
    })
  }

  #first(sha256: string): Found {
    const file = this.#dependencies.contents.first(sha256)
    if (file === undefined) return refusal('CONTENT_NOT_FOUND')
    return chunkCountFor(file.content.size) === 1 ? file : refusal('TOO_LARGE')
  }

  /** Another file of the same content that is as catalogued; those that are not are to be rechecked. */
  async #insteadOf(failed: ServedFile): Promise<Found> {
    const files = this.#dependencies.contents.find(failed.content.sha256)
    const { failures } = await this.#call(files.map(smallFile), false)
    for (const [index, { at }] of files.entries())
      if (failures[index] !== undefined) this.#dependencies.recheck(at.path)
    const file = files.find((_, index) => failures[index] === undefined)
    if (file !== undefined) return file
    const failure = failures.find((each) => each?.code === 'DISK_FAILED') ?? failures[0]
    return failure === undefined
      ? refusal('CONTENT_NOT_FOUND')
      : refusal(failure.code, failure.reason)
  }

  /** Once bytes are promised, a file that changed since can only end the connection: who asked asks again. */
  async *#pieces(
    files: readonly SmallFile[],
    account: Account,
    waiting: Disposable,
  ): AsyncGenerator<Uint8Array> {
    using _ = waiting
    for (let start = 0; start < files.length; ) {
      const isRoomy = account.tryTake(limits.diskReadBytes)
      const bytesMax = isRoomy ? limits.diskReadBytes : limits.smallReadBytesMin
      if (!isRoomy) account.hold(bytesMax)
      try {
        const group = firstWithin(files.slice(start), bytesMax)
        start += group.length
        yield await this.#readAll(group)
      } finally {
        account.release(bytesMax)
      }
    }
  }

  /** @throws AppError CONTENT_CHANGED when one of them is not as it was catalogued */
  async #readAll(group: readonly SmallFile[]): Promise<Uint8Array> {
    const { failures, bytes } = await this.#call(group, true)
    const failed = group.filter((_, index) => failures[index] !== undefined)
    for (const { path } of failed) this.#dependencies.recheck(path)
    if (failed.length > 0) throw new AppError('CONTENT_CHANGED', { name: 'a small file' })
    return new Uint8Array(bytes)
  }

  async #call(files: readonly SmallFile[], reads: boolean): Promise<SmallFilesReply> {
    return await this.#thread.call({ files, reads })
  }
}

function refusal(error: ErrorCode, reason?: string): Refusal {
  return { error, ...(reason !== undefined && { reason }) }
}

function isFile(one: Found): one is ServedFile {
  return 'at' in one
}

function smallFile({ at, stat }: ServedFile): SmallFile {
  return { path: at.path, root: at.root, stat }
}

function bytesOf(files: readonly SmallFile[]): number {
  return files.reduce((sum, { stat }) => sum + stat.size, 0)
}

/** The first files, one at least, that take no more than `bytesMax` together: so much is in memory for each that is sent to. */
function firstWithin(files: readonly SmallFile[], bytesMax: number): readonly SmallFile[] {
  let bytes = 0
  const end = files.findIndex(({ stat }, index) => {
    bytes += stat.size
    return index > 0 && bytes > bytesMax
  })
  return end === -1 ? files : files.slice(0, end)
}

/** Bytes that `account` counts until this is disposed, or the signal is aborted. */
function holding(bytes: number, account: Account, signal: AbortSignal): Disposable {
  let isOver = false
  const end = (): void => {
    signal.removeEventListener('abort', end)
    if (!isOver) account.release(bytes)
    isOver = true
  }
  signal.addEventListener('abort', end)
  return { [Symbol.dispose]: end }
}

/** Bytes that are there, held until they have left. */
function* during(waiting: Disposable, bytes: Uint8Array): Generator<Uint8Array> {
  using _ = waiting
  yield bytes
}
