import { limits } from '../limits.ts'

/**
 * Buffers of one size that are used again: a new one for each read would make the garbage collector
 * run more than everything else.
 */
export class BufferPool {
  readonly #bufferBytes: number
  readonly #allocate: (bytes: number) => Buffer
  readonly #idle: Buffer[] = []

  /** @param options.allocate makes a buffer with memory of its own, of whatever kind its users need */
  constructor(options: { bufferBytes: number; allocate?: (bytes: number) => Buffer }) {
    this.#bufferBytes = options.bufferBytes
    this.#allocate = options.allocate ?? ((bytes) => Buffer.allocUnsafeSlow(bytes))
  }

  /** A buffer with memory of its own. One of another size than usual is made for this once. */
  take(bytes: number = this.#bufferBytes): Buffer {
    const idle = bytes === this.#bufferBytes ? this.#idle.pop() : undefined
    return idle ?? this.#allocate(bytes)
  }

  /** Nobody may look at `buffer` any more. */
  giveBack(buffer: Buffer): void {
    const hasRoom = (this.#idle.length + 1) * this.#bufferBytes <= limits.idleBuffersBytesMax
    if (buffer.length === this.#bufferBytes && hasRoom) this.#idle.push(buffer)
  }
}
