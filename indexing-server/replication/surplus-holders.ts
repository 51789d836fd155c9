import type { Peer } from '../registry.ts'
import type { StoredContent } from '../store/store.ts'
import { fullness } from './room.ts'
import type { SurplusHolder } from './surplus.ts'

export interface SurplusView {
  readonly peerOf: (peerId: string) => Peer | undefined
  readonly nowMs: number
  /** Whether the copies of a peer that is not in doubt can be relied on. */
  readonly isCounted: (peer: Peer) => boolean
}

/** What trimming knows of the peers that have a content. */
export function surplusHolders(
  { holders }: Pick<StoredContent, 'holders'>,
  { peerOf, nowMs, isCounted }: SurplusView,
): SurplusHolder[] {
  const found = new Map<string, SurplusHolder>()
  for (const { peerId, kind, isDoubted } of holders) {
    const peer = peerOf(peerId)
    if (peer === undefined) continue
    const before = found.get(peerId)
    const isReplica = kind === 'replicated'
    found.set(peerId, {
      peerId,
      zone: peer.zone,
      isCounted: isDoubted !== true && before?.isCounted !== false && isCounted(peer),
      hasReplica: isReplica || before?.hasReplica === true,
      hasOwn: !isReplica || before?.hasOwn === true,
      liveForMs: nowMs - (peer.liveSinceMs ?? nowMs),
      fullness: fullness({
        storedBytes: peer.holdings.bytes,
        replicaBytes: peer.holdings.replicaBytes,
        assignedBytes: 0,
        freeBytes: peer.freeBytes,
        capacityBytes: peer.capacityBytes,
      }),
    })
  }
  return [...found.values()]
}

/**
 * Whether a replica elsewhere may be dropped because of the copies of this peer: it has been live
 * for `trimAfterMs`, is not drained, and was not caught sending wrong bytes.
 */
export function isSteady(
  { isAccused, isDraining, liveSinceMs }: Pick<Peer, 'isAccused' | 'isDraining' | 'liveSinceMs'>,
  { nowMs, trimAfterMs }: { readonly nowMs: number; readonly trimAfterMs: number },
): boolean {
  if (isAccused || isDraining || liveSinceMs === undefined) return false
  return nowMs - liveSinceMs >= trimAfterMs
}
