import type { Clock } from '../common/clock.ts'
import { limits } from '../common/limits.ts'
import type { PeerNotes, ReplyOf } from '../common/protocol/messages.ts'
import type { NotesOf } from './peer-notes.ts'
import type { Unproven } from './proofs/unproven.ts'
import { rebalanceProgress } from './rebalancing.ts'
import type { Peer, Registry } from './registry.ts'
import { repairOf } from './repair-status.ts'
import type { Hold } from './replication/brake.ts'
import type { Coordinator } from './replication/coordinator.ts'
import type { Mover } from './replication/mover.ts'
import type { Shortage } from './replication/no-room.ts'
import type { IndexStore } from './store/store.ts'
import type { WriteHealth } from './write-health.ts'

export interface StatusSources {
  readonly store: Pick<IndexStore, 'totals'>
  readonly registry: Pick<Registry, 'all' | 'counts' | 'keeperCount'>
  readonly notes: NotesOf
  readonly coordinator: Pick<
    Coordinator,
    'belowFactorOver' | 'counts' | 'hold' | 'mover' | 'repairs' | 'shortage'
  >
  readonly writes: Pick<WriteHealth, 'fault'>
  readonly unproven: Pick<Unproven, 'counts'>
  readonly clock: Clock
  /** Whether other machines reach the index without TLS. */
  readonly isInsecure?: boolean
}

/**
 * The state of the cluster. Contents that replication has not judged yet count as below their
 * factor.
 */
export async function clusterStatus({
  store,
  registry,
  notes,
  coordinator,
  writes,
  unproven,
  clock,
  isInsecure = false,
}: StatusSources): Promise<ReplyOf<'status'>> {
  const { wanted, trashFiles, trashBytes } = await store.totals()
  const { counts, hold, mover, shortage } = coordinator
  const { unreachable, ...peers } = registry.counts()
  const atFactor = Math.min(counts.atFactor, wanted)
  const status = {
    peers: unreachable > 0 ? registry.counts() : peers,
    contents: wanted,
    atFactor,
    belowFactor: wanted - atFactor,
    tasks: { waiting: counts.waiting, running: counts.running },
  }
  const aboveFactor = Math.min(counts.aboveFactor, atFactor)
  const wantMorePeers = Math.min(
    coordinator.belowFactorOver(registry.keeperCount),
    wanted - atFactor,
  )
  const { fault: degraded } = writes
  const repair = repairOf(coordinator.repairs, clock.monotonicMs())
  const peerNotes = peerNotesOf(registry.all(), notes)
  return {
    ...status,
    ...(trashFiles > 0 && { trash: { files: trashFiles, bytes: trashBytes } }),
    ...(aboveFactor > 0 && { aboveFactor }),
    ...(repair !== undefined && { repair }),
    ...(unproven.counts.copies > 0 && { unproven: unproven.counts }),
    ...(shortage !== undefined && { noRoom: noRoomOf(shortage) }),
    ...(wantMorePeers > 0 && { wantMorePeers }),
    ...movingOf(mover),
    ...(hold !== undefined && { paused: hold.reason, brake: brakeOf(hold, clock.monotonicMs()) }),
    ...(peerNotes.length > 0 && { peerNotes }),
    ...(degraded !== undefined && { degraded }),
    ...(isInsecure && { isInsecure }),
  }
}

function peerNotesOf(peers: Iterable<Peer>, notesOf: NotesOf): PeerNotes[] {
  const notes = Array.from(peers, (peer) => ({ peerId: peer.peerId, ...notesOf(peer) }))
  return notes.filter((note) => Object.keys(note).length > 1).slice(0, limits.peerNotesMax)
}

function movingOf(mover: Mover): Pick<ReplyOf<'status'>, 'moving' | 'rebalance'> {
  const moving = { zone: mover.count('zone'), balance: mover.count('balance') }
  return {
    ...(moving.zone + moving.balance > 0 && { moving }),
    ...(mover.rebalance.progress?.isRunning === true && { rebalance: rebalanceProgress(mover) }),
  }
}

/** Peers named in the status, those with the most room. */
const noRoomPeersMax = 5

function noRoomOf({
  contents,
  bytes,
  addBytes,
  peers,
}: Shortage): NonNullable<ReplyOf<'status'>['noRoom']> {
  const whole = (value: number): number => Math.min(Number.MAX_SAFE_INTEGER, Math.ceil(value))
  return {
    contents,
    bytes: whole(bytes),
    addBytes: whole(addBytes),
    peers: peers
      .slice(0, noRoomPeersMax)
      .map(({ peerId, roomBytes }) => ({ peerId, roomBytes: Math.floor(roomBytes) })),
    peersInAll: peers.length,
  }
}

function brakeOf(
  { cause, sinceMs, untilMs }: Hold,
  nowMs: number,
): NonNullable<ReplyOf<'status'>['brake']> {
  const millis = (ms: number): number => Math.max(0, Math.round(ms))
  return { cause, forMs: millis(nowMs - sinceMs), leftMs: millis(untilMs - nowMs) }
}
