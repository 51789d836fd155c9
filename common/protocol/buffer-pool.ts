import { type Account, unboundedAccount } from './byte-budget.ts'

/** Memory of unused buffers kept per pool: 16 chunks of 1 MiB. */
const idleBuffersBytesMax = 16 * 1024 * 1024

interface BufferPoolOptions {
  readonly bufferBytes: number
  /** Allocates a buffer of the kind that its users need. */
  readonly allocate?: (bytes: number) => Buffer
  /** The size for accounts without room for the usual one. */
  readonly crowdedBytes?: number
}

/**
 * Reuses buffers of one size: allocating one per read keeps the garbage collector busier than
 * everything else.
 */
export class BufferPool {
  readonly #options: BufferPoolOptions
  readonly #allocate: (bytes: number) => Buffer
  readonly #idle: Buffer[] = []

  constructor(options: BufferPoolOptions) {
    this.#options = options
    this.#allocate = options.allocate ?? ((bytes) => Buffer.allocUnsafeSlow(bytes))
  }

  /** A buffer with its own memory. One of another size is allocated for this use only. */
  take(bytes: number = this.#options.bufferBytes): Buffer {
    const idle = bytes === this.#options.bufferBytes ? this.#idle.pop() : undefined
    return idle ?? this.#allocate(bytes)
  }

  /**
   * A buffer that `account` holds until it is given back: a smaller one if the account has no room.
   */
  takeFor(account: Account): Buffer {
    const { bufferBytes, crowdedBytes = bufferBytes } = this.#options
    if (account.tryTake(bufferBytes)) return this.take()
    account.hold(crowdedBytes)
    return this.take(crowdedBytes)
  }

  /** Returns a buffer that is no longer used. */
  release(buffer: Buffer, account: Account = unboundedAccount): void {
    const { bufferBytes } = this.#options
    account.release(buffer.length)
    const hasRoom = (this.#idle.length + 1) * bufferBytes <= idleBuffersBytesMax
    if (buffer.length === bufferBytes && hasRoom) this.#idle.push(buffer)
  }
}
