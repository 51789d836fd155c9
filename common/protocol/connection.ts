/**
 * One connection, either end: requests with ids, many in flight in both directions, replies in any
 * order, bulk bytes after their reply.
 *
 *   stream -> FrameDecoder -> envelope -+-> Answers (a request)       -> Outbox -> stream
 *                                       +-> PendingRequests (a reply or its bulk bytes)
 *
 * Reading pauses while a sink is writing, too much output is queued, or the server's memory is used up.
 * A frame that violates the protocol ends the connection after an error frame.
 */
import type { Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import type { Cancel, Clock } from '../clock.ts'
import { AppError, errorFromWire, errorToWire, reasonOf, toAppError } from '../errors.ts'
import type { ProvenIdentity } from '../identity/cluster-role.ts'
import { deadlines, limits } from '../limits.ts'
import type { Log } from '../log.ts'
import { Answers } from './answers.ts'
import type { BulkSink } from './bulk.ts'
import { type Account, type ByteBudget, type Holder, unboundedAccount } from './byte-budget.ts'
import {
  cancelFrame,
  connectionErrorId,
  type Envelope,
  errorFrame,
  parseEnvelope,
  type ReplyEnvelope,
  requestFrame,
} from './envelope.ts'
import { type Decoded, FrameDecoder } from './framing.ts'
import type { Dispatch } from './handlers.ts'
import type { LongFrames } from './long-frames.ts'
import type { MessageType, messages, ReplyOf, RequestOf } from './messages.ts'
import { Outbox } from './outbox.ts'
import { PendingRequests } from './pending-requests.ts'
import { type Shortcut, takeShortcut } from './shortcut.ts'
import { type Address, formatAddress, type Wire } from './transport.ts'
import { parseReply } from './validate.ts'

/** Bytes that the system and Node may read ahead of a paused connection. */
const readAheadBytes = 64 * 1024

export interface RequestOptions {
  /**
   * Until the reply frame; bulk bytes have their own deadline (`deadlines.bulkStallMs` between
   * bytes).
   */
  readonly deadlineMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Receives the bulk bytes; required for messages that have them. */
  readonly into?: BulkSink | undefined
}

/** The result of a request: the reply and, with bulk, the number of bytes written to the sink. */
export type ResultOf<T extends MessageType> = (typeof messages)[T]['bulk'] extends true
  ? ReplyOf<T> & { readonly bytes: number }
  : ReplyOf<T>

export interface ConnectionOptions {
  readonly remote: Address
  /** Who the other side has proven to be, if it has. */
  readonly proven?: ProvenIdentity | undefined
  /** Closes the connection after this long without traffic. */
  readonly idleMs?: number
}

export interface ConnectionDependencies {
  readonly wire: Wire
  readonly dispatch: Dispatch
  readonly clock: Clock
  readonly log: Log
  /** The budget of the server that accepted the connection; a dialled connection has none. */
  readonly budget?: ByteBudget | undefined
  /** The same for its long frames. */
  readonly longFrames?: LongFrames | undefined
}

export class Connection implements AsyncDisposable {
  readonly remote: Address
  /** Who the other side has proven to be; undefined where nothing is proven, without TLS. */
  readonly proven: ProvenIdentity | undefined
  readonly #idleMs: number
  readonly #stream: Duplex
  /** Counts the memory that the connection holds. */
  readonly account: Account
  readonly #clock: Clock
  readonly #log: Log
  readonly #decoder = new FrameDecoder()
  readonly #outbox: Outbox
  readonly #pending: PendingRequests
  readonly #answers: Answers
  /** The frame that is being received. */
  #coming:
    | { readonly bytes: number; readonly sinceMs: number; readonly cancelTimer: Cancel }
    | undefined
  readonly #longFrames: LongFrames | undefined
  /** The body of a long frame that waits for its turn. */
  #held: Buffer | undefined
  readonly #closed = Promise.withResolvers<void>()
  #isClosing = false
  #bytesReceived = 0
  /** Answers some requests of the other side instead of the handlers. */
  shortcut: Shortcut | undefined
  /** Whether the other side violated the protocol: further input is ignored. */
  #isRefused = false
  #lastTrafficMs: number
  #cancelIdleTimer: Cancel = () => {}

  constructor(options: ConnectionOptions, dependencies: ConnectionDependencies) {
    const { wire, dispatch, clock, log, budget, longFrames } = dependencies
    const { stream } = wire
    this.remote = options.remote
    this.proven = options.proven
    this.#idleMs = options.idleMs ?? deadlines.connectionIdleMs
    this.#stream = stream
    this.#clock = clock
    this.#log = log
    this.#longFrames = longFrames
    this.account = budget?.open(this.remote.host, this.#asHolder()) ?? unboundedAccount
    const { account } = this
    const onBytesSent = (): void => {
      this.#lastTrafficMs = clock.monotonicMs()
    }
    this.#outbox = new Outbox(stream, { clock, account, onBytesSent })
    this.#answers = new Answers({ dispatch, outbox: this.#outbox, account, log })
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

  /** Bytes that the other side has sent. */
  get bytesReceived(): number {
    return this.#bytesReceived
  }

  /** Resolves when the connection has ended. Never rejects. */
  get closed(): Promise<void> {
    return this.#closed.promise
  }

  /** Calls `callback` when the connection has ended; immediately if it already has. */
  onClosed(callback: () => void): void {
    if (this.#stream.closed) callback()
    else this.#stream.once('close', callback)
  }

  get isOpen(): boolean {
    return !this.#isClosing && !this.#stream.destroyed
  }

  /** Whether there are unanswered requests in either direction. */
  get isBusy(): boolean {
    return !this.#answers.isEmpty || !this.#pending.isEmpty || this.#coming !== undefined
  }

  /** Milliseconds without traffic in either direction. */
  get silentMs(): number {
    return this.#clock.monotonicMs() - this.#lastTrafficMs
  }

  /**
   * Sends a request and waits for its answer; cancels it if the caller stops waiting.
   * @throws AppError the other side's error, or CONNECTION_CLOSED, DEADLINE_EXCEEDED, BAD_REPLY,
   * TOO_LARGE; or the signal's reason
   */
  async request<T extends MessageType>(
    type: T,
    body: RequestOf<T>,
    { deadlineMs = deadlines.requestMs, signal, into }: RequestOptions = {},
  ): Promise<ResultOf<T>> {
    if (!this.isOpen) throw this.#closedError()
    const parse = (reply: unknown): unknown => parseReply(type, reply, formatAddress(this.remote))
    const raw = await this.#pending.add(
      { type, deadlineMs, signal, into, parse },
      {
        send: (id) => this.#outbox.send(requestFrame(id, type, body)),
        cancel: (id) => this.#outbox.send(cancelFrame(id)),
      },
    )
    const reply = raw.body as ReplyOf<T>
    return (into === undefined ? reply : { ...reply, bytes: raw.bytes }) as ResultOf<T>
  }

  /** Ends the connection immediately; unanswered requests fail. */
  destroy(): void {
    this.#isClosing = true
    this.#stream.destroy()
  }

  /**
   * Closes the connection gracefully: pending requests of the other side are answered, for at most
   * `deadlines.closeMs`.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true
      const cancel = this.#clock.after(deadlines.closeMs, () => this.#stream.destroy())
      this.onClosed(cancel)
      await Promise.race([this.#finishAnswers(), this.closed])
      this.#outbox.end()
    }
    await this.closed
  }

  async #finishAnswers(): Promise<void> {
    await this.#answers.finish()
    await this.#outbox.flushed().catch(() => {})
  }

  #onData(bytes: Buffer): void {
    if (this.#isRefused) return
    this.#bytesReceived += bytes.length
    this.#lastTrafficMs = this.#clock.monotonicMs()
    this.#decoder.push(bytes)
    this.#resumeReading()
  }

  /**
   * Handles everything decodable; stops when a sink or a full outbox asks for a pause, and for a turn of
   * other connections.
   */
  #resumeReading(): void {
    try {
      const pause = this.#onHeld()
      if (pause !== undefined) return this.#pauseFor(pause)
      for (let frames = 0; ; ) {
        const answered = this.#takeShortcut(limits.framesPerTurn - frames)
        frames += answered
        if (frames === limits.framesPerTurn) return this.#pauseFor(turn())
        if (answered > 0 && this.#outbox.isFullOfAnswers)
          return this.#pauseFor(this.#outbox.flushed())
        const found = this.#decoder.next()
        if (found === undefined) break
        const pause = this.#onDecoded(found)
        if (pause !== undefined) return this.#pauseFor(pause)
        if (this.#stream.destroyed) return
        if (found.kind === 'frame') frames += 1
      }
      if (this.#stream.isPaused()) this.#stream.resume()
    } catch (error) {
      this.#refuse(toAppError(error))
    }
  }

  #takeShortcut(countMax: number): number {
    if (this.shortcut === undefined) return 0
    const parts = { decoder: this.#decoder, answers: this.#answers, outbox: this.#outbox }
    return takeShortcut(this.shortcut, parts, countMax)
  }

  /** Handles one item; a promise pauses reading until it settles. */
  #onDecoded(found: Decoded): Promise<void> | undefined {
    if (found.kind === 'begin') return this.#onFrameBegun(found.bytes)
    const pause =
      found.kind === 'frame'
        ? this.#onFrameInTurn(found.body)
        : this.#pending.onPiece(found.piece, found.isLast)
    if (pause !== undefined) return pause
    return this.#outbox.isFull ? this.#outbox.flushed() : undefined
  }

  /**
   * Reserves memory for the whole frame before keeping any of it: a started frame can always
   * complete.
   */
  #onFrameBegun(bytes: number): Promise<void> | undefined {
    const begin = (): void => {
      if (this.#stream.destroyed) return
      const deadlineMs = deadlines.frameMs + (1_000 * bytes) / limits.sendBytesPerSecondMin
      const cancelTimer = this.#clock.after(deadlineMs, () => this.destroy())
      this.#coming = { bytes, sinceMs: this.#clock.monotonicMs(), cancelTimer }
    }
    const room = this.account.take(bytes)
    if (room !== undefined)
      return room.then(begin, (error: unknown) => this.#refuse(toAppError(error)))
    begin()
    return undefined
  }

  #onFrameInTurn(body: Buffer): Promise<void> | undefined {
    const turnOfFrame = this.#longFrames?.begin(body.length)
    if (turnOfFrame === undefined) return this.#onFrame(body)
    this.#held = body
    return turnOfFrame
  }

  /** Handles the frame whose turn it is. */
  #onHeld(): Promise<void> | undefined {
    const held = this.#held
    this.#held = undefined
    return held && this.#onFrame(held)
  }

  #onFrame(body: Buffer): Promise<void> | undefined {
    this.#endFrame()
    return this.#onEnvelope(parseEnvelope(body), body.length)
  }

  #endFrame(): void {
    this.#coming?.cancelTimer()
    this.account.release(this.#coming?.bytes ?? 0)
    this.#coming = undefined
  }

  #pauseFor(work: Promise<void>): void {
    this.#stream.pause()
    this.account.readAhead(this.#decoder.waitingBytes + readAheadBytes)
    const resumeReading = (): void => {
      this.account.readAhead(0)
      if (!this.#stream.destroyed && !this.#isRefused) this.#resumeReading()
    }
    // The failure is reported by the owner of the work; here it only ends the pause.
    work.then(resumeReading, resumeReading)
  }

  #onEnvelope(envelope: Envelope, frameBytes: number): Promise<void> | undefined {
    if ('type' in envelope) return this.#answers.onRequest(envelope, frameBytes)
    if ('cancel' in envelope) this.#answers.onCancel(envelope.cancel)
    else if ('error' in envelope) {
      const error = errorFromWire(envelope.error)
      if (!this.#pending.onError(envelope.re, error)) this.#onConnectionError(envelope.re, error)
    } else this.#onReply(envelope)
    return undefined
  }

  #onReply(envelope: ReplyEnvelope): void {
    const bytes = envelope.bytes ?? 0
    if (!this.#pending.onReply(envelope.re, envelope.body, bytes))
      throw new AppError('BAD_FRAME', { reason: 'a reply, or bytes, without a request' })
    if (bytes > 0) this.#decoder.expectBulk(bytes)
  }

  /** The other side rejects the connection as a whole and says why before it closes it. */
  #onConnectionError(re: number, error: AppError): void {
    if (re !== connectionErrorId)
      throw new AppError('BAD_FRAME', { reason: 'an error without a request' })
    this.#pending.failAll(() => error)
    this.destroy()
  }

  /** Reports the other side's protocol violation and closes the connection. */
  #refuse(error: AppError): void {
    this.#log.debug({ remote: this.remote, code: error.code }, 'connection refused')
    this.#pending.failAll(() => error)
    this.#isClosing = true
    this.#isRefused = true
    this.#outbox.send(errorFrame(connectionErrorId, errorToWire(error)))
    this.#stream.resume()
    this.#clock.after(deadlines.closeMs, () => this.#stream.destroy())
    this.#outbox.end()
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
    this.#held = undefined
    this.#endFrame()
    this.#answers.abort(() => this.#closedError())
    this.account[Symbol.dispose]()
    this.#pending.failAll(() => this.#closedError())
    this.#closed.resolve()
  }

  #asHolder(): Holder {
    return {
      stalledMs: () => {
        const comingMs = this.#coming ? this.#clock.monotonicMs() - this.#coming.sinceMs : 0
        return Math.max(comingMs, this.#outbox.stalledMs)
      },
      evict: () => {
        this.#log.debug({ remote: this.remote }, 'connection closed to free its memory')
        this.destroy()
      },
    }
  }

  #closedError(): AppError {
    return new AppError('CONNECTION_CLOSED', { address: formatAddress(this.remote) })
  }
}
