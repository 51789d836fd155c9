import { AppError, errorToWire, reasonOf, toAppError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Log } from '../log.ts'
import type { Account } from './byte-budget.ts'
import { errorFrame, type RequestEnvelope, replyFrame } from './envelope.ts'
import type { Dispatch, Prepared, RawAnswer } from './handlers.ts'
import { requestBytesMaxOf } from './message-bounds.ts'
import type { Outbox, Outgoing } from './outbox.ts'

/** Memory of a running request besides its body, as measured: promises, signals, timers. */
const requestOverheadBytes = 6 * 1024
/** The same of a quick request that waits for something: promises alone. */
const quickOverheadBytes = 1_024

const neverAborted = new AbortController().signal

interface AnswersDependencies {
  readonly dispatch: Dispatch
  readonly outbox: Outbox
  /** Counts the memory of requests until their answers are sent. */
  readonly account: Account
  readonly log: Log
}

/** A running request of the other side; `stop` is aborted when the answer is no longer wanted. */
interface Answering {
  work: Promise<void>
  /** Undefined for a quick request. */
  readonly stop?: AbortController
}

/** A validated request and the memory that it holds. */
interface Accepted {
  readonly id: number
  readonly type: string
  readonly prepared: Prepared
  readonly heldBytes: number
  readonly stop: AbortController
}

/** The other side's requests on one connection: each is answered once, in any order. */
export class Answers {
  readonly #dispatch: Dispatch
  readonly #outbox: Outbox
  readonly #account: Account
  readonly #log: Log
  /** Requests whose answer is not being sent yet, by id. */
  readonly #answering = new Map<number, Answering>()
  /** Ends the source of the bulk bytes that are being sent, or were last sent. */
  #sending: AbortController | undefined
  #isStopping = false

  constructor({ dispatch, outbox, account, log }: AnswersDependencies) {
    this.#dispatch = dispatch
    this.#outbox = outbox
    this.#account = account
    this.#log = log
  }

  get isEmpty(): boolean {
    return this.#answering.size === 0
  }

  /** Whether a request with this id could be answered now. */
  mayTake(id: number): boolean {
    const { size } = this.#answering
    if (size === 0) return !this.#isStopping
    return !this.#isStopping && size < limits.requestsInFlightMax && !this.#answering.has(id)
  }

  /**
   * Takes a request; a promise pauses reading until there is memory for its answer, or room for further
   * answers.
   * @throws AppError TOO_MANY_REQUESTS, BAD_FRAME: the connection must be closed
   */
  onRequest({ id, type, body }: RequestEnvelope, frameBytes: number): Promise<void> | undefined {
    if (this.#answering.size >= limits.requestsInFlightMax)
      throw new AppError('TOO_MANY_REQUESTS', { max: limits.requestsInFlightMax })
    if (this.#answering.has(id))
      throw new AppError('BAD_FRAME', { reason: 'the request id is in use' })
    const prepared = this.#prepare(type, body, frameBytes)
    if (prepared instanceof AppError) {
      this.#outbox.send(failureTo(id, prepared).frame)
      return undefined
    }
    if (prepared.isQuick) {
      this.#answerQuickly(id, type, prepared)
      return this.#outbox.isFullOfAnswers ? this.#outbox.flushed() : undefined
    }
    const heldBytes = requestOverheadBytes + prepared.bytes + prepared.replyBytes
    return this.#accept({ id, type, prepared, heldBytes, stop: new AbortController() })
  }

  /** Ignored once the answer is being sent. */
  onCancel(id: number): void {
    this.#answering.get(id)?.stop?.abort(new AppError('CANCELLED', { what: 'The request' }))
  }

  /** Refuses new requests; resolves when all earlier ones are answered. */
  async finish(): Promise<void> {
    this.#isStopping = true
    await Promise.all([...this.#answering.values()].map(({ work }) => work))
  }

  /** Ends all work: the connection is gone. */
  abort(reason: () => AppError): void {
    for (const { stop } of this.#answering.values()) stop?.abort(reason())
    this.#sending?.abort(reason())
  }

  /** Validated here, so that a queued request keeps nothing of the raw body. */
  #prepare(type: string, body: unknown, frameBytes: number): Prepared | AppError {
    const max = requestBytesMaxOf(type)
    if (frameBytes > max)
      return new AppError('TOO_LARGE', { what: 'The request', max, unit: 'bytes' })
    try {
      if (this.#isStopping) throw new AppError('STOPPING')
      return this.#dispatch(type, body)
    } catch (error) {
      return this.#known(type, error)
    }
  }

  /** Answers now, if the handler does; its memory is counted, as it is held only for moments. */
  #answerQuickly(id: number, type: string, prepared: Prepared): void {
    try {
      const answer = prepared.run(neverAborted)
      if (answer instanceof Promise) this.#answerSoon({ id, type, prepared }, answer)
      else this.#outbox.send(replyFrame(id, answer.reply))
    } catch (error) {
      this.#outbox.send(failureTo(id, this.#known(type, error)).frame)
    }
  }

  #answerSoon(
    { id, type, prepared }: Pick<Accepted, 'id' | 'type' | 'prepared'>,
    answer: Promise<RawAnswer>,
  ): void {
    const heldBytes = quickOverheadBytes + prepared.bytes
    this.#account.hold(heldBytes)
    const send = (frame: Buffer): void => {
      this.#answering.delete(id)
      this.#account.release(heldBytes)
      this.#outbox.send(frame)
    }
    const work = answer
      .then(({ reply }) => replyFrame(id, reply))
      .catch((error: unknown) => failureTo(id, this.#known(type, error)).frame)
      .then(send)
    this.#answering.set(id, { work })
  }

  #accept(request: Accepted): Promise<void> | undefined {
    const { id, heldBytes, stop } = request
    const room = this.#account.take(heldBytes)
    const work = room === undefined ? this.#answer(request) : this.#answerLater(request, room)
    this.#answering.set(id, { work, stop })
    return room
  }

  async #answerLater(request: Accepted, room: Promise<void>): Promise<void> {
    try {
      await room
    } catch (error) {
      this.#answering.delete(request.id)
      return this.#outbox.send(failureTo(request.id, error).frame)
    }
    await this.#answer(request)
  }

  /** Answers a request; bulk bytes of an answer that was cancelled while queued are not sent. */
  async #answer({ id, type, prepared, heldBytes, stop }: Accepted): Promise<void> {
    const answer = await this.#answerTo({ id, type, prepared, signal: stop.signal })
    if (answer.bulk === undefined) {
      // Before the answer is sent: the other side may reuse the id immediately.
      this.#answering.delete(id)
      this.#account.release(heldBytes)
      return this.#outbox.send(answer.frame)
    }
    // A cancelled answer frees its memory but keeps its place in the queue.
    let queued: Outgoing | undefined = answer
    stop.signal.addEventListener('abort', () => (queued = undefined), { once: true })
    const bytes = answer.frame.length
    this.#outbox.enqueue(() => {
      this.#answering.delete(id)
      this.#account.release(heldBytes)
      if (stop.signal.aborted || queued === undefined) return failureTo(id, stop.signal.reason)
      this.#sending = stop
      return queued
    }, bytes)
  }

  /** Runs the request's handler. Never rejects. */
  async #answerTo({
    id,
    type,
    prepared,
    signal,
  }: Pick<Accepted, 'id' | 'type' | 'prepared'> & { signal: AbortSignal }): Promise<Outgoing> {
    try {
      const { reply, bulk } = await prepared.run(signal)
      return { frame: replyFrame(id, reply, bulk?.bytes), bulk }
    } catch (error) {
      return failureTo(id, signal.aborted ? toAppError(error) : this.#known(type, error))
    }
  }

  #known(type: string, error: unknown): AppError {
    const known = toAppError(error)
    if (known.code === 'INTERNAL')
      this.#log.error({ type, error, reason: reasonOf(known.cause) }, 'request failed')
    return known
  }
}

function failureTo(id: number, error: unknown): Outgoing {
  return { frame: errorFrame(id, errorToWire(toAppError(error))) }
}
