import type { PeerState } from '../../common/protocol/messages.ts'
import type { Random } from '../../common/random.ts'
import { fullness, type Room, type RoomOptions, roomBytes } from './room.ts'

/** The facts about a peer that placement uses. */
export interface PlacementPeer extends Room {
  readonly peerId: string
  readonly zone: string | undefined
  readonly state: PeerState
  /** Whether it recently refused or failed a task. */
  readonly isResting: boolean
  readonly isDraining: boolean
  /** Whether its copies would not count. */
  readonly isDistrusted: boolean
  /** Why it may soon be silent: it is a target only if there is no other. */
  readonly unsteady: 'flapping' | 'maintenance' | undefined
}

export interface PlacementRequest {
  readonly sizeBytes: number
  /** Peers that have the content or are receiving it. */
  readonly takenBy: ReadonlySet<string>
  /**
   * Peers whose own file has the content. A replica beside the original protects against nothing; an
   * owner that lost the file may keep one if no other peer can.
   */
  readonly ownedBy: ReadonlySet<string>
  /** Whether a copy of the content failed there and waits for a retry. */
  readonly isWaiting: (peerId: string) => boolean
  /** Whether at most one peer has it: then an unsteady peer, or an owner, is better than none. */
  readonly isLastCopy: boolean
  /** Whether its owner deleted it on purpose. */
  readonly isTrashed: boolean
}

/** Why a peer without a copy cannot take one. */
export type Refusal =
  | 'not live'
  | 'draining'
  | 'distrusted'
  | 'owner'
  | 'resting'
  | 'waiting'
  | 'no space'
  | 'flapping'
  | 'maintenance'
  | 'same zone'

export interface Eligibility<Peer> {
  readonly eligible: readonly Peer[]
  /** Peers without a copy that were passed over. */
  readonly refusals: ReadonlyMap<string, Refusal>
}

/**
 * The peers that may take a copy: live, not draining, not resting, with space, without a copy or a
 * failure that waits for a retry, and in a zone without a copy as long as there is such a peer. A
 * peer without a zone shares it with no other. An unsteady peer, and then an owner that has lost the
 * file, may take one only if no other can, and only of a content that has no second copy; a steady
 * owner also if there is no other peer without one.
 */
export function eligibleTargets<Peer extends PlacementPeer>(
  request: PlacementRequest,
  peers: readonly Peer[],
  options: RoomOptions,
): Eligibility<Peer> {
  const refusals = new Map<string, Refusal>()
  const usedZones = new Set<string>()
  const able: Peer[] = []
  const lastTier = lastTierOf(request, peers)
  for (const peer of peers) {
    if (request.takenBy.has(peer.peerId)) {
      if (peer.zone !== undefined && !peer.isDraining) usedZones.add(peer.zone)
      continue
    }
    const refusal = refusalOf(peer, request, { ...options, lastTier })
    if (refusal === undefined) able.push(peer)
    else refusals.set(peer.peerId, refusal)
  }
  const tier = Math.min(...able.map((peer) => tierOf(peer, request)), lastTier)
  const chosen = able.filter((peer) => tierOf(peer, request) <= tier)
  for (const peer of able)
    if (tierOf(peer, request) > tier) refusals.set(peer.peerId, tierRefusalOf(peer, request))
  const elsewhere = chosen.filter(({ zone }) => zone === undefined || !usedZones.has(zone))
  if (elsewhere.length === 0) return { eligible: chosen, refusals }
  const isElsewhere = new Set(elsewhere)
  for (const peer of chosen) if (!isElsewhere.has(peer)) refusals.set(peer.peerId, 'same zone')
  return { eligible: elsewhere, refusals }
}

/** The peers that may take a copy of a content that has enough of them, in any zone. */
export function ableTargets<Peer extends PlacementPeer>(
  request: PlacementRequest,
  peers: readonly Peer[],
  options: RoomOptions,
): Peer[] {
  return peers.filter(
    (peer) =>
      !request.takenBy.has(peer.peerId) &&
      tierOf(peer, request) === tiers.steady &&
      refusalOf(peer, request, { ...options, lastTier: tiers.steady }) === undefined,
  )
}

/** Peers of a higher tier are targets only if there is none of a lower one. */
const tiers = { steady: 0, unsteady: 1, owner: 2 } as const
type Tier = (typeof tiers)[keyof typeof tiers]

function tierOf({ peerId, unsteady }: PlacementPeer, { ownedBy }: PlacementRequest): Tier {
  if (ownedBy.has(peerId)) return tiers.owner
  return unsteady === undefined ? tiers.steady : tiers.unsteady
}

/** Why a peer of a higher tier is passed over. */
function tierRefusalOf(
  { peerId, unsteady = 'flapping' }: PlacementPeer,
  { ownedBy }: PlacementRequest,
): Refusal {
  return ownedBy.has(peerId) ? 'owner' : unsteady
}

/** The last tier that may take a copy. */
function lastTierOf(
  { isLastCopy, isTrashed, takenBy, ownedBy }: PlacementRequest,
  peers: readonly PlacementPeer[],
): Tier {
  if (isTrashed) return isLastCopy ? tiers.unsteady : tiers.steady
  const isOther = ({ peerId, state, isDraining, isDistrusted }: PlacementPeer): boolean =>
    state !== 'dead' && !isDraining && !isDistrusted && !takenBy.has(peerId) && !ownedBy.has(peerId)
  return isLastCopy || !peers.some(isOther) ? tiers.owner : tiers.steady
}

function refusalOf(
  peer: PlacementPeer,
  request: PlacementRequest,
  { lastTier, ...options }: RoomOptions & { readonly lastTier: Tier },
): Refusal | undefined {
  const { sizeBytes, ownedBy, isWaiting, isLastCopy } = request
  if (peer.state !== 'live') return 'not live'
  if (peer.isDraining) return 'draining'
  if (peer.isDistrusted) return 'distrusted'
  if (ownedBy.has(peer.peerId)) {
    if (lastTier < tiers.owner) return 'owner'
    if (peer.unsteady !== undefined && !isLastCopy) return peer.unsteady
  }
  if (peer.isResting) return 'resting'
  if (roomBytes(peer, options) < sizeBytes) return 'no space'
  if (isWaiting(peer.peerId)) return 'waiting'
  return undefined
}

/**
 * Fullness is compared in steps of this size, a twentieth of a disk: a few megabytes would otherwise
 * send every file to the same peer until they are used up.
 */
const fullnessStep = 0.05

/**
 * The target to ask. Of the peers without a failure, or of all, and of those with an earlier version if
 * there is one: draws two, each with a chance
 * proportional to its room, and takes the less full one, or the first drawn if they are about
 * equally full. So equal peers get equal shares, and none attracts all copies. Where peers have
 * scores, the highest of them, weighted by room, decides instead.
 */
export function bestTarget<Peer extends PlacementPeer>(
  peers: readonly Peer[],
  { hasFailed, hasEarlierVersion, random, scoreOf, ...options }: TargetChoice,
): Peer | undefined {
  const unfailed = peers.filter(({ peerId }) => !hasFailed(peerId))
  const usable = unfailed.length > 0 ? unfailed : [...peers]
  const holding = usable.filter(({ peerId }) => hasEarlierVersion(peerId))
  const left = holding.length > 0 ? holding : usable
  const hashed = left.flatMap((peer) => {
    const score = scoreOf?.(peer.peerId)
    return score === undefined ? [] : [{ peer, score: weighted(score, peer, options) }]
  })
  if (hashed.length > 0)
    return hashed.reduce((best, one) => (one.score > best.score ? one : best)).peer
  const first = drawn(left, options, random)
  const second = drawn(
    left.filter((peer) => peer !== first),
    options,
    random,
  )
  if (first === undefined || second === undefined) return first
  return fullness(first) - fullness(second) > fullnessStep ? second : first
}

export interface TargetChoice extends RoomOptions {
  readonly hasFailed: (peerId: string) => boolean
  /** Whether it has an earlier version of the file: it then fetches only what changed. */
  readonly hasEarlierVersion: (peerId: string) => boolean
  readonly random: Random
  /** See {@link Duty}; by default targets are drawn. */
  readonly scoreOf?: (peerId: string) => number | undefined
}

/** Weighted rendezvous hashing (Schindelhauer and Schomaker, 2005): chances are proportional to the room. */
function weighted(score: number, peer: PlacementPeer, options: RoomOptions): number {
  return -(roomBytes(peer, options) + 1) / Math.log(score)
}

function drawn<Peer extends PlacementPeer>(
  peers: readonly Peer[],
  options: RoomOptions,
  random: Random,
): Peer | undefined {
  if (peers.length < 2) return peers[0]
  const weights = peers.map((peer) => roomBytes(peer, options) + 1)
  let left = random.fraction() * weights.reduce((sum, weight) => sum + weight, 0)
  return peers.find((_, index) => (left -= weights[index] ?? 0) < 0) ?? peers.at(-1)
}
