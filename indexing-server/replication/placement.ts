import type { PeerState } from '../../common/protocol/messages.ts'

/** What placement needs to know of a peer. */
export interface PlacementPeer {
  readonly peerId: string
  readonly zone: string | undefined
  readonly state: PeerState
  readonly freeBytes: number
  /** The size of its disk, if it is known. */
  readonly diskBytes?: number | undefined
  /** What it holds, and what it was asked to hold and has not reported. */
  readonly storedBytes: number
  readonly assignedBytes: number
  /** Whether it refused or failed a task lately. */
  readonly isResting: boolean
}

export interface PlacementRequest {
  readonly sizeBytes: number
  /** Peers that have the content or are getting it. */
  readonly takenBy: ReadonlySet<string>
  /** Peers whose own file has the content: a replica beside the original protects from nothing. */
  readonly ownedBy: ReadonlySet<string>
  /** Whether a copy of the content failed there and waits for its next try. */
  readonly isWaiting: (peerId: string) => boolean
}

export interface PlacementOptions {
  /** Room that a copy must leave on the target's disk, unless that is small: see {@link keptFreeBytes}. */
  readonly reserveBytes: number
}

/** Of a small disk, more than this part is not kept free: a phone's or a memory stick's would never hold anything. */
const keptFreePart = 0.05

/** Room that copies must leave on the disk of a peer. */
export function keptFreeBytes(
  { diskBytes = Number.POSITIVE_INFINITY }: Pick<PlacementPeer, 'diskBytes'>,
  { reserveBytes }: PlacementOptions,
): number {
  return Math.min(reserveBytes, Math.ceil(diskBytes * keptFreePart))
}

/** Why a peer that could have taken the copy does not. */
export type Refusal = 'not live' | 'owner' | 'resting' | 'waiting' | 'no space' | 'same zone'

export interface Eligibility<Peer> {
  readonly eligible: readonly Peer[]
  /** The peers without a copy that were passed over. */
  readonly refusals: ReadonlyMap<string, Refusal>
}

/**
 * The peers that may take a copy: live, not its owner, rested, with room, without a copy, no failure
 * of it there that waits for its next try, and in a zone without one as long as there is such a peer. A peer without a zone shares it with nobody.
 */
export function eligibleTargets<Peer extends PlacementPeer>(
  request: PlacementRequest,
  peers: readonly Peer[],
  options: PlacementOptions,
): Eligibility<Peer> {
  const refusals = new Map<string, Refusal>()
  const usedZones = new Set<string>()
  const able: Peer[] = []
  for (const peer of peers) {
    if (request.takenBy.has(peer.peerId)) {
      if (peer.zone !== undefined) usedZones.add(peer.zone)
      continue
    }
    const refusal = refusalOf(peer, request, options)
    if (refusal === undefined) able.push(peer)
    else refusals.set(peer.peerId, refusal)
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

/** The one to ask: any before those where it failed, then the least full, then by id. */
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

/** Which part of what the peer could hold for the cluster it does hold, from 0 to 1. */
function fullness({ storedBytes, assignedBytes, freeBytes }: PlacementPeer): number {
  const used = storedBytes + assignedBytes
  return used === 0 ? 0 : used / (storedBytes + Math.max(freeBytes, assignedBytes))
}
