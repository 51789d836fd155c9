import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import type { DownLink, Sender, UpLink } from './shaped-link.ts'

/** Bytes that an operating system buffers for a stream on a slow link. */
const sendBufferBytes = 1024 * 1024
/** Bytes in flight: while a receiver's link is busy, the sender's is free for others. */
const windowBytes = 512 * 1024

/** One end of a connection over slow links. The other end reads everything immediately. */
export class ShapedStream extends Duplex implements Sender {
  readonly #up: UpLink
  readonly #down: DownLink
  #other: ShapedStream | undefined
  readonly #queue: Buffer[] = []
  #queuedBytes = 0
  #bytesOnTheWay = 0
  /** Set while a piece has not been accepted. */
  #onTaken: (() => void) | undefined
  #isEnded = false

  /** @param links its own, and that of the other end */
  constructor(links: { up: UpLink; down: DownLink }) {
    super()
    this.#up = links.up
    this.#down = links.down
  }

  /** Makes the two streams the ends of one connection. */
  join(other: ShapedStream): void {
    this.#other = other
    other.#other = this
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
    this.#down.carry(packet.length, () => {
      this.#bytesOnTheWay -= packet.length
      if (this.#other?.destroyed === false) this.#other.push(packet)
      this.#up.serve(this)
      this.#passEnd()
    })
  }

  override _write(bytes: Buffer, _: BufferEncoding, onTaken: () => void): void {
    assert(this.#onTaken === undefined)
    this.#onTaken = onTaken
    // The caller reuses the memory as soon as the write is accepted.
    this.#queue.push(Buffer.from(bytes))
    this.#queuedBytes += bytes.length
    this.#takeOn()
    this.#up.serve(this)
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
    this.#other?.destroy()
    onDestroyed(error)
  }

  #takeOn(): void {
    if (this.#queuedBytes > sendBufferBytes) return
    const onTaken = this.#onTaken
    this.#onTaken = undefined
    onTaken?.()
  }

  #passEnd(): void {
    const isSent = this.#queue.length === 0 && this.#bytesOnTheWay === 0
    if (this.#isEnded && isSent && this.#other?.destroyed === false) this.#other.push(null)
  }
}
