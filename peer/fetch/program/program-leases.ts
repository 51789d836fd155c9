import type { Clock } from '../../../common/clock.ts'
import { chunkRange } from '../../../common/content/chunks.ts'
import { withDeadline } from '../../../common/deadline.ts'
import { AppError } from '../../../common/errors.ts'
import { deadlines } from '../../../common/limits.ts'
import type { RequestOptions, ResultOf } from '../../../common/protocol/connection.ts'
import type { MessageType, RequestOf, Source } from '../../../common/protocol/messages.ts'
import type { ProgramCaller } from '../../../common/request-program.ts'
import { SerialQueue } from '../../../common/serial-queue.ts'
import type { ConnectionPool, ConnectionUse, Lease } from '../source/connection-pool.ts'
import { ConnectionProgress } from '../source/connection-progress.ts'
import { labelOf } from '../source/peer-source.ts'
import type { ProgramFile, ProgramFiles } from './program-files.ts'
import { ProgramStream } from './program-stream.ts'

interface Dependencies {
  readonly pool: Pick<ConnectionPool, 'lease'>
  readonly files: Pick<ProgramFiles, 'get' | 'lied'>
  readonly clock: Clock
  readonly identity?: ProgramCaller
}

/**
 * Connections to sources of both kinds: those to peers are of the pool; at a program the requests of a
 * fetch are HTTP requests.
 */
export class ProgramLeases implements Pick<ConnectionPool, 'lease'> {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** See {@link ConnectionPool.lease}. */
  async lease(source: Source, use: ConnectionUse, signal: AbortSignal): Promise<Lease> {
    if (source.kind !== 'program') return await this.#dependencies.pool.lease(source, use, signal)
    const connection = new ProgramConnection(source, this.#dependencies)
    return {
      connection,
      progress: connection.progress,
      discard: () => connection[Symbol.dispose](),
      [Symbol.dispose]: () => connection[Symbol.dispose](),
    }
  }
}

/**
 * Answers the requests of a fetch with the file of a program, which is read in order by one HTTP request as
 * far as the chunks are requested in order. Disposing ends it.
 */
class ProgramConnection implements Disposable {
  readonly progress: ConnectionProgress
  readonly #source: Source
  readonly #dependencies: Dependencies
  readonly #reads = new SerialQueue()
  #stream: ProgramStream | undefined
  #isOpen = true
  #lastBytesMs: number

  constructor(source: Source, dependencies: Dependencies) {
    this.progress = new ConnectionProgress(dependencies)
    this.#source = source
    this.#dependencies = dependencies
    this.#lastBytesMs = dependencies.clock.monotonicMs()
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  get silentMs(): number {
    return this.#dependencies.clock.monotonicMs() - this.#lastBytesMs
  }

  /**
   * A program has all chunks, and no chunk lists.
   * @throws AppError BAD_REPLY, CONNECTION_CLOSED, DEADLINE_EXCEEDED, DIAL_FAILED; or the signal's reason
   */
  async request<T extends MessageType>(
    type: T,
    body: RequestOf<T>,
    options: RequestOptions = {},
  ): Promise<ResultOf<T>> {
    if (type === 'chunks') return {} as ResultOf<T>
    if (type !== 'read') throw this.#refusal(type)
    const read = body as RequestOf<'read'>
    const bytes = await this.#reads.run(() => this.#read(read, options))
    return { bytes } as ResultOf<T>
  }

  [Symbol.dispose](): void {
    this.#isOpen = false
    this.#close()
  }

  async #read(
    { sha256, chunk }: RequestOf<'read'>,
    { deadlineMs = deadlines.requestMs, signal, into }: RequestOptions,
  ): Promise<number> {
    const file = this.#dependencies.files.get(this.#source, sha256)
    if (file === undefined || into === undefined || !this.#isOpen) throw this.#refusal('read')
    const { start, bytes } = chunkRange(file.size, chunk)
    signal?.throwIfAborted()
    const deadline = { what: `Chunk ${chunk} of ${file.url}`, deadlineMs, signal }
    try {
      await withDeadline(deadline, this.#dependencies.clock, async (inTime) => {
        const stream = bytes === 0 ? undefined : await this.#streamAt(file, { start, into }, inTime)
        inTime.throwIfAborted()
        into.begin(bytes, {})
        for (let left = bytes; stream !== undefined && left > 0; ) {
          const piece = await stream.read(left, inTime)
          // The memory of an ended read belongs to another one.
          inTime.throwIfAborted()
          left -= piece.length
          this.#lastBytesMs = this.#dependencies.clock.monotonicMs()
          await into.write(piece)
        }
      })
    } catch (error) {
      this.#close()
      throw error
    }
    return bytes
  }

  /** The request in progress, if the next bytes are those that are wanted; otherwise a new one. */
  async #streamAt(
    file: ProgramFile,
    { start, into }: { start: number; into: NonNullable<RequestOptions['into']> },
    signal: AbortSignal,
  ): Promise<ProgramStream> {
    const { clock, files, identity } = this.#dependencies
    const before = this.#stream
    if (before?.file === file && before.position === start) return before
    this.#close()
    const stream = await ProgramStream.open(
      {
        file,
        start,
        signal,
        identity,
        onSkipped: (bytes) => into.skip?.(bytes),
        onFalse: (why) => files.lied(this.#source, why),
      },
      { clock },
    )
    this.#stream = stream
    if (!this.#isOpen) this.#close()
    return stream
  }

  #close(): void {
    this.#stream?.[Symbol.dispose]()
    this.#stream = undefined
  }

  #refusal(request: string): AppError {
    const reason = 'no file of a program is known'
    return new AppError('BAD_REPLY', { address: labelOf(this.#source), request, reason })
  }
}
