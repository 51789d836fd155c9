import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import type { Clock } from '../../common/clock.ts'
import type { DownLink, Sender, UpLink } from './shaped-link.ts'

/** Bytes that an operating system buffers for a stream on a slow link. */
const sendBufferBytes = 1024 * 1024
/** Bytes in flight: while a receiver's link is busy, the sender's is free for others. */
const windowBytes = 512 * 1024

/** The way to the other end. */
export interface Way {
  readonly up: UpLink
  readonly down: DownLink
  /** Nothing arrives at the other end while this is true. */
  readonly isBlocked: () => boolean
  /** {@link ShapedStream.passHeld} is to be called when the way may be free again. */
  readonly onHeld: (stream: ShapedStream) => void
  /** Additional latency of the next packet. */
  readonly jitterMs: () => number
  /** Called with bytes that are written, and again, cut in another way, when they have arrived. */
  readonly onBytes: (bytes: Buffer, stream: ShapedStream, when: 'written' | 'arrived') => void
}

/** One end of a connection over slow links. The other end reads everything immediately. */
export class ShapedStream extends Duplex implements Sender {
  readonly #way: Way
  readonly #clock: Clock
  #other: ShapedStream | undefined
  readonly #queue: Buffer[] = []
  #queuedBytes = 0
  readonly #onTheWay: Buffer[] = []
  #bytesOnTheWay = 0
  #arrivesAtMs = 0
  /** What arrives at the other end once the way is free. */
  #held: (() => void)[] = []
  /** Set while a piece has not been accepted. */
  #onTaken: (() => void) | undefined
  #isEnded = false

  constructor(way: Way, dependencies: { clock: Clock }) {
    super()
    this.#way = way
    this.#clock = dependencies.clock
  }

  /** Makes the two streams the ends of one connection. */
  join(other: ShapedStream): void {
    this.#other = other
    other.#other = this
  }

  /** The way may be free again: everything that waited for it arrives. */
  passHeld(): void {
    const held = this.#held
    this.#held = []
    for (const arrive of held) this.#arrive(arrive)
  }

  next(bytesMax: number): Buffer | undefined {
    const [first] = this.#queue
    if (first === undefined || this.#bytesOnTheWay >= windowBytes) return undefined
    const packet = first.subarray(0, bytesMax)
    if (packet.length === first.length) this.#queue.shift()
    else this.#queue[0] = first.subarray(packet.length)
    this.#queuedBytes -= packet.length
    this.#bytesOnTheWay += packet.length
    this.#takeOn()
    return packet
  }

  onSent(packet: Buffer): void {
    const { down, up, jitterMs, onBytes } = this.#way
    // Packets of one connection stay in order, whichever timer fires first.
    this.#onTheWay.push(packet)
    this.#arrivesAtMs = Math.max(this.#arrivesAtMs, down.carry(packet.length) + jitterMs())
    this.#clock.after(this.#arrivesAtMs - this.#clock.monotonicMs(), () => {
      const first = this.#onTheWay.shift() ?? packet
      this.#arrive(() => {
        this.#bytesOnTheWay -= first.length
        if (this.#other?.destroyed === false) {
          this.#other.push(first)
          onBytes(first, this, 'arrived')
        }
        up.serve(this)
        this.#passEnd()
      })
    })
  }

  override _write(bytes: Buffer, _: BufferEncoding, onTaken: () => void): void {
    assert(this.#onTaken === undefined)
    this.#onTaken = onTaken
    // The caller reuses the memory as soon as the write is accepted.
    this.#queue.push(Buffer.from(bytes))
    this.#way.onBytes(bytes, this, 'written')
    this.#queuedBytes += bytes.length
    this.#takeOn()
    this.#way.up.serve(this)
  }

  override _read(): void {}

  override _final(onEnded: () => void): void {
    this.#isEnded = true
    this.#passEnd()
    onEnded()
  }

  /** Resets the other end, like a socket. */
  override _destroy(error: Error | null, onDestroyed: (error: Error | null) => void): void {
    this.#queue.length = 0
    this.#arrive(() => this.#other?.destroy())
    onDestroyed(error)
  }

  #arrive(arrive: () => void): void {
    if (this.#held.length === 0 && !this.#way.isBlocked()) return arrive()
    this.#held.push(arrive)
    this.#way.onHeld(this)
  }

  #takeOn(): void {
    if (this.#queuedBytes > sendBufferBytes) return
    const onTaken = this.#onTaken
    this.#onTaken = undefined
    onTaken?.()
  }

  #passEnd(): void {
    const isSent = this.#queue.length === 0 && this.#bytesOnTheWay === 0
    if (this.#isEnded && isSent)
      this.#arrive(() => {
        if (this.#other?.destroyed === false) this.#other.push(null)
      })
  }
}
