/**
 * A client of the cluster: it finds and fetches with the same parts as a peer, but shares and serves
 * nothing and does not register at the index.
 */
import type { Clock } from '../../common/clock.ts'
import type { Log } from '../../common/log.ts'
import type { Address, Transport } from '../../common/protocol/transport.ts'
import type { Random } from '../../common/random.ts'
import { ProgramFiles } from '../fetch/program/program-files.ts'
import { ProgramLeases } from '../fetch/program/program-leases.ts'
import { ConnectionPool } from '../fetch/source/connection-pool.ts'
import { DialledIndex } from '../find/dialled-index.ts'
import { Finder } from '../find/finder.ts'

export interface ClientDependencies {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Disposing closes its connections. */
export interface Client extends ClientDependencies, AsyncDisposable {
  readonly finder: Finder
  readonly pool: Pick<ConnectionPool, 'lease'>
  /** What may be fetched from programs. */
  readonly programFiles: ProgramFiles
  /** Does nothing: only peers, which have an identity, may accuse. */
  onBlamed(): void
  /** Does not throttle: there are no other transfers to yield to. */
  onReceived(): undefined
}

/** Connects on the first request. */
export function openClient(index: Address, dependencies: ClientDependencies): Client {
  const stack = new AsyncDisposableStack()
  const peers = stack.use(new ConnectionPool({}, dependencies))
  const programFiles = new ProgramFiles({ onLied: () => {} })
  const pool = new ProgramLeases({ ...dependencies, pool: peers, files: programFiles })
  const link = stack.use(new DialledIndex(index, dependencies))
  const finder = new Finder({ index: link, holds: () => false, clock: dependencies.clock })
  return {
    ...dependencies,
    finder,
    pool,
    programFiles,
    onBlamed: () => {},
    onReceived: () => undefined,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
