import { type Duplex, duplexPair } from 'node:stream'
import { AppError } from '../errors.ts'
import {
  type Address,
  formatAddress,
  type Listener,
  type Transport,
  type Wire,
  wireOf,
} from './transport.ts'

/**
 * Connections within the process; addresses are keys of a map. Ports are compared, host names are
 * not.
 */
export class MemoryTransport implements Transport {
  readonly #listeners = new Map<number, (wire: Wire, remote: Address) => void>()
  #nextPort = 40_000

  async dial(address: Address, options: { signal?: AbortSignal }): Promise<Wire> {
    options.signal?.throwIfAborted()
    const onConnection = this.#listeners.get(address.port)
    if (onConnection === undefined)
      throw new AppError('DIAL_FAILED', {
        address: formatAddress(address),
        reason: 'connection refused',
      })
    const [near, far] = duplexPair()
    linkEnds(near, far)
    onConnection(wireOf(far), { host: '127.0.0.1', port: this.#nextPort++ })
    return wireOf(near)
  }

  async listen(
    address: Address,
    onConnection: (wire: Wire, remote: Address) => void,
  ): Promise<Listener> {
    const port = address.port === 0 ? this.#nextPort++ : address.port
    if (this.#listeners.has(port))
      throw new AppError('ADDRESS_IN_USE', {
        address: formatAddress({ ...address, port }),
        flag: '--port',
      })
    this.#listeners.set(port, onConnection)
    return {
      address: { host: address.host, port },
      [Symbol.asyncDispose]: async () => {
        if (this.#listeners.get(port) === onConnection) this.#listeners.delete(port)
      },
    }
  }
}

/** Destroying one end resets the other, like a socket. */
function linkEnds(near: Duplex, far: Duplex): void {
  near.once('close', () => far.destroy())
  far.once('close', () => near.destroy())
}
