import { limits } from '../common/limits.ts'
import type {
  CopyKind,
  FoundContent,
  FoundSource,
  HttpAddress,
  PeerState,
  Source,
} from '../common/protocol/messages.ts'
import type { Holder, NamedContent, StoredContent } from './store/store.ts'

/** The facts about a peer that ranking uses. */
export interface RankedPeer {
  readonly host: string
  readonly port: number
  /** Where others reach its HTTP server, if they can. */
  readonly http?: HttpAddress | undefined
  readonly zone?: string | undefined
  readonly state: PeerState
  /** Whether it has been away for so long that its copies no longer count. */
  readonly isLost: boolean
  /** Whether it was recently caught sending wrong bytes. */
  readonly isAccused: boolean
  /** Whether none of its copies counts. */
  readonly isDistrusted?: boolean
  /** Whether its copies are being made elsewhere, so that it can leave. */
  readonly isDraining: boolean
}

/** The peer with this id, if the registry has it. */
export type PeerOf = (peerId: string) => RankedPeer | undefined

/** Owners' files first: they are the least likely to be dropped while they are read. */
const kindOrder: readonly CopyKind[] = ['shared', 'replicated', 'downloaded']

/** The peers of `holders`, each once, with their first kind in {@link kindOrder}. */
export function bestHolders(holders: readonly Holder[]): Holder[] {
  const best = new Map<string, Holder>()
  for (const holder of holders) {
    const known = best.get(holder.peerId)
    if (known === undefined || kindOrder.indexOf(holder.kind) < kindOrder.indexOf(known.kind))
      best.set(holder.peerId, holder)
  }
  return [...best.values()]
}

interface RankedHolder {
  readonly holder: Holder
  readonly peer: RankedPeer
  readonly isSuspicious: boolean
}

/**
 * The peers that can serve a content: accused peers and copies in doubt last, live ones before
 * suspect ones, dead and unreachable ones left out.
 */
function rankHolders(holders: readonly Holder[], peerOf: PeerOf): RankedHolder[] {
  // A peer is not spread into the pair: its getters would compute all that is known about it.
  const known = bestHolders(holders).flatMap((holder) => servingHolder(holder, peerOf) ?? [])
  return known.sort(
    (a, b) => rankOf(a) - rankOf(b) || compareText(a.holder.peerId, b.holder.peerId),
  )
}

/** A holder whose peer can serve now. */
function servingHolder(holder: Holder, peerOf: PeerOf): RankedHolder | undefined {
  const peer = peerOf(holder.peerId)
  if (peer === undefined || peer.state === 'dead' || peer.state === 'unreachable') return undefined
  const isLiar = peer.isAccused || peer.isDistrusted === true
  return { holder, peer, isSuspicious: isLiar || holder.isDoubted === true }
}

/** Orders holders; equal ones are ordered by the ids of their peers. */
function rankOf({ holder, peer, isSuspicious }: RankedHolder): number {
  const isLate = 2 * Number(isSuspicious) + Number(peer.state !== 'live')
  return kindOrder.length * isLate + kindOrder.indexOf(holder.kind)
}

/** A holder as a lookup lists it, with its rank among others; undefined if it cannot serve. */
export function rankedSource(
  holder: Holder,
  peerOf: PeerOf,
): { readonly rank: number; readonly source: FoundSource } | undefined {
  const serving = servingHolder(holder, peerOf)
  return serving && { rank: rankOf(serving), source: foundSource(serving) }
}

/** The sources of a content, best first, at most `max`. */
export function rankSources(
  holders: readonly Holder[],
  peerOf: PeerOf,
  max: number = limits.sourcesPerContentMax,
): Source[] {
  return rankHolders(holders, peerOf).slice(0, max).map(sourceOf)
}

function sourceOf({ holder: { peerId, kind }, peer: { host, port } }: RankedHolder): Source {
  return { peerId, host, port, kind }
}

/** A source with what its HTTP clients need to know. */
function foundSource(ranked: RankedHolder): FoundSource {
  const { http, zone, state } = ranked.peer
  const isSuspect = ranked.isSuspicious || state !== 'live'
  return {
    ...sourceOf(ranked),
    ...(http && { http }),
    ...(zone !== undefined && { zone }),
    ...(isSuspect && { isSuspect }),
  }
}

/** The number of live peers with a copy that is not in doubt. */
export function liveCopies(holders: readonly Holder[], peerOf: PeerOf): number {
  return livePeers(holders, peerOf).length
}

/** Those of them that will stay: without draining peers. */
export function lastingCopies(holders: readonly Holder[], peerOf: PeerOf): number {
  return livePeers(holders, peerOf).filter(({ isDraining }) => !isDraining).length
}

function livePeers(holders: readonly Holder[], peerOf: PeerOf): RankedPeer[] {
  const sound = holders.filter(({ isDoubted }) => isDoubted !== true)
  return [...new Set(sound.map(({ peerId }) => peerId))].flatMap((peerId) => {
    const peer = peerOf(peerId)
    return peer?.state === 'live' ? [peer] : []
  })
}

/**
 * The contents of a name, best first: those on a peer that is not lost; among these current ones,
 * even if only a kept version can be served now, since a peer that restarts is back in a moment;
 * then current ones by live copies, and older ones newest first; ties by newest, then by hash.
 */
export function rankContents<T extends NamedContent>(contents: readonly T[], peerOf: PeerOf): T[] {
  const ranked = contents.map((content) => {
    const copies = liveCopies(content.holders, peerOf)
    const isCurrent = content.file !== undefined
    const isLost = isOnLostPeersOnly(content.holders, peerOf)
    return { content, copies, isCurrent, isLost, copiesOfCurrent: isCurrent ? copies : 0 }
  })
  ranked.sort(
    (a, b) =>
      Number(a.isLost) - Number(b.isLost) ||
      Number(b.isCurrent) - Number(a.isCurrent) ||
      b.copiesOfCurrent - a.copiesOfCurrent ||
      Number(b.copies > 0) - Number(a.copies > 0) ||
      b.content.modifiedMs - a.content.modifiedMs ||
      b.copies - a.copies ||
      compareText(a.content.sha256, b.content.sha256) ||
      a.content.contentId - b.content.contentId,
  )
  return ranked.map(({ content }) => content)
}

function isOnLostPeersOnly(holders: readonly Holder[], peerOf: PeerOf): boolean {
  return holders.every(
    ({ peerId, isDoubted }) => isDoubted === true || peerOf(peerId)?.isLost !== false,
  )
}

/** A content as sent on the wire. */
export function foundContent(
  content: StoredContent & Partial<Pick<NamedContent, 'modifiedMs'>>,
  peerOf: PeerOf,
): FoundContent {
  const { sha256, size, chunkRoot, holders, modifiedMs } = content
  const ranked = rankHolders(holders, peerOf).slice(0, limits.sourcesPerContentMax)
  return {
    sha256,
    size,
    chunkRoot,
    ...(modifiedMs !== undefined && { modifiedMs }),
    sources: ranked.map(foundSource),
  }
}

/** Compares code units, independent of the locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
