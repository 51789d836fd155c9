/**
 * A client of the cluster: it finds and fetches as a peer does, with the same parts, but shares and
 * serves nothing and leaves no trace at the index.
 */
import type { Clock } from '../../common/clock.ts'
import type { Log } from '../../common/log.ts'
import type { Address, Transport } from '../../common/protocol/transport.ts'
import type { Random } from '../../common/random.ts'
import { ConnectionPool } from '../fetch/source/connection-pool.ts'
import { DialledIndex } from '../find/dialled-index.ts'
import { Finder } from '../find/finder.ts'

export interface ClientDependencies {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** What a client finds and fetches with; disposing closes its connections. */
export interface Client extends ClientDependencies, AsyncDisposable {
  readonly finder: Finder
  readonly pool: ConnectionPool
  /** Only peers may accuse: what others say could not be held against them. */
  onBlamed(): void
  /** A single download has nobody to give way to. */
  onReceived(): undefined
}

/** Connects to nobody before something is asked. */
export function openClient(index: Address, dependencies: ClientDependencies): Client {
  const stack = new AsyncDisposableStack()
  const pool = stack.use(new ConnectionPool({}, dependencies))
  const link = stack.use(new DialledIndex(index, dependencies))
  const finder = new Finder({ index: link, holds: () => false, clock: dependencies.clock })
  return {
    ...dependencies,
    finder,
    pool,
    onBlamed: () => {},
    onReceived: () => undefined,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
