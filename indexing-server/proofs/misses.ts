import type { ProofAnswer } from './judge-answers.ts'

/** An answer that is no proof. */
export type Miss = Exclude<ProofAnswer['kind'], 'proof'>

/** A peer that owes so many proofs is not asked for others. */
export const missesPerPeerMax = 32
/**
 * A copy with so many points is not proven: late or absent twice, since the announcement of a removal may
 * be on its way; busy for about eight hours.
 */
const pointsMax = 12
const points = { absent: 6, late: 6, busy: 1 } as const satisfies Record<Miss, number>

const minuteMs = 60_000
const againMs = { absent: 2 * minuteMs, late: 10 * minuteMs, busy: 10 * minuteMs } as const
const againMsMax = 60 * minuteMs

/** The copies that peers were asked to prove and have neither proven nor failed to. */
export class Misses {
  /** Points by content, by peer. */
  readonly #byPeer = new Map<string, Map<number, number>>()

  /** Whether a peer may be asked to prove this copy. */
  mayAsk(peerId: string, contentId: number): boolean {
    const owed = this.#byPeer.get(peerId)
    return owed === undefined || owed.size < missesPerPeerMax || owed.has(contentId)
  }

  /** @returns when to ask again, in ms from now; undefined if the copy is not proven */
  add(peerId: string, contentId: number, miss: Miss): number | undefined {
    const owed = this.#byPeer.get(peerId) ?? new Map<number, number>()
    const sum = (owed.get(contentId) ?? 0) + points[miss]
    if (sum >= pointsMax) {
      this.clear(peerId, contentId)
      return undefined
    }
    owed.set(contentId, sum)
    this.#byPeer.set(peerId, owed)
    return Math.min(againMsMax, againMs[miss] * (miss === 'busy' ? sum : 1))
  }

  /** The copy is proven, or it cannot be asked for. */
  clear(peerId: string, contentId: number): void {
    const owed = this.#byPeer.get(peerId)
    owed?.delete(contentId)
    if (owed?.size === 0) this.#byPeer.delete(peerId)
  }

  /** Of these peers alone a proof of the content is still owed. */
  keepOnly(contentId: number, peerIds: readonly string[]): void {
    for (const peerId of this.#byPeer.keys())
      if (!peerIds.includes(peerId)) this.clear(peerId, contentId)
  }
}
