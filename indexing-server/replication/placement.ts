import type { PeerState } from '../../common/protocol/messages.ts'

/** What placement needs to know of a peer. */
export interface PlacementPeer {
  readonly peerId: string
  readonly zone: string | undefined
  readonly state: PeerState
  readonly freeBytes: number
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
}

export interface PlacementOptions {
  /** Room that a copy must leave on the target's disk. */
  readonly reserveBytes: number
}

/** Why a peer that could have taken the copy does not. */
export type Refusal = 'not live' | 'resting' | 'no space' | 'same zone'

export interface Eligibility<Peer> {
  readonly eligible: readonly Peer[]
  /** The peers without a copy that were passed over. */
  readonly refusals: ReadonlyMap<string, Refusal>
}

/**
 * The peers that may take a copy: live, rested, with room, without a copy, and in a zone without
 * one as long as there is such a peer. A peer without a zone shares it with nobody.
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
  { sizeBytes }: PlacementRequest,
  { reserveBytes }: PlacementOptions,
): Refusal | undefined {
  if (peer.state !== 'live') return 'not live'
  if (peer.isResting) return 'resting'
  if (peer.freeBytes - peer.assignedBytes < sizeBytes + reserveBytes) return 'no space'
  return undefined
}

/** The one to ask: any before the one that failed last, then the least full, then by id. */
export function bestTarget<Peer extends PlacementPeer>(
  peers: readonly Peer[],
  failedLast: string | undefined,
): Peer | undefined {
  const rank = (peer: Peer): number => Number(peer.peerId === failedLast) + fullness(peer)
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
