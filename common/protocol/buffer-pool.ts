import { limits } from '../limits.ts'

/**
 * Buffers of `diskReadBytes` that are used again: a new one for each read would make the garbage
 * collector run more than everything else.
 */
export class BufferPool {
  readonly #idle: Buffer<ArrayBuffer>[] = []

  take(): Buffer<ArrayBuffer> {
    return this.#idle.pop() ?? Buffer.allocUnsafeSlow(limits.diskReadBytes)
  }

  /** Nobody may look at `buffer` any more. */
  giveBack(buffer: Buffer<ArrayBuffer>): void {
    if (this.#idle.length < limits.idleBuffersMax) this.#idle.push(buffer)
  }
}
