import { limits } from '../limits.ts'

interface BufferPoolOptions {
  readonly bufferBytes: number
  /** Makes a buffer with memory of its own, of whatever kind its users need. */
  readonly allocate?: (bytes: number) => Buffer
  /** With so much in use, further buffers are of another, smaller size. */
  readonly whenCrowded?: { readonly usedBytes: number; readonly bufferBytes: number }
}

/**
 * Buffers of one size that are used again: a new one for each read would make the garbage collector
 * run more than everything else.
 */
export class BufferPool {
  readonly #options: BufferPoolOptions
  readonly #allocate: (bytes: number) => Buffer
  readonly #idle: Buffer[] = []
  #usedBytes = 0

  constructor(options: BufferPoolOptions) {
    this.#options = options
    this.#allocate = options.allocate ?? ((bytes) => Buffer.allocUnsafeSlow(bytes))
  }

  /** A buffer with memory of its own. One of another size than usual is made for this once. */
  take(bytes: number = this.#usualBytes): Buffer {
    const idle = bytes === this.#options.bufferBytes ? this.#idle.pop() : undefined
    this.#usedBytes += bytes
    return idle ?? this.#allocate(bytes)
  }

  /** Nobody may look at `buffer` any more. */
  giveBack(buffer: Buffer): void {
    const { bufferBytes } = this.#options
    this.#usedBytes -= buffer.length
    const hasRoom = (this.#idle.length + 1) * bufferBytes <= limits.idleBuffersBytesMax
    if (buffer.length === bufferBytes && hasRoom) this.#idle.push(buffer)
  }

  get #usualBytes(): number {
    const { bufferBytes, whenCrowded } = this.#options
    const isCrowded = whenCrowded && this.#usedBytes + bufferBytes > whenCrowded.usedBytes
    return isCrowded ? whenCrowded.bufferBytes : bufferBytes
  }
}
