import { limits } from '../limits.ts'

/**
 * Buffers of one size that are used again: a new one for each read would make the garbage collector
 * run more than everything else.
 */
export class BufferPool {
  readonly #bufferBytes: number
  readonly #idle: Buffer<ArrayBuffer>[] = []

  constructor(options: { bufferBytes: number }) {
    this.#bufferBytes = options.bufferBytes
  }

  /** A buffer with memory of its own. One of another size than usual is made for this once. */
  take(bytes: number = this.#bufferBytes): Buffer<ArrayBuffer> {
    const idle = bytes === this.#bufferBytes ? this.#idle.pop() : undefined
    return idle ?? Buffer.allocUnsafeSlow(bytes)
  }

  /** Nobody may look at `buffer` any more. */
  giveBack(buffer: Buffer<ArrayBuffer>): void {
    const hasRoom = (this.#idle.length + 1) * this.#bufferBytes <= limits.idleBuffersBytesMax
    if (buffer.length === this.#bufferBytes && hasRoom) this.#idle.push(buffer)
  }
}
