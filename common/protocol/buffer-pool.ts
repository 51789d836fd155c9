import { limits } from '../limits.ts'

/**
 * Buffers of `diskReadBytes` that are used again: a new one for each read would make the garbage
 * collector run more than everything else.
 */
export class BufferPool {
  readonly #idle: Buffer<ArrayBuffer>[] = []

  /** A buffer with memory of its own. One of another size than usual is made for this once. */
  take(bytes: number = limits.diskReadBytes): Buffer<ArrayBuffer> {
    const idle = bytes === limits.diskReadBytes ? this.#idle.pop() : undefined
    return idle ?? Buffer.allocUnsafeSlow(bytes)
  }

  /** Nobody may look at `buffer` any more. */
  giveBack(buffer: Buffer<ArrayBuffer>): void {
    const isUsual = buffer.length === limits.diskReadBytes
    if (isUsual && this.#idle.length < limits.idleBuffersMax) this.#idle.push(buffer)
  }
}
