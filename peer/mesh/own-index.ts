import type { Clock } from '../../common/clock.ts'
import type { Cluster } from '../../common/identity/open-cluster.ts'
import type { Log } from '../../common/log.ts'
import type { Address, Transport } from '../../common/protocol/transport.ts'
import type { Random } from '../../common/random.ts'

/** The index in a peer's own process, which only this process reaches. */
export interface OwnIndex extends AsyncDisposable {
  readonly transport: Transport
  readonly address: Address
  /** After this long without a sign of life a peer is dead. */
  readonly deadAfterMs: number
  /** Size of its database, without free pages. */
  usedBytes(): number
  /** The gate has opened or closed, at all or for some contents. */
  onGate(): void
}

/** Whether a peer's own index acts, beside the index of a cluster. */
export interface OwnIndexGate {
  /** Whether it acts at all. */
  isOpen(): boolean
  /** Whether a peer reaches an index of a cluster, which then acts for what the peer holds. */
  reachesIndex(peerId: string): boolean
  /** Whether it knows all files; if not, it knows the holders of what its peer holds. */
  knowsAll(): boolean
}

/**
 * Starts the index of a peer, with its database in the peer's data folder.
 * @throws AppError SETTING_INVALID, DATA_IN_USE, DATABASE_UNUSABLE, DISK_FAILED
 */
export type StartOwnIndex = (
  options: { readonly peerId: string; readonly data: string },
  dependencies: {
    /** For dialling other peers. */
    readonly transport: Transport
    readonly clock: Clock
    readonly random: Random
    readonly log: Log
    readonly gate: OwnIndexGate
    /** Tells what the authority of the cluster does, if this peer has it. */
    readonly onNews?: Cluster['onNews'] | undefined
  },
) => Promise<OwnIndex>
