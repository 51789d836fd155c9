import assert from 'node:assert/strict'
import type { Clock } from '../../common/clock.ts'
import type { StoredContent } from '../store/store.ts'

/**
 * How long a granted drop counts as carried out without an announcement. A peer drops a replica
 * milliseconds after the grant, and while it does so it confirms no copy of that content.
 */
const grantMs = 300_000

/**
 * Drops of replicas that the index has allowed and no announcement has shown yet: at most one per
 * content.
 */
export class DropGrants {
  readonly #clock: Clock
  /** By content, oldest first. */
  readonly #grants = new Map<number, { readonly peerId: string; readonly untilMs: number }>()

  constructor(dependencies: { clock: Clock }) {
    this.#clock = dependencies.clock
  }

  get count(): number {
    this.#expire()
    return this.#grants.size
  }

  /** The peer that may be dropping its replica of the content now. */
  peerOf(contentId: number): string | undefined {
    this.#expire()
    return this.#grants.get(contentId)?.peerId
  }

  /** The peer may drop its replica; no other one may. */
  grant(contentId: number, peerId: string): void {
    assert((this.peerOf(contentId) ?? peerId) === peerId)
    this.#grants.delete(contentId)
    this.#grants.set(contentId, { peerId, untilMs: this.#clock.monotonicMs() + grantMs })
  }

  /** These are the holders of the content now: its grant has ended if the replica is gone. */
  onHolders({ contentId, holders }: Pick<StoredContent, 'contentId' | 'holders'>): void {
    const peerId = this.#grants.get(contentId)?.peerId
    const isHeld = holders.some(
      (holder) => holder.peerId === peerId && holder.kind === 'replicated',
    )
    if (!isHeld) this.#grants.delete(contentId)
  }

  /** The content no longer exists. */
  forget(contentId: number): void {
    this.#grants.delete(contentId)
  }

  #expire(): void {
    const nowMs = this.#clock.monotonicMs()
    for (const [contentId, { untilMs }] of this.#grants) {
      if (untilMs > nowMs) return
      this.#grants.delete(contentId)
    }
  }
}
