import { hash } from 'node:crypto'
import type { Peer } from '../registry.ts'
import type { StoredContent } from '../store/store.ts'

/**
 * Which contents an index acts for, and where their copies go. The only index of a cluster acts for
 * all. Where several know the same, as in a mesh, one acts for each content: all of them know which
 * without asking one another.
 */
export interface Duty {
  /** Whether this index has copies of the content made, moved and dropped. */
  actsFor(content: Pick<StoredContent, 'sha256' | 'holders'>): boolean
  /**
   * Whether this index knows who holds the content. If not, it cannot say what the content lacks; those
   * that hold it do.
   */
  knows(content: Pick<StoredContent, 'holders'>): boolean
  /**
   * Whether this index has the holders of the content prove their copies. In a mesh each of them does,
   * since one that lies would not ask.
   */
  asksFor(content: Pick<StoredContent, 'holders'>): boolean
  /**
   * The score of a peer for a content, above 0 and below 1 and the same at every index; undefined
   * where peers are drawn.
   */
  scoreOf(sha256: string, peerId: string): number | undefined
}

/** When a peer's own index acts, if there may be an index of the cluster, too. */
export interface DutyGate {
  /** Whether it acts at all: not while the peer, or another member of its mesh, reaches that index. */
  isOpen(): boolean
  /** Whether a peer reaches an index of a cluster, which then acts for what the peer holds. */
  reachesIndex(peerId: string): boolean
  /** Whether it knows all files; if not, it knows the holders of what its peer holds. */
  knowsAll(): boolean
}

export const openGate: DutyGate = {
  isOpen: () => true,
  reachesIndex: () => false,
  knowsAll: () => true,
}

export const wholeDuty: Duty = {
  actsFor: () => true,
  knows: () => true,
  asksFor: () => true,
  scoreOf: () => undefined,
}

/**
 * The duty of a peer's own index: the contents for which this peer, of their holders that are not
 * lost, has the highest score (rendezvous hashing: Thaler and Ravishankar, 1998).
 */
export function dutyOfPeer(
  ownId: string,
  peerOf: (peerId: string) => Pick<Peer, 'isLost'> | undefined,
  gate: DutyGate = openGate,
): Duty {
  return {
    actsFor({ sha256, holders }) {
      if (!gate.isOpen()) return false
      const present = holders.filter(({ peerId }) => peerOf(peerId)?.isLost === false)
      if (present.some(({ peerId }) => gate.reachesIndex(peerId))) return false
      // Others may not know that one of them lies, and leave the content to it.
      const proven = present.filter(({ isUnproven }) => isUnproven !== true)
      return (
        highest(
          proven.map(({ peerId }) => peerId),
          sha256,
        ) === ownId
      )
    },
    asksFor({ holders }) {
      if (!gate.isOpen() || !holders.some(({ peerId }) => peerId === ownId)) return false
      return !holders.some(({ peerId }) => gate.reachesIndex(peerId))
    },
    knows: ({ holders }) => gate.knowsAll() || holders.some(({ peerId }) => peerId === ownId),
    scoreOf: rendezvousScore,
  }
}

/** The id with the highest score; undefined if there is none. */
function highest(peerIds: readonly string[], sha256: string): string | undefined {
  let best: { readonly peerId: string; readonly score: number } | undefined
  for (const peerId of peerIds) {
    const score = rendezvousScore(sha256, peerId)
    if (best === undefined || score > best.score) best = { peerId, score }
  }
  return best?.peerId
}

const scoreBits = 48

/** Above 0 and below 1, evenly spread over contents and peers. */
export function rendezvousScore(sha256: string, peerId: string): number {
  const digest = hash('sha256', `${sha256}/${peerId}`, 'buffer')
  return (digest.readUIntBE(0, scoreBits / 8) + 1) / (2 ** scoreBits + 1)
}
