/**
 * One connection, either end: requests with ids, many in flight in both directions, replies in any
 * order, bulk bytes after their reply.
 *
 *   stream -> FrameDecoder -> envelope -+-> Dispatch (a request)      -> Outbox -> stream
 *                                       +-> PendingRequests (a reply or its bulk bytes)
 *
 * Reading pauses while a sink is writing or too much waits to be sent. A frame that breaks the
 * rules ends the connection after an error frame; nobody else notices.
 */
import type { Duplex } from 'node:stream'
import type { Cancel, Clock } from '../clock.ts'
import { AppError, errorFromWire, errorToWire, reasonOf, toAppError } from '../errors.ts'
import { deadlines, limits } from '../limits.ts'
import type { Log } from '../log.ts'
import type { BulkSink } from './bulk.ts'
import {
  cancelFrame,
  connectionErrorId,
  type Envelope,
  errorFrame,
  parseEnvelope,
  type RequestEnvelope,
  replyFrame,
  requestFrame,
} from './envelope.ts'
import { type Decoded, FrameDecoder } from './framing.ts'
import type { Dispatch } from './handlers.ts'
import {
  type MessageType,
  type messages,
  type ReplyOf,
  type RequestOf,
  requestBytesMaxOf,
} from './messages.ts'
import { Outbox, type Outgoing } from './outbox.ts'
import { PendingRequests } from './pending-requests.ts'
import { type Address, formatAddress, type Wire } from './transport.ts'
import { parseReply } from './validate.ts'

export interface RequestOptions {
  /** Until the reply's frame; bulk bytes have their own (`deadlines.bulkStallMs` without any). */
  readonly deadlineMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Where the bulk bytes go; needed for messages that answer with bulk. */
  readonly into?: BulkSink | undefined
}

/** What a request resolves with: the reply, and with bulk how many bytes the sink was given. */
export type ResultOf<T extends MessageType> = (typeof messages)[T]['bulk'] extends true
  ? ReplyOf<T> & { readonly bytes: number }
  : ReplyOf<T>

export interface ConnectionOptions {
  readonly remote: Address
  /** Without any traffic for so long, the connection is closed. */
  readonly idleMs?: number
}

export interface ConnectionDependencies {
  readonly wire: Wire
  readonly dispatch: Dispatch
  readonly clock: Clock
  readonly log: Log
}

/** A request of the other side at work; `stop` when nobody waits for the answer any more. */
interface Answering {
  readonly work: Promise<void>
  readonly stop: AbortController
}

export class Connection implements AsyncDisposable {
  readonly remote: Address
  readonly #idleMs: number
  readonly #stream: Duplex
  readonly #dispatch: Dispatch
  readonly #clock: Clock
  readonly #log: Log
  readonly #decoder = new FrameDecoder()
  readonly #outbox: Outbox
  readonly #pending: PendingRequests
  /** The other side's requests whose answer has not begun to leave, by id. */
  readonly #answering = new Map<number, Answering>()
  /** Ends what gives the bytes that are leaving, or were the last to leave. */
  #sending: AbortController | undefined
  readonly #closed = Promise.withResolvers<void>()
  #isClosing = false
  /** Whether the other side broke the rules: what else it sends is passed over. */
  #isRefused = false
  #lastTrafficMs: number
  #cancelIdleTimer: Cancel = () => {}

  constructor(options: ConnectionOptions, dependencies: ConnectionDependencies) {
    const { wire, dispatch, clock, log } = dependencies
    const { stream } = wire
    this.remote = options.remote
    this.#idleMs = options.idleMs ?? deadlines.connectionIdleMs
    this.#stream = stream
    this.#dispatch = dispatch
    this.#clock = clock
    this.#log = log
    this.#outbox = new Outbox(stream, () => {
      this.#lastTrafficMs = clock.monotonicMs()
    })
    this.#pending = new PendingRequests(clock)
    this.#lastTrafficMs = clock.monotonicMs()
    this.#watchIdle(this.#idleMs)
    stream.on('end', () => stream.destroy())
    stream.on('error', (error) =>
      this.#log.debug({ remote: this.remote, reason: reasonOf(error) }, 'connection failed'),
    )
    stream.on('close', () => this.#onClose())
    wire.read((bytes) => this.#onData(bytes))
  }

  /** Resolves when the connection has ended, however it did. Never rejects. */
  get closed(): Promise<void> {
    return this.#closed.promise
  }

  /** Calls `callback` when the connection has ended; at once when it has already. */
  onClosed(callback: () => void): void {
    if (this.#stream.closed) callback()
    else this.#stream.once('close', callback)
  }

  get isOpen(): boolean {
    return !this.#isClosing && !this.#stream.destroyed
  }

  /** Milliseconds since anything came from or went to the other side. */
  get silentMs(): number {
    return this.#clock.monotonicMs() - this.#lastTrafficMs
  }

  /**
   * Asks the other side and waits for its answer; tells it when nobody waits any more.
   * @throws AppError what the other side answered, or CONNECTION_CLOSED, DEADLINE_EXCEEDED,
   *   BAD_REPLY, TOO_LARGE; or the signal's reason
   */
  async request<T extends MessageType>(
    type: T,
    body: RequestOf<T>,
    { deadlineMs = deadlines.requestMs, signal, into }: RequestOptions = {},
  ): Promise<ResultOf<T>> {
    if (!this.isOpen) throw this.#closedError()
    const raw = await this.#pending.add(
      { type, deadlineMs, signal, into },
      {
        send: (id) => this.#outbox.send(requestFrame(id, type, body)),
        cancel: (id) => this.#outbox.send(cancelFrame(id)),
      },
    )
    const reply = parseReply(type, raw.body, formatAddress(this.remote))
    return (into === undefined ? reply : { ...reply, bytes: raw.bytes }) as ResultOf<T>
  }

  /** Ends the connection at once; what is under way fails. */
  destroy(): void {
    this.#isClosing = true
    this.#stream.destroy()
  }

  /** Ends the connection orderly: what the other side asked is answered, for at most `deadlines.closeMs`. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true
      const cancel = this.#clock.after(deadlines.closeMs, () => this.#stream.destroy())
      this.onClosed(cancel)
      await Promise.race([this.#finishAnswers(), this.closed])
      this.#stream.end()
    }
    await this.closed
  }

  async #finishAnswers(): Promise<void> {
    await Promise.all([...this.#answering.values()].map(({ work }) => work))
    await this.#outbox.flushed().catch(() => {})
  }

  #onData(bytes: Buffer): void {
    if (this.#isRefused) return
    this.#lastTrafficMs = this.#clock.monotonicMs()
    this.#decoder.push(bytes)
    this.#readOn()
  }

  /** Handles everything decodable; stops early when a sink or a full outbox asks for a pause. */
  #readOn(): void {
    try {
      for (let found = this.#decoder.next(); found !== undefined; found = this.#decoder.next()) {
        const pause = this.#onDecoded(found)
        if (pause !== undefined) return this.#pauseFor(pause)
        if (this.#stream.destroyed) return
      }
      if (this.#stream.isPaused()) this.#stream.resume()
    } catch (error) {
      this.#refuse(toAppError(error))
    }
  }

  /** Handles one find; a promise asks to read no more until it settles. */
  #onDecoded(found: Decoded): Promise<void> | undefined {
    if (found.kind === 'frame') this.#onEnvelope(parseEnvelope(found.body), found.body.length)
    else {
      const written = this.#pending.onPiece(found.piece, found.isLast)
      if (written !== undefined) return written
    }
    return this.#outbox.isFull ? this.#outbox.flushed() : undefined
  }

  #pauseFor(work: Promise<void>): void {
    this.#stream.pause()
    const readOn = (): void => {
      if (!this.#stream.destroyed) this.#readOn()
    }
    // The work's own failure is its owner's to report; here it only ends the pause.
    work.then(readOn, readOn)
  }

  #onEnvelope(envelope: Envelope, frameBytes: number): void {
    if ('type' in envelope) return this.#onRequest(envelope, frameBytes)
    if ('cancel' in envelope) return this.#onCancel(envelope.cancel)
    if ('error' in envelope) {
      const error = errorFromWire(envelope.error)
      if (!this.#pending.onError(envelope.re, error)) this.#onConnectionError(envelope.re, error)
      return
    }
    const bytes = envelope.bytes ?? 0
    if (!this.#pending.onReply(envelope.re, envelope.body, bytes))
      throw new AppError('BAD_FRAME', { reason: 'a reply, or bytes, that nobody asked for' })
    if (bytes > 0) this.#decoder.expectBulk(bytes)
  }

  /** The other side refuses the connection as a whole and says why before it closes it. */
  #onConnectionError(re: number, error: AppError): void {
    if (re !== connectionErrorId) throw new AppError('BAD_FRAME', { reason: 'an unasked reply' })
    this.#pending.failAll(() => error)
    this.destroy()
  }

  #onRequest({ id, type, body }: RequestEnvelope, frameBytes: number): void {
    if (this.#answering.size >= limits.requestsInFlightMax)
      throw new AppError('TOO_MANY_REQUESTS', { max: limits.requestsInFlightMax })
    if (this.#answering.has(id))
      throw new AppError('BAD_FRAME', { reason: 'a request id that is in use' })
    const max = requestBytesMaxOf(type)
    if (frameBytes > max) return this.#outbox.send(failureTo(id, tooLong(max)).frame)
    const stop = new AbortController()
    const work = this.#answer({ id, type, body }, stop)
    this.#answering.set(id, { work, stop })
  }

  /** A request whose answer has left, or is leaving, needs no withdrawing. */
  #onCancel(id: number): void {
    this.#answering.get(id)?.stop.abort(new AppError('CANCELLED', { what: 'The request' }))
  }

  /** Answers a request; the bytes of an answer that was withdrawn while it stood in line stay here. */
  async #answer(request: RequestEnvelope, stop: AbortController): Promise<void> {
    const { id } = request
    const answer = await this.#answerTo(request, stop.signal)
    if (answer.bulk === undefined) {
      // Before the answer leaves: the other side may use the id, or the room, again at once.
      this.#answering.delete(id)
      return this.#outbox.send(answer.frame)
    }
    // Withdrawn, it holds nothing of its answer, though it keeps its place until the turn comes.
    let inLine: Outgoing | undefined = answer
    stop.signal.addEventListener('abort', () => (inLine = undefined), { once: true })
    const bytes = answer.frame.length
    this.#outbox.sendInTurn(() => {
      this.#answering.delete(id)
      if (stop.signal.aborted || inLine === undefined) return failureTo(id, stop.signal.reason)
      this.#sending = stop
      return inLine
    }, bytes)
  }

  /** Runs the request's handler. Never rejects. */
  async #answerTo({ id, type, body }: RequestEnvelope, signal: AbortSignal): Promise<Outgoing> {
    try {
      if (this.#isClosing) throw new AppError('STOPPING')
      const { reply, bulk } = await this.#dispatch(type, body, signal)
      return { frame: replyFrame(id, reply, bulk?.bytes), bulk }
    } catch (error) {
      const known = toAppError(error)
      if (known.code === 'INTERNAL' && !signal.aborted)
        this.#log.error({ type, error, reason: reasonOf(known.cause) }, 'request failed')
      return failureTo(id, known)
    }
  }

  /** Says what is wrong with the other side's bytes and hangs up. */
  #refuse(error: AppError): void {
    this.#log.debug({ remote: this.remote, code: error.code }, 'connection refused')
    this.#pending.failAll(() => error)
    this.#isClosing = true
    this.#isRefused = true
    this.#outbox.send(errorFrame(connectionErrorId, errorToWire(error)))
    this.#stream.resume()
    this.#clock.after(deadlines.closeMs, () => this.#stream.destroy())
    this.#stream.end()
  }

  #watchIdle(delayMs: number): void {
    this.#cancelIdleTimer = this.#clock.after(delayMs, () => {
      if (this.silentMs >= this.#idleMs) this.destroy()
      else this.#watchIdle(this.#idleMs - this.silentMs)
    })
  }

  #onClose(): void {
    this.#isClosing = true
    this.#cancelIdleTimer()
    for (const { stop } of this.#answering.values()) stop.abort(this.#closedError())
    this.#sending?.abort(this.#closedError())
    this.#pending.failAll(() => this.#closedError())
    this.#closed.resolve()
  }

  #closedError(): AppError {
    return new AppError('CONNECTION_CLOSED', { address: formatAddress(this.remote) })
  }
}

function tooLong(max: number): AppError {
  return new AppError('TOO_LARGE', { what: 'The request', max, unit: 'bytes' })
}

function failureTo(id: number, error: unknown): Outgoing {
  return { frame: errorFrame(id, errorToWire(toAppError(error))) }
}
