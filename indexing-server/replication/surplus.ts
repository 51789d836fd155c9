/** A peer that has a content. */
export interface SurplusHolder {
  readonly peerId: string
  readonly zone: string | undefined
  /** Whether its copies can be relied on. Others count for neither side. */
  readonly isCounted: boolean
  /** Whether it has a copy of kind `replicated`: no other kind is ever dropped. */
  readonly hasReplica: boolean
  /** Whether it has a shared or downloaded copy, which stays when its replica is dropped. */
  readonly hasOwn: boolean
  /** How long its peer has been live. */
  readonly liveForMs: number
  /** The used part of the space that its peer could use for the cluster, from 0 to 1. */
  readonly fullness: number
}

/** Peers that are live for a day keep their replicas: one that leaves every night does not. */
const lastingMs = 86_400_000

/**
 * Whether the replica of `peerId` may be dropped: `factor` peers keep a copy without it, in as many
 * zones as before or as the factor asks for. A replica beside a copy of another kind on the same
 * peer may always be dropped once the content is at its factor.
 */
export function mayDropReplica(
  peerId: string,
  holders: readonly SurplusHolder[],
  factor: number,
): boolean {
  return droppable(holders, factor).some((holder) => holder.peerId === peerId)
}

/**
 * The peers whose replicas are beyond the factor, the first to drop first: replicas that add no
 * peer, then those in a zone that has another copy, on peers that have not been live for a day, on
 * the fullest peers.
 */
export function surplusReplicas(holders: readonly SurplusHolder[], factor: number): string[] {
  const surplus: string[] = []
  let left = holders.filter(({ isCounted }) => isCounted)
  for (;;) {
    const next = firstToDrop(left, factor)
    if (next === undefined) return surplus
    surplus.push(next.peerId)
    left = left.flatMap((holder) => {
      if (holder !== next) return [holder]
      return holder.hasOwn ? [{ ...holder, hasReplica: false }] : []
    })
  }
}

function firstToDrop(holders: readonly SurplusHolder[], factor: number): SurplusHolder | undefined {
  const zones = zoneCounts(holders)
  const isAlone = ({ zone }: SurplusHolder): boolean =>
    zone === undefined || zones.byName.get(zone) === 1
  return droppable(holders, factor).toSorted(
    (a, b) =>
      Number(b.hasOwn) - Number(a.hasOwn) ||
      Number(isAlone(a)) - Number(isAlone(b)) ||
      Number(a.liveForMs >= lastingMs) - Number(b.liveForMs >= lastingMs) ||
      b.fullness - a.fullness ||
      (a.peerId < b.peerId ? -1 : 1),
  )[0]
}

function droppable(holders: readonly SurplusHolder[], factor: number): SurplusHolder[] {
  const counted = holders.filter(({ isCounted }) => isCounted)
  if (counted.length < factor) return []
  const zones = zoneCounts(counted)
  return counted.filter(({ zone, hasReplica, hasOwn }) => {
    if (!hasReplica || hasOwn) return hasReplica
    const isOnlyOfZone = zone === undefined || zones.byName.get(zone) === 1
    const zonesLeft = zones.count - Number(isOnlyOfZone)
    return counted.length > factor && zonesLeft >= Math.min(factor, zones.count)
  })
}

/** The number of zones that the holders are in. */
export function zoneCountOf(holders: readonly SurplusHolder[]): number {
  return zoneCounts(holders).count
}

/** A peer without a zone shares it with no other. */
function zoneCounts(holders: readonly SurplusHolder[]): {
  readonly count: number
  readonly byName: ReadonlyMap<string, number>
} {
  const byName = new Map<string, number>()
  let count = 0
  for (const { zone } of holders) {
    const before = zone === undefined ? 0 : (byName.get(zone) ?? 0)
    if (before === 0) count++
    if (zone !== undefined) byName.set(zone, before + 1)
  }
  return { count, byName }
}
