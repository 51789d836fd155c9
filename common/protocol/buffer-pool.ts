import { limits } from '../limits.ts'
import { type Account, unboundedAccount } from './byte-budget.ts'

interface BufferPoolOptions {
  readonly bufferBytes: number
  /** Makes a buffer with memory of its own, of whatever kind its users need. */
  readonly allocate?: (bytes: number) => Buffer
  /** The size for those whose account has no room for the usual one. */
  readonly crowdedBytes?: number
}

/**
 * Buffers of one size that are used again: a new one for each read would make the garbage collector
 * run more than everything else.
 */
export class BufferPool {
  readonly #options: BufferPoolOptions
  readonly #allocate: (bytes: number) => Buffer
  readonly #idle: Buffer[] = []

  constructor(options: BufferPoolOptions) {
    this.#options = options
    this.#allocate = options.allocate ?? ((bytes) => Buffer.allocUnsafeSlow(bytes))
  }

  /** A buffer with memory of its own. One of another size than usual is made for this once. */
  take(bytes: number = this.#options.bufferBytes): Buffer {
    const idle = bytes === this.#options.bufferBytes ? this.#idle.pop() : undefined
    return idle ?? this.#allocate(bytes)
  }

  /** A buffer that `account` pays for until it is given back with it: a smaller one when it has no room. */
  takeFor(account: Account): Buffer {
    const { bufferBytes, crowdedBytes = bufferBytes } = this.#options
    if (account.tryTake(bufferBytes)) return this.take()
    account.hold(crowdedBytes)
    return this.take(crowdedBytes)
  }

  /** `buffer` is not looked at any more. */
  giveBack(buffer: Buffer, account: Account = unboundedAccount): void {
    const { bufferBytes } = this.#options
    account.release(buffer.length)
    const hasRoom = (this.#idle.length + 1) * bufferBytes <= limits.idleBuffersBytesMax
    if (buffer.length === bufferBytes && hasRoom) this.#idle.push(buffer)
  }
}
