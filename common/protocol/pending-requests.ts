import type { Cancel, Clock } from '../clock.ts'
import { AppError } from '../errors.ts'
import { deadlines, limits } from '../limits.ts'
import type { BulkSink } from './bulk.ts'

/** The reply's body, and the number of raw bytes that followed it. */
export interface RawReply {
  readonly body: unknown
  readonly bytes: number
}

export interface PendingOptions {
  readonly type: string
  readonly deadlineMs: number
  readonly signal?: AbortSignal | undefined
  readonly into?: BulkSink | undefined
  /** Validates the reply's body and drops unknown fields; its error fails the request. */
  readonly parse?: (body: unknown) => unknown
}

/**
 * A request that waits for its reply and then for its bulk bytes. The caller may give up at any
 * time (deadline, signal); the entry stays until the answer has arrived, so that a late answer is
 * skipped and never assigned to another request.
 */
class PendingRequest {
  readonly #options: PendingOptions
  readonly #clock: Clock
  readonly #settled = Promise.withResolvers<RawReply>()
  #isSettled = false
  #isAnswered = false
  #cancelTimer: Cancel = () => {}
  #bytesExpected = 0
  #body: unknown
  #lastByteAtMs = 0
  /** Whether the sink is still writing the last byte. */
  #isWriting = false

  constructor(options: PendingOptions, clock: Clock) {
    this.#options = options
    this.#clock = clock
    const { type, deadlineMs, signal } = options
    this.#cancelTimer = clock.after(deadlineMs, () =>
      this.fail(new AppError('DEADLINE_EXCEEDED', { what: `The request ${type}`, deadlineMs })),
    )
    signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  get isSettled(): boolean {
    return this.#isSettled
  }

  /** Whether its answer has begun to arrive. */
  get isAnswered(): boolean {
    return this.#isAnswered
  }

  /** Whether bulk bytes may follow its answer. */
  get takesBytes(): boolean {
    return this.#options.into !== undefined
  }

  get reply(): Promise<RawReply> {
    return this.#settled.promise
  }

  readonly #onAbort = (): void => this.fail(this.#options.signal?.reason)

  fail(reason: unknown): void {
    if (!this.#settle()) return
    this.#settled.reject(reason as Error)
  }

  /** Takes the reply frame, which ends the request if there is no bulk. */
  onReply(body: unknown, bytes: number): void {
    this.#isAnswered = true
    if (this.#isSettled) return
    try {
      this.#takeReply(this.#options.parse?.(body) ?? body, bytes)
    } catch (error) {
      this.fail(error)
    }
  }

  #takeReply(body: unknown, bytes: number): void {
    if (bytes === 0) {
      if (this.#settle()) this.#settled.resolve({ body, bytes })
      return
    }
    this.#body = body
    this.#bytesExpected = bytes
    this.#lastByteAtMs = this.#clock.monotonicMs()
    this.#cancelTimer()
    this.#watchForStall(deadlines.bulkStallMs)
    this.#beginBulk(bytes)
  }

  /** Takes a piece of bulk bytes; a promise pauses reading. */
  onPiece(piece: Buffer, isLast: boolean): void | Promise<void> {
    if (this.#isSettled) return this.#options.into?.skip?.(piece.length)
    this.#lastByteAtMs = this.#clock.monotonicMs()
    const written = this.#write(piece)
    if (written === undefined) return this.#onWritten(isLast)
    this.#isWriting = true
    return written.then(() => this.#onWritten(isLast))
  }

  #beginBulk(bytes: number): void {
    try {
      this.#options.into?.begin(bytes, this.#body)
    } catch (error) {
      this.fail(error)
    }
  }

  #write(piece: Buffer): void | Promise<void> {
    try {
      const written = this.#options.into?.write(piece)
      if (written instanceof Promise) return written.catch((error: unknown) => this.fail(error))
    } catch (error) {
      this.fail(error)
    }
  }

  #onWritten(isLast: boolean): void {
    this.#isWriting = false
    this.#lastByteAtMs = this.#clock.monotonicMs()
    if (isLast && this.#settle())
      this.#settled.resolve({ body: this.#body, bytes: this.#bytesExpected })
  }

  #watchForStall(delayMs: number): void {
    this.#cancelTimer = this.#clock.after(delayMs, () => {
      // The sender is not responsible for the sink's time.
      const silentMs = this.#isWriting ? 0 : this.#clock.monotonicMs() - this.#lastByteAtMs
      if (silentMs < deadlines.bulkStallMs) this.#watchForStall(deadlines.bulkStallMs - silentMs)
      else
        this.fail(
          new AppError('DEADLINE_EXCEEDED', {
            what: `The next byte of ${this.#options.type}`,
            deadlineMs: deadlines.bulkStallMs,
          }),
        )
    })
  }

  #settle(): boolean {
    if (this.#isSettled) return false
    this.#isSettled = true
    this.#cancelTimer()
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    return true
  }
}

/** Tells the other side about a request. */
interface Sending {
  /** Sends the request. */
  readonly send: (id: number) => void
  /** Tells that the answer, none of which has arrived, is no longer wanted. */
  readonly cancel: (id: number) => void
}

interface WaitingRequest {
  readonly pending: PendingRequest
  readonly sending: Sending
}

/**
 * The requests of one side of a connection: at most `requestsInFlightMax` unanswered, the rest
 * queued.
 */
export class PendingRequests {
  readonly #clock: Clock
  readonly #inFlight = new Map<number, PendingRequest>()
  /** Requests waiting for a slot; a cancelled one is removed. */
  readonly #waiting = new Set<WaitingRequest>()
  #lastId = 0
  /** The request whose bulk bytes are being received. */
  #receiving: { id: number; pending: PendingRequest } | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get isEmpty(): boolean {
    return this.#inFlight.size === 0 && this.#waiting.size === 0
  }

  /** Sends the request, or queues it; resolves with the reply. */
  add(options: PendingOptions, sending: Sending): Promise<RawReply> {
    options.signal?.throwIfAborted()
    const request = { pending: new PendingRequest(options, this.#clock), sending }
    const { pending } = request
    if (this.#inFlight.size < limits.requestsInFlightMax) this.#start(request)
    else this.#wait(request)
    return pending.reply
  }

  /** @returns false if no request has this id, or bytes follow that it does not expect */
  onReply(id: number, body: unknown, bytes: number): boolean {
    const pending = this.#inFlight.get(id)
    if (pending === undefined || (bytes > 0 && !pending.takesBytes)) return false
    pending.onReply(body, bytes)
    if (bytes > 0) this.#receiving = { id, pending }
    else this.#finish(id)
    return true
  }

  /** @returns false if no request has this id */
  onError(id: number, error: AppError): boolean {
    const pending = this.#inFlight.get(id)
    pending?.fail(error)
    if (pending !== undefined) this.#finish(id)
    return pending !== undefined
  }

  onPiece(piece: Buffer, isLast: boolean): void | Promise<void> {
    const receiving = this.#receiving
    if (receiving === undefined) return
    const written = receiving.pending.onPiece(piece, isLast)
    if (isLast) {
      this.#receiving = undefined
      this.#finish(receiving.id)
    }
    return written
  }

  failAll(reason: () => AppError): void {
    const all = [...this.#inFlight.values(), ...Array.from(this.#waiting, ({ pending }) => pending)]
    this.#inFlight.clear()
    this.#waiting.clear()
    this.#receiving = undefined
    for (const pending of all) pending.fail(reason())
  }

  #wait(request: WaitingRequest): void {
    this.#waiting.add(request)
    const leave = (): boolean => this.#waiting.delete(request)
    request.pending.reply.then(leave, leave)
  }

  #start({ pending, sending }: WaitingRequest): void {
    this.#lastId += 1
    const id = this.#lastId
    this.#inFlight.set(id, pending)
    try {
      sending.send(id)
    } catch (error) {
      // The request exceeds a frame: it was never sent.
      this.#inFlight.delete(id)
      pending.fail(error)
    }
    pending.reply.catch(() => {
      if (this.#inFlight.get(id) === pending && !pending.isAnswered) sending.cancel(id)
    })
  }

  #finish(id: number): void {
    this.#inFlight.delete(id)
    for (const next of this.#waiting) {
      if (this.#inFlight.size >= limits.requestsInFlightMax) return
      this.#waiting.delete(next)
      if (!next.pending.isSettled) this.#start(next)
    }
  }
}
