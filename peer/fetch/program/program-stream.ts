import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Clock } from '../../../common/clock.ts'
import { withDeadline } from '../../../common/deadline.ts'
import { AppError, reasonOf } from '../../../common/errors.ts'
import { deadlines } from '../../../common/limits.ts'
import { type ProgramCaller, requestProgram } from '../../../common/request-program.ts'
import type { ProgramFile } from './program-files.ts'

type Skip = (bytes: number) => void | Promise<void>

interface StreamOptions {
  readonly file: ProgramFile
  /** The first byte that is wanted. */
  readonly start: number
  readonly signal: AbortSignal
  readonly identity: ProgramCaller
  /** Called with bytes before `start`, of a program that cannot begin elsewhere. */
  readonly onSkipped: Skip
  /** Called with the reason if the answer cannot be the file that the program said it has. */
  readonly onFalse: (why: string) => void
}

/**
 * The bytes of a program's file, from a position to its end, by one HTTP request. Redirects are not
 * followed: the address is the program's own. Bytes beyond the size that it said are refused.
 */
export class ProgramStream implements Disposable {
  readonly #options: StreamOptions
  readonly #request: ClientRequest
  readonly #pieces: AsyncIterator<Buffer, undefined>
  #piece: Buffer = Buffer.alloc(0)
  #position: number

  private constructor(
    options: StreamOptions,
    position: number,
    { request, response }: { request: ClientRequest; response: IncomingMessage },
  ) {
    this.#options = options
    this.#request = request
    this.#pieces = (response as AsyncIterable<Buffer, undefined>)[Symbol.asyncIterator]()
    this.#position = position
  }

  /** @throws AppError DIAL_FAILED, DEADLINE_EXCEEDED, BAD_REPLY; or the signal's reason */
  static async open(options: StreamOptions, { clock }: { clock: Clock }): Promise<ProgramStream> {
    const { file, signal } = options
    const deadline = { what: `The answer of ${file.url}`, deadlineMs: deadlines.requestMs, signal }
    const opened = await withDeadline(deadline, clock, (inTime) => answerOf(options, inTime))
    try {
      const stream = new ProgramStream(options, positionOf(options, opened.response), opened)
      await stream.#skip()
      return stream
    } catch (error) {
      opened.request.destroy()
      throw error
    }
  }

  get file(): ProgramFile {
    return this.#options.file
  }

  /** Of the next byte, in the file. */
  get position(): number {
    return this.#position
  }

  /**
   * Up to `bytesMax` bytes, at least one, valid until the next call. The last ones of a file are given only if
   * the program sends no more.
   * @throws AppError CONNECTION_CLOSED, BAD_REPLY; or the signal's reason
   */
  async read(bytesMax: number, signal: AbortSignal): Promise<Buffer> {
    const end = (): void => void this.#request.destroy()
    signal.addEventListener('abort', end, { once: true })
    try {
      signal.throwIfAborted()
      while (this.#piece.length === 0) this.#piece = await this.#next(signal)
      const given = this.#piece.subarray(0, bytesMax)
      this.#piece = this.#piece.subarray(given.length)
      this.#position += given.length
      if (this.#position === this.file.size) await this.#checkEnd(signal)
      return given
    } finally {
      signal.removeEventListener('abort', end)
    }
  }

  [Symbol.dispose](): void {
    this.#request.destroy()
  }

  async #skip(): Promise<void> {
    const { start, onSkipped, signal } = this.#options
    while (this.#position < start)
      await onSkipped((await this.read(start - this.#position, signal)).length)
  }

  async #next(signal: AbortSignal): Promise<Buffer> {
    const piece = await this.#piecesNext(signal)
    if (piece === undefined)
      throw falseAnswer(this.#options, `it ends after ${this.#position} bytes`)
    return piece
  }

  async #checkEnd(signal: AbortSignal): Promise<void> {
    if (this.#piece.length === 0) this.#piece = (await this.#piecesNext(signal)) ?? this.#piece
    if (this.#piece.length > 0)
      throw falseAnswer(this.#options, `it sends more than ${this.file.size} bytes`)
  }

  /** Undefined at the end. */
  async #piecesNext(signal: AbortSignal): Promise<Buffer | undefined> {
    try {
      const next: IteratorResult<Buffer, undefined> = await this.#pieces.next()
      return next.value
    } catch (error) {
      signal.throwIfAborted()
      throw new AppError('CONNECTION_CLOSED', { address: this.file.url }, { cause: error })
    }
  }
}

async function answerOf(
  { file, start, identity }: StreamOptions,
  signal: AbortSignal,
): Promise<{ request: ClientRequest; response: IncomingMessage }> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const name = file.name.split('/').map(encodeURIComponent).join('/')
  const headers = {
    'accept-encoding': 'identity',
    ...(start > 0 && { range: `bytes=${start}-${file.size - 1}` }),
  }
  const url = new URL(`/files/by-name/${name}`, file.url)
  const request = requestProgram(url, { headers }, identity)
  const end = (): void => void request.destroy()
  signal.addEventListener('abort', end, { once: true })
  request.on('error', (error) => {
    const details = { address: file.url, reason: reasonOf(error) }
    reject(new AppError('DIAL_FAILED', details, { cause: error }))
  })
  request.on('response', (response) => {
    // Told to who reads it; without a listener it would end this process.
    response.on('error', () => {})
    resolve(response)
  })
  request.end()
  try {
    return { request, response: await promise }
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', end)
  }
}

/** Where the bytes of an answer begin in the file. */
function positionOf(options: StreamOptions, response: IncomingMessage): number {
  const { file, start } = options
  const { statusCode, headers } = response
  const [, from, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers['content-range'] ?? '') ?? []
  if (statusCode === 206 && start > 0) {
    if (Number(from) !== start || (total !== '*' && Number(total) !== file.size))
      throw falseAnswer(options, `it sends '${headers['content-range'] ?? ''}' instead of ${start}`)
    return start
  }
  if (statusCode !== 200) {
    const reason = `HTTP ${statusCode ?? 'without a status'}`
    throw new AppError('BAD_REPLY', { address: file.url, request: 'GET', reason })
  }
  const length = headers['content-length']
  if (length !== undefined && Number(length) !== file.size)
    throw falseAnswer(options, `${length} bytes instead of ${file.size}`)
  return 0
}

function falseAnswer({ file: { url }, onFalse }: StreamOptions, reason: string): AppError {
  onFalse(reason)
  return new AppError('BAD_REPLY', { address: url, request: 'GET', reason })
}
