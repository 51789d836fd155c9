import type { Clock } from '../../common/clock.ts'
import { AppError, hasCode } from '../../common/errors.ts'
import type { Log } from '../../common/log.ts'
import { connect } from '../../common/protocol/client.ts'
import type { Connection } from '../../common/protocol/connection.ts'
import { type Address, formatAddress, type Transport } from '../../common/protocol/transport.ts'
import type { IndexLink } from './index-link.ts'

/**
 * The index for clients that are no peers: dialled for the first request, and again after the
 * connection was lost.
 */
export class DialledIndex implements IndexLink, AsyncDisposable {
  readonly address: string
  readonly awayMs = 0
  readonly #address: Address
  readonly #dependencies: {
    readonly transport: Transport
    readonly clock: Clock
    readonly log: Log
  }
  readonly #opened = new AsyncDisposableStack()
  #connection: Connection | undefined

  constructor(address: Address, dependencies: { transport: Transport; clock: Clock; log: Log }) {
    this.address = formatAddress(address)
    this.#address = address
    this.#dependencies = dependencies
  }

  /**
   * @throws AppError INDEX_UNREACHABLE immediately if nothing listens there; the refusal of the
   *   index
   */
  async connected(signal: AbortSignal): Promise<Connection> {
    if (this.#connection?.isOpen === true) return this.#connection
    const { transport, ...dependencies } = this.#dependencies
    try {
      const { connection } = await connect(
        { transport, address: this.#address, role: 'index', hello: { role: 'client' }, signal },
        dependencies,
      )
      this.#connection = this.#opened.use(connection)
      return connection
    } catch (error) {
      // Who answers there is not the index of this cluster.
      const isUntrusted = error instanceof AppError && error.cause instanceof AppError
      if (!hasCode(error, 'DIAL_FAILED') || isUntrusted) throw error
      throw new AppError('INDEX_UNREACHABLE', { address: this.address }, { cause: error })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync()
  }
}
