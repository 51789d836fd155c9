import type { PeerState } from '../../common/protocol/messages.ts'

/** The facts about a peer that placement uses. */
export interface PlacementPeer {
  readonly peerId: string
  readonly zone: string | undefined
  readonly state: PeerState
  readonly freeBytes: number
  /** The size of its disk, if known. */
  readonly diskBytes?: number | undefined
  /** Bytes that it holds, and bytes that it was asked to hold but has not reported. */
  readonly storedBytes: number
  readonly assignedBytes: number
  /** Whether it recently refused or failed a task. */
  readonly isResting: boolean
  /** Whether it comes and goes. */
  readonly isFlapping: boolean
}

export interface PlacementRequest {
  readonly sizeBytes: number
  /** Peers that have the content or are receiving it. */
  readonly takenBy: ReadonlySet<string>
  /**
   * Peers whose own file has the content: a replica beside the original protects against nothing.
   */
  readonly ownedBy: ReadonlySet<string>
  /** Whether a copy of the content failed there and waits for a retry. */
  readonly isWaiting: (peerId: string) => boolean
  /** Whether at most one peer has it: then a flapping peer is better than none. */
  readonly isLastCopy: boolean
}

export interface PlacementOptions {
  /**
   * Space that a copy must leave free on the target's disk, or less on a small disk: see {@link
   * keptFreeBytes}.
   */
  readonly reserveBytes: number
}

/**
 * At most this part of a disk is reserved: otherwise a phone's or memory stick's disk would never
 * hold anything.
 */
const keptFreePart = 0.05

/** Space that copies must leave free on a peer's disk. */
export function keptFreeBytes(
  { diskBytes = Number.POSITIVE_INFINITY }: Pick<PlacementPeer, 'diskBytes'>,
  { reserveBytes }: PlacementOptions,
): number {
  return Math.min(reserveBytes, Math.ceil(diskBytes * keptFreePart))
}

/** Why a peer without a copy cannot take one. */
export type Refusal =
  | 'not live'
  | 'owner'
  | 'resting'
  | 'waiting'
  | 'no space'
  | 'flapping'
  | 'same zone'

export interface Eligibility<Peer> {
  readonly eligible: readonly Peer[]
  /** Peers without a copy that were passed over. */
  readonly refusals: ReadonlyMap<string, Refusal>
}

/**
 * The peers that may take a copy: live, not its owner, not resting, with space, without a copy or a
 * failure that waits for a retry, and in a zone without a copy as long as there is such a peer. A
 * peer without a zone shares it with no other. A flapping peer may take one only if no other can,
 * and then only of a content that has no second copy.
 */
export function eligibleTargets<Peer extends PlacementPeer>(
  request: PlacementRequest,
  peers: readonly Peer[],
  options: PlacementOptions,
): Eligibility<Peer> {
  const refusals = new Map<string, Refusal>()
  const usedZones = new Set<string>()
  let able: Peer[] = []
  for (const peer of peers) {
    if (request.takenBy.has(peer.peerId)) {
      if (peer.zone !== undefined) usedZones.add(peer.zone)
      continue
    }
    const refusal = refusalOf(peer, request, options)
    if (refusal === undefined) able.push(peer)
    else refusals.set(peer.peerId, refusal)
  }
  const steady = able.filter(({ isFlapping }) => !isFlapping)
  if (steady.length > 0 || !request.isLastCopy) {
    for (const { peerId, isFlapping } of able) if (isFlapping) refusals.set(peerId, 'flapping')
    able = steady
  }
  const elsewhere = able.filter(({ zone }) => zone === undefined || !usedZones.has(zone))
  if (elsewhere.length === 0) return { eligible: able, refusals }
  const isElsewhere = new Set(elsewhere)
  for (const peer of able) if (!isElsewhere.has(peer)) refusals.set(peer.peerId, 'same zone')
  return { eligible: elsewhere, refusals }
}

function refusalOf(
  peer: PlacementPeer,
  { sizeBytes, ownedBy, isWaiting }: PlacementRequest,
  options: PlacementOptions,
): Refusal | undefined {
  if (peer.state !== 'live') return 'not live'
  if (ownedBy.has(peer.peerId)) return 'owner'
  if (peer.isResting) return 'resting'
  if (peer.freeBytes - peer.assignedBytes < sizeBytes + keptFreeBytes(peer, options))
    return 'no space'
  if (isWaiting(peer.peerId)) return 'waiting'
  return undefined
}

/** The target to ask: peers without a failure first, then the least full, then by id. */
export function bestTarget<Peer extends PlacementPeer>(
  peers: readonly Peer[],
  hasFailed: (peerId: string) => boolean,
): Peer | undefined {
  const rank = (peer: Peer): number => Number(hasFailed(peer.peerId)) + fullness(peer)
  return peers.reduce<Peer | undefined>((best, peer) => {
    if (best === undefined) return peer
    const difference = rank(peer) - rank(best)
    return difference < 0 || (difference === 0 && peer.peerId < best.peerId) ? peer : best
  }, undefined)
}

/** The used part of the space that a peer could use for the cluster, from 0 to 1. */
export function fullness({
  storedBytes,
  assignedBytes,
  freeBytes,
}: Pick<PlacementPeer, 'storedBytes' | 'assignedBytes' | 'freeBytes'>): number {
  const used = storedBytes + assignedBytes
  return used === 0 ? 0 : used / (storedBytes + Math.max(freeBytes, assignedBytes))
}
