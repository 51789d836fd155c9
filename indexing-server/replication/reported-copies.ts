import type { Clock } from '../../common/clock.ts'
import type { StoredContent } from '../store/store.ts'

/**
 * From the report of a copy to its announcement, which takes milliseconds; then it is requested
 * again.
 */
export const confirmMs = 10_000

/**
 * Copies that peers reported and have not announced yet. They do not count, but no peer is asked for them
 * again meanwhile: a report and the announcement before it are handled side by side.
 */
export class ReportedCopies {
  readonly #clock: Clock
  /** By content, then by peer: until when it is awaited. */
  readonly #copies = new Map<number, Map<string, number>>()

  constructor(dependencies: { clock: Clock }) {
    this.#clock = dependencies.clock
  }

  /** The number of contents with such copies. */
  get size(): number {
    return this.#copies.size
  }

  add(contentId: number, peerId: string): void {
    const copies = this.#copies.get(contentId) ?? new Map<string, number>()
    this.#copies.set(contentId, copies.set(peerId, this.#clock.monotonicMs() + confirmMs))
  }

  /** The peers whose copies of the content are awaited. */
  peersOf(contentId: number): readonly string[] {
    const copies = this.#copies.get(contentId)
    if (copies === undefined) return []
    const nowMs = this.#clock.monotonicMs()
    for (const [peerId, untilMs] of copies) if (untilMs <= nowMs) copies.delete(peerId)
    if (copies.size === 0) this.#copies.delete(contentId)
    return [...copies.keys()]
  }

  /** These are the holders of the content now. */
  onHolders({ contentId, holders }: Pick<StoredContent, 'contentId' | 'holders'>): void {
    const copies = this.#copies.get(contentId)
    if (copies === undefined) return
    for (const { peerId } of holders) copies.delete(peerId)
    if (copies.size === 0) this.#copies.delete(contentId)
  }

  /** The content needs no copies, or no longer exists. */
  forget(contentId: number): void {
    this.#copies.delete(contentId)
  }
}
