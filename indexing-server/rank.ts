import { limits } from '../common/limits.ts'
import type { CopyKind, FoundContent, PeerState, Source } from '../common/protocol/messages.ts'
import type { Holder, NamedContent, StoredContent } from './store/store.ts'

/** What ranking needs to know of a peer. */
export interface RankedPeer {
  readonly host: string
  readonly port: number
  readonly state: PeerState
  /** Whether somebody caught it sending wrong bytes not long ago. */
  readonly isAccused: boolean
}

/** The peer of this id, if the registry knows it. */
export type PeerOf = (peerId: string) => RankedPeer | undefined

/** Owners' files first: they are the least likely to be dropped while somebody reads them. */
const kindOrder: readonly CopyKind[] = ['shared', 'replicated', 'downloaded']

/** The peers of `holders`, each once, with the first kind of {@link kindOrder} that it has. */
function bestHolders(holders: readonly Holder[]): Holder[] {
  const best = new Map<string, Holder>()
  for (const holder of holders) {
    const known = best.get(holder.peerId)
    if (known === undefined || kindOrder.indexOf(holder.kind) < kindOrder.indexOf(known.kind))
      best.set(holder.peerId, holder)
  }
  return [...best.values()]
}

/** Who can serve a content: accused peers and copies in doubt last, live ones before suspect ones, none that is dead or unreachable, at most `max`. */
export function rankSources(
  holders: readonly Holder[],
  peerOf: PeerOf,
  max: number = limits.sourcesPerContentMax,
): Source[] {
  const known = bestHolders(holders).flatMap((holder) => {
    const peer = peerOf(holder.peerId)
    const isAway = peer === undefined || peer.state === 'dead' || peer.state === 'unreachable'
    return isAway ? [] : [{ ...holder, ...peer }]
  })
  known.sort(
    (a, b) =>
      Number(a.isAccused || a.isDoubted === true) - Number(b.isAccused || b.isDoubted === true) ||
      Number(a.state !== 'live') - Number(b.state !== 'live') ||
      kindOrder.indexOf(a.kind) - kindOrder.indexOf(b.kind) ||
      compareText(a.peerId, b.peerId),
  )
  return known.slice(0, max).map(({ peerId, host, port, kind }) => ({ peerId, host, port, kind }))
}

/** On how many live peers a content is, copies in doubt not counted. */
export function liveCopies(holders: readonly Holder[], peerOf: PeerOf): number {
  const live = holders.filter(
    ({ peerId, isDoubted }) => isDoubted !== true && peerOf(peerId)?.state === 'live',
  )
  return new Set(live.map(({ peerId }) => peerId)).size
}

/**
 * The contents of a name, best first: those that a live or suspect peer can serve; of these the current
 * ones, even if a kept version has more copies or its peers answer sooner; then current ones by live
 * copies, and older ones by age, newest first; ties go to the newest, then by hash.
 */
export function rankContents<T extends NamedContent>(contents: readonly T[], peerOf: PeerOf): T[] {
  const ranked = contents.map((content) => {
    const copies = liveCopies(content.holders, peerOf)
    const isCurrent = content.file !== undefined
    const isServed = copies > 0 || hasSuspectCopy(content.holders, peerOf)
    return { content, copies, isCurrent, isServed, copiesOfCurrent: isCurrent ? copies : 0 }
  })
  ranked.sort(
    (a, b) =>
      Number(b.isServed) - Number(a.isServed) ||
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

function hasSuspectCopy(holders: readonly Holder[], peerOf: PeerOf): boolean {
  return holders.some(
    ({ peerId, isDoubted }) => isDoubted !== true && peerOf(peerId)?.state === 'suspect',
  )
}

/** A content as the wire shows it. */
export function foundContent(content: StoredContent, peerOf: PeerOf): FoundContent {
  const { sha256, size, chunkRoot, holders } = content
  return { sha256, size, chunkRoot, sources: rankSources(holders, peerOf) }
}

/** By code units, the same in every locale. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
