import type { FileAsHashed } from '../../common/content/file-stat.ts'
import type { ErrorCode } from '../../common/error-table.ts'
import { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { BulkSource } from '../../common/protocol/bulk.ts'
import type { Account } from '../../common/protocol/byte-budget.ts'
import type { ReadOutcome } from '../../common/protocol/messages.ts'
import type { ServedContents, ServedFile, SmallFileReader } from './served-contents.ts'

/** Memory per content in a queued reply: the path of its file. */
export const contentWaitingBytes = 640
/** Small contents read at a time for a host that has used its share of `limits.budgetBytesMax`. */
const smallReadBytesMin = 64 * 1024

interface Dependencies {
  readonly contents: Pick<ServedContents, 'find' | 'isServed'>
  readonly smallReader: SmallFileReader
  /** Called with the path of a file that differs from its entry; returns immediately. */
  readonly recheck: (path: string) => void
}

/** Why a content cannot be sent, as it is reported. */
type Refusal = Extract<ReadOutcome, { error: string }>
type Found = ServedFile | Refusal

/** Sends contents of one chunk, many in one reply. */
export class SmallFiles {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /**
   * An outcome for each content, and the bytes of those that can be sent. They are read immediately if the
   * account has room for them; otherwise the files are checked now and read when they are sent.
   * @param account counts the bytes that wait to be sent
   * @param signal aborted when they will not be sent
   * @throws AppError BUSY when too many bytes wait; or the signal's reason
   */
  async outcomes(
    sha256s: readonly string[],
    account: Account,
    signal: AbortSignal,
  ): Promise<{ outcomes: ReadOutcome[]; bulk: BulkSource }> {
    signal.throwIfAborted()
    const heldBytes = sha256s.length * contentWaitingBytes
    if (!account.tryTake(heldBytes)) throw new AppError('BUSY')
    using stack = new DisposableStack()
    stack.use(holding(heldBytes, account, signal))
    const wanted = this.#dependencies.smallReader.find(sha256s).map(foundOf)
    const bytes = bytesOf(wanted.filter(isFile).map(asHashed))
    const isAhead = bytes > 0 && bytes <= limits.diskReadBytes && account.tryTake(bytes)
    if (isAhead) stack.use(holding(bytes, account, signal))
    const { found, read } = await this.#find(wanted, isAhead)
    // A reply may wait for long. Without its bytes it holds only what reading each file takes.
    const files = found.filter(isFile)
    const waiting = stack.move()
    return {
      outcomes: found.map((one) => (isFile(one) ? { size: one.content.size } : one)),
      bulk: {
        bytes: bytesOf(files.map(asHashed)),
        pieces: read === undefined ? this.#pieces(files, account, waiting) : during(waiting, read),
      },
    }
  }

  /** An unchanged file for each content; with `reads` also their bytes, unless another file had to stand in for one. */
  async #find(
    wanted: readonly Found[],
    reads: boolean,
  ): Promise<{ found: readonly Found[]; read: Uint8Array | undefined }> {
    const { smallReader } = this.#dependencies
    const files = wanted.filter(isFile)
    const { failures, bytes } = reads
      ? await smallReader.readFiles(files.map(asHashed))
      : { failures: await smallReader.check(files.map(asHashed)), bytes: undefined }
    const failed = new Set(files.filter((_, index) => failures[index] !== undefined))
    if (failed.size === 0) return { found: wanted, read: bytes && new Uint8Array(bytes) }
    const found = await Promise.all(
      wanted.map(async (one) =>
        isFile(one) && failed.has(one) ? await this.#insteadOf(one) : one,
      ),
    )
    return { found, read: undefined }
  }

  /** Another file of the same content that is unchanged; those that are not are rechecked. */
  async #insteadOf(failed: ServedFile): Promise<Found> {
    const { contents, smallReader, recheck } = this.#dependencies
    const files = contents.find(failed.content.sha256)
    const failures = await smallReader.check(files.map(asHashed))
    for (const [index, { at }] of files.entries())
      if (failures[index] !== undefined) recheck(at.path)
    const file = files.find((_, index) => failures[index] === undefined)
    if (file !== undefined) return file
    const failure = failures.find((each) => each?.code === 'DISK_FAILED') ?? failures[0]
    return failure === undefined
      ? refusal('CONTENT_NOT_FOUND')
      : refusal(failure.code, failure.reason)
  }

  /** A file that changed after its bytes were promised ends the connection: the requester asks again. */
  async *#pieces(
    files: readonly ServedFile[],
    account: Account,
    waiting: Disposable,
  ): AsyncGenerator<Uint8Array> {
    using _ = waiting
    for (let start = 0; start < files.length; ) {
      const isRoomy = account.tryTake(limits.diskReadBytes)
      const bytesMax = isRoomy ? limits.diskReadBytes : smallReadBytesMin
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
  async #readAll(group: readonly ServedFile[]): Promise<Uint8Array> {
    const { smallReader, recheck, contents } = this.#dependencies
    const { failures, bytes } = await smallReader.readFiles(group.map(asHashed))
    const failed = group.filter(
      (file, index) => failures[index] !== undefined || !contents.isServed(file),
    )
    for (const { at } of failed) recheck(at.path)
    if (failed.length > 0) throw new AppError('CONTENT_CHANGED', { name: 'a small file' })
    return new Uint8Array(bytes)
  }
}

function refusal(error: ErrorCode, reason?: string): Refusal {
  return { error, ...(reason !== undefined && { reason }) }
}

function foundOf(one: ServedFile | 'CONTENT_NOT_FOUND' | 'TOO_LARGE'): Found {
  return typeof one === 'string' ? refusal(one) : one
}

function isFile(one: Found): one is ServedFile {
  return 'at' in one
}

function asHashed({ at, stat }: ServedFile): FileAsHashed {
  return { path: at.path, root: at.root, stat }
}

function bytesOf(files: readonly FileAsHashed[]): number {
  return files.reduce((sum, { stat }) => sum + stat.size, 0)
}

/** The first files, one at least, of at most `bytesMax` together: the memory that sending them takes. */
function firstWithin(files: readonly ServedFile[], bytesMax: number): readonly ServedFile[] {
  let bytes = 0
  const end = files.findIndex(({ stat }, index) => {
    bytes += stat.size
    return index > 0 && bytes > bytesMax
  })
  return end === -1 ? files : files.slice(0, end)
}

/** Bytes that the account counts until this is disposed or the signal is aborted. */
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

/** Bytes in memory, counted until they have left. */
function* during(waiting: Disposable, bytes: Uint8Array): Generator<Uint8Array> {
  using _ = waiting
  yield bytes
}
