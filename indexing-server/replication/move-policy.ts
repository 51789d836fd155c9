/** Which replica of a content should move, and where to: pure policy. */
import type { Random } from '../../common/random.ts'
import { bestTarget, type PlacementPeer } from './placement.ts'
import { fullness, type Room, type RoomOptions } from './room.ts'
import { mayDropReplica, type SurplusHolder, zoneCountOf } from './surplus.ts'

export interface MovableContent {
  readonly sizeBytes: number
  readonly factor: number
  readonly holders: readonly SurplusHolder[]
}

export interface PlannedMove {
  readonly from: string
  readonly to: string
}

/**
 * A move that brings the content into one more zone, if its copies are in fewer than it has copies.
 * The content lacks no copies, and none is beyond its factor.
 * @param targets peers that may take a copy
 */
export function zoneMove(
  content: MovableContent,
  targets: readonly PlacementPeer[],
  choice: RoomOptions & { readonly random: Random },
): PlannedMove | undefined {
  const { holders, factor } = content
  const zones = zoneCountOf(holders)
  if (!isMovable(content) || zones >= factor) return undefined
  const elsewhere = targets.filter(
    ({ zone }) => zone === undefined || holders.every((holder) => holder.zone !== zone),
  )
  const target = bestTarget(elsewhere, {
    ...choice,
    hasFailed: () => false,
    hasEarlierVersion: () => false,
  })
  if (target === undefined) return undefined
  const [from] = holders
    .filter((holder) => isLeavable(holder, content, target))
    .toSorted((a, b) => b.fullness - a.fullness || (a.peerId < b.peerId ? -1 : 1))
  return from === undefined ? undefined : { from: from.peerId, to: target.peerId }
}

/** Whether the content is in fewer zones than it could be, and has a replica that may move. */
export function isCrowded({ holders, factor }: MovableContent): boolean {
  return zoneCountOf(holders) < factor && holders.some(isReplicaOnly)
}

/**
 * A move from a fuller peer to the least full one that is at least `differenceMin` less full. After
 * it, `from` is still at least as full as `to`, and the copies are in as many zones as before: so
 * moves never go back and forth.
 */
export function balanceMove(
  content: MovableContent,
  from: PlacementPeer,
  targets: readonly PlacementPeer[],
  { differenceMin }: { readonly differenceMin: number },
): PlannedMove | undefined {
  const holder = content.holders.find(({ peerId }) => peerId === from.peerId)
  if (holder === undefined || !isMovable(content) || !isReplicaOnly(holder)) return undefined
  const { sizeBytes, holders } = content
  const zones = zoneCountOf(holders)
  const fromAfter = fullness(roomAfter(from, -sizeBytes))
  const able = targets.filter((target) => {
    const after = holders.map((each) => (each === holder ? asHolder(target) : each))
    return (
      fullness(from) - fullness(target) >= differenceMin &&
      fromAfter >= fullness(roomAfter(target, sizeBytes)) &&
      zoneCountOf(after) >= zones &&
      isLeavable(holder, content, target)
    )
  })
  const [to] = able.toSorted((a, b) => fullness(a) - fullness(b) || (a.peerId < b.peerId ? -1 : 1))
  return to === undefined ? undefined : { from: from.peerId, to: to.peerId }
}

/** A room once `bytes` of replicas have been added, or removed if negative. */
export function roomAfter<Kind extends Room>(room: Kind, bytes: number): Kind {
  return {
    ...room,
    storedBytes: Math.max(0, room.storedBytes + bytes),
    replicaBytes: Math.max(0, room.replicaBytes + bytes),
    freeBytes: Math.max(0, room.freeBytes - bytes),
  }
}

/** Nothing moves while a holder cannot be relied on, or copies are missing or too many. */
function isMovable({ holders, factor }: MovableContent): boolean {
  return factor > 1 && holders.length >= factor && holders.every(({ isCounted }) => isCounted)
}

function isReplicaOnly({ hasReplica, hasOwn }: SurplusHolder): boolean {
  return hasReplica && !hasOwn
}

/** Whether the replica may be dropped once the target has a copy. */
function isLeavable(
  holder: SurplusHolder,
  { holders, factor }: MovableContent,
  target: PlacementPeer,
): boolean {
  return (
    isReplicaOnly(holder) && mayDropReplica(holder.peerId, [...holders, asHolder(target)], factor)
  )
}

function asHolder({ peerId, zone }: PlacementPeer): SurplusHolder {
  const copy = { hasReplica: true, hasOwn: false, isCounted: true }
  return { peerId, zone, ...copy, liveForMs: 0, fullness: 0 }
}
