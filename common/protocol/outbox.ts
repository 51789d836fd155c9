import type { Writable } from 'node:stream'
import type { Clock } from '../clock.ts'
import { limits } from '../limits.ts'
import type { BulkSource } from './bulk.ts'
import type { Account } from './byte-budget.ts'

/** Output queued by a connection before it reads no more requests: two of the longest frames. */
const sendBufferBytesMax = 2 * 1024 * 1024
/**
 * Output queued before it reads no more after a quick request: the answers to twice as many as may be in
 * flight. Thousands of connections that read nothing hold no more.
 */
const quickBufferBytesMax = 64 * 1024
/**
 * Longer frames are sent in parts, so that their progress shows whether the receiver has stalled.
 */
const framePartBytes = 64 * 1024
/**
 * Frames queued behind bulk bytes: answers and requests of two sides within
 * `limits.requestsInFlightMax`.
 */
export const sendQueueItemsMax = 128
/**
 * A receiver may read nothing for this long, plus its bytes' time at
 * `limits.sendBytesPerSecondMin`: as long as a source may send nothing.
 */
const sendStallMs = 15_000
/** Interval of the check for a stalled receiver: a third of what a stall takes. */
const sendCheckMs = 5_000

/** A frame and its bulk bytes, sent together. */
export interface Outgoing {
  readonly frame: Buffer
  readonly bulk?: BulkSource | undefined
}

interface Item {
  /** Called when it reaches the head of the queue. */
  readonly outgoing: () => Outgoing
  /** Memory that it holds until then. */
  readonly bytes: number
}

interface OutboxDependencies {
  readonly clock: Clock
  /** Counts queued output. */
  readonly account: Account
  /** Called for each piece of bulk bytes that is sent. */
  readonly onBytesSent: () => void
}

/**
 * The sending half of a connection: frames are sent in order, each followed by its bulk bytes,
 * which are read no faster than the socket accepts them. A source that fails after its frame was
 * sent corrupts the stream, which is then destroyed, as is one whose receiver has stalled.
 */
export class Outbox {
  readonly #stream: Writable
  readonly #clock: Clock
  readonly #account: Account
  readonly #onBytesSent: () => void
  /** Short frames of this turn of the event loop, sent together: a write costs more than a frame. */
  #gathered: Buffer[] = []
  #gatheredBytes = 0
  readonly #items: Item[] = []
  #waitingBytes = 0
  #pump: Promise<void> | undefined
  /** Whether a check is due if the system has accepted what was written. */
  #isCheckDue = false
  #isEnding = false
  /** Bytes handed to the socket that it has not accepted yet. */
  #writing: { readonly sinceMs: number; readonly fail: (error: Error) => void } | undefined

  constructor(stream: Writable, { clock, account, onBytesSent }: OutboxDependencies) {
    this.#stream = stream
    this.#clock = clock
    this.#account = account
    this.#onBytesSent = onBytesSent
    stream.once('close', () => this.#writing?.fail(new Error('the connection ended')))
  }

  /** Whether so much is queued that no new work should be accepted. */
  get isFull(): boolean {
    return this.#items.length > sendQueueItemsMax || this.#queuedBytes > sendBufferBytesMax
  }

  /** Whether so much is queued that no further quick request should be answered. */
  get isFullOfAnswers(): boolean {
    return this.#queuedBytes > quickBufferBytesMax
  }

  get #queuedBytes(): number {
    return this.#waitingBytes + this.#gatheredBytes + this.#stream.writableLength
  }

  /** Milliseconds without progress on queued output. */
  get stalledMs(): number {
    return this.#writing === undefined ? 0 : this.#clock.monotonicMs() - this.#writing.sinceMs
  }

  /** Sends a frame, a short one at the end of this turn of the event loop. */
  send(frame: Buffer): void {
    const isLong = frame.length > framePartBytes
    if (isLong || this.#pump !== undefined) return this.enqueue(() => ({ frame }), frame.length)
    if (!this.#isOpen) return
    if (this.#gathered.length === 0) process.nextTick(() => this.#sendGathered())
    this.#gathered.push(frame)
    this.#gatheredBytes += frame.length
    if (this.#gatheredBytes > framePartBytes) this.#sendGathered()
  }

  /** Sends short frames, together in `frames`, immediately, if nothing waits to be sent before them. */
  sendNow(frames: Buffer): void {
    if (this.#pump !== undefined || this.#gathered.length > 0) this.send(frames)
    else if (this.#isOpen) this.#writeNow(frames)
  }

  #sendGathered(): void {
    const frames = this.#gathered
    if (frames.length === 0) return
    this.#gathered = []
    this.#gatheredBytes = 0
    const [first] = frames
    if (this.#isOpen && first !== undefined)
      this.#writeNow(frames.length === 1 ? first : Buffer.concat(frames))
  }

  #writeNow(bytes: Buffer): void {
    this.#stream.write(bytes)
    const bytesLeft = this.#stream.writableLength
    if (bytesLeft > framePartBytes) this.#watchWritten()
    else if (bytesLeft > 0 && !this.#isCheckDue) {
      // TLS reports in the next turn that the system has accepted the bytes, even if it did so immediately.
      this.#isCheckDue = true
      setImmediate(this.#checkWritten)
    }
  }

  readonly #checkWritten = (): void => {
    this.#isCheckDue = false
    this.#watchWritten()
  }

  /** Counts and watches what was written directly, if the system has not accepted it. */
  #watchWritten(): void {
    if (this.#isOpen && this.#stream.writableLength > 0) this.#pump ??= this.#run()
  }

  /**
   * Queues `outgoing`, which is called when it is sent, or never.
   * @param bytes memory that it holds until then
   */
  enqueue(outgoing: () => Outgoing, bytes: number): void {
    this.#sendGathered()
    if (!this.#isOpen) return
    this.#items.push({ outgoing, bytes })
    this.#waitingBytes += bytes
    this.#account.hold(bytes)
    this.#pump ??= this.#run()
  }

  /**
   * Resolves when everything queued so far is with the operating system, or the stream has ended.
   */
  async flushed(): Promise<void> {
    this.#sendGathered()
    this.#watchWritten()
    await this.#pump
  }

  /** Sends what is queued, and then no more. */
  end(): void {
    this.#sendGathered()
    this.#isEnding = true
    const end = (): void => void this.#stream.end()
    if (this.#pump === undefined) end()
    else this.#pump.then(end, end)
  }

  get #isOpen(): boolean {
    return !this.#isEnding && !this.#stream.destroyed && !this.#stream.writableEnded
  }

  async #run(): Promise<void> {
    const cancelCheck = this.#watch()
    try {
      // Bytes that were written directly are flushed first.
      if (this.#stream.writableLength > 0) await this.#write(nothing, this.#stream.writableLength)
      for (let item = this.#items.shift(); item !== undefined; item = this.#items.shift()) {
        this.#waitingBytes -= item.bytes
        this.#account.release(item.bytes)
        const { frame, bulk } = item.outgoing()
        await this.#writeFrame(frame)
        if (bulk !== undefined) await this.#writeBulk(bulk)
      }
    } catch (error) {
      this.#stream.destroy(error instanceof Error ? error : new Error(String(error)))
    } finally {
      cancelCheck()
      for (const { bytes } of this.#items) this.#account.release(bytes)
      this.#items.length = 0
      this.#waitingBytes = 0
      this.#pump = undefined
    }
  }

  /** Ends a connection whose receiver has stalled, while there is output. */
  #watch(): () => void {
    let cancel = this.#clock.after(sendCheckMs, () => {
      cancel = this.#watch()
      const bytes = this.#stream.writableLength
      const patienceMs = sendStallMs + (1_000 * bytes) / limits.sendBytesPerSecondMin
      if (this.stalledMs > patienceMs) this.#stream.destroy(new Error('the receiver has stalled'))
    })
    return () => cancel()
  }

  async #writeFrame(frame: Buffer): Promise<void> {
    for (let start = 0; start < frame.length; start += framePartBytes) {
      const part = frame.subarray(start, start + framePartBytes)
      await this.#write(part, frame.length - start)
    }
  }

  async #writeBulk({ bytes, pieces }: BulkSource): Promise<void> {
    let bytesWritten = 0
    for await (const piece of pieces) {
      bytesWritten += piece.length
      if (bytesWritten > bytes) break
      // The source counts its own memory.
      const written = this.#write(piece, 0)
      this.#onBytesSent()
      await written
    }
    if (bytesWritten !== bytes)
      throw new Error(`a bulk source of ${bytes} bytes returned ${bytesWritten}`)
  }

  /**
   * Resolves when the bytes are with the operating system: their memory may be reused.
   * @param heldBytes memory held until then
   */
  async #write(bytes: Uint8Array, heldBytes: number): Promise<void> {
    if (this.#stream.destroyed) throw new Error('the connection ended')
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#writing = { sinceMs: this.#clock.monotonicMs(), fail: reject }
    this.#account.hold(heldBytes)
    try {
      this.#stream.write(bytes, (error) => (error ? reject(error) : resolve()))
      await promise
    } finally {
      this.#account.release(heldBytes)
      this.#writing = undefined
    }
  }
}

const nothing = new Uint8Array(0)
