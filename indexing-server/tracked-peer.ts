import type { Clock } from '../common/clock.ts'
import type { Connection } from '../common/protocol/connection.ts'
import type { HttpAddress, PeerState, RequestOf } from '../common/protocol/messages.ts'
import type { Accusations } from './accusations.ts'
import { type Flapping, flappingOf } from './flapping.ts'
import type { Liveness } from './liveness.ts'
import type { PeerPlans } from './peer-plans.ts'
import type { Gone, Holdings, PeerRecord } from './store/store.ts'

/** A peer as the rest of the index sees it; its fields change over time. */
export interface Peer extends Liveness {
  readonly peerId: string
  readonly host: string
  readonly port: number
  /** Where others reach its HTTP server, if they can. */
  readonly http?: HttpAddress | undefined
  readonly zone: string | undefined
  readonly freeBytes: number
  /** The size of its disk, if reported. */
  readonly diskBytes?: number | undefined
  /** The most bytes of replicas that it keeps for the cluster; undefined: as many as its disk holds. */
  readonly capacityBytes?: number | undefined
  /** Content bytes per second, as of its last heartbeat. */
  readonly uploadBytesPerSecond?: number | undefined
  readonly downloadBytesPerSecond?: number | undefined
  readonly holdings: Holdings
  /** Monotonic time since when it has been live without a break; undefined if it is not live. */
  readonly liveSinceMs: number | undefined
  /** Whether its copies are being made elsewhere, so that it can leave. */
  readonly isDraining: boolean
  /** How much longer it may be silent, if it is in maintenance. */
  readonly maintenance: { readonly leftMs: number } | undefined
  /** Whether its absence is intended: it is drained, or in maintenance. */
  readonly isExcused: boolean
  /** Whether it comes and goes too often to be given new copies. */
  readonly flapping: Flapping | undefined
  /** Whether it was recently caught sending wrong bytes. */
  readonly isAccused: boolean
  /** Whether it has failed to prove so many copies that none counts, and it is given no new ones. */
  readonly isDistrusted: boolean
  /**
   * When it last ceased to be live (monotonic), or when the index started; undefined if never, or if
   * it left for good.
   */
  readonly lastLiveMs: number | undefined
}

export type Plans = Pick<PeerPlans, 'isDraining' | 'maintenanceLeftMs'>

/** A peer as the registry keeps it. */
export interface TrackedPeer extends Peer {
  host: string
  port: number
  http?: HttpAddress | undefined
  zone: string | undefined
  freeBytes: number
  diskBytes?: number | undefined
  capacityBytes?: number | undefined
  uploadBytesPerSecond?: number | undefined
  downloadBytesPerSecond?: number | undefined
  holdings: Holdings
  liveSinceMs: number | undefined
  state: PeerState
  isLost: boolean
  lastLiveMs: number | undefined
  /** When it ceased to be live, oldest first; monotonic. */
  readonly breaksMs: number[]
  connection: Connection | undefined
  /** The epoch of its catalog; '' before it has registered. */
  epoch: string
  /** The last change of its catalog that the index has. */
  seenSeq: number
  gone: Gone | undefined
  /** Monotonic time of the last sign of life. */
  heardMs: number
}

interface Facts {
  readonly accusations: Pick<Accusations, 'has'>
  readonly plans: Plans
  readonly isDistrusted: (peerId: string) => boolean
  readonly clock: Clock
  readonly deadAfterMs: number
}

/**
 * A recorded peer, suspect until its liveness is judged. The time that the index itself was away does
 * not count as silence, unless the peer was dead already.
 */
export function trackedPeer(
  { heardMs, copies, bytes, replicas, replicaBytes, ...record }: PeerRecord,
  { accusations, plans, isDistrusted, clock, deadAfterMs }: Facts,
): TrackedPeer {
  const { peerId } = record
  const isDead = record.gone === 'dead'
  const silentMs = isDead ? Math.max(0, clock.nowMs() - heardMs) : 0
  return {
    ...record,
    holdings: { copies, bytes, replicas, replicaBytes },
    epoch: '',
    seenSeq: 0,
    connection: undefined,
    heardMs: clock.monotonicMs() - silentMs,
    state: 'suspect',
    isLost: false,
    lastLiveMs: isDead ? undefined : clock.monotonicMs(),
    liveSinceMs: undefined,
    breaksMs: [],
    get isDraining() {
      return plans.isDraining(peerId)
    },
    get maintenance() {
      const leftMs = plans.maintenanceLeftMs(peerId)
      return leftMs === undefined ? undefined : { leftMs }
    },
    get isExcused() {
      return this.isDraining || this.maintenance !== undefined
    },
    get flapping() {
      const options = { deadAfterMs, nowMs: clock.monotonicMs() }
      return flappingOf(this.breaksMs, this.liveSinceMs, options)
    },
    get isAccused() {
      return accusations.has(peerId)
    },
    get isDistrusted() {
      return isDistrusted(peerId)
    },
  }
}

/** Changes of the free space below this are not worth showing: a hundredth of a small disk. */
const roomStepBytes = 100 * 1024 * 1024

/** Takes over what a heartbeat says; returns whether that is worth showing. */
export function takeHeartbeat(entry: TrackedPeer, heartbeat: RequestOf<'heartbeat'>): boolean {
  const { freeBytes, diskBytes, capacityBytes, uploadBytesPerSecond, downloadBytesPerSecond } =
    heartbeat
  const isNews =
    Math.abs(entry.freeBytes - freeBytes) >= roomStepBytes ||
    entry.capacityBytes !== capacityBytes ||
    entry.uploadBytesPerSecond !== uploadBytesPerSecond ||
    entry.downloadBytesPerSecond !== downloadBytesPerSecond
  const load = { uploadBytesPerSecond, downloadBytesPerSecond }
  Object.assign(entry, { freeBytes, diskBytes, capacityBytes, ...load })
  return isNews
}
