import type { Clock } from '../../../common/clock.ts'

/** A query has passed the mesh long before. */
const seenMs = 60_000
/** Those of a minute at the rate that the process takes: 1 MiB. */
const seenMax = 12_000

/** The queries that were heard lately: each is answered and passed on once. */
export class SeenQueries {
  readonly #clock: Clock
  /** When each was heard, on the monotonic clock; oldest first. */
  readonly #heard = new Map<string, number>()

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock
  }

  has(queryId: string): boolean {
    return this.#heard.has(queryId)
  }

  add(queryId: string): void {
    const nowMs = this.#clock.monotonicMs()
    for (const [oldest, heardMs] of this.#heard) {
      if (this.#heard.size < seenMax && nowMs - heardMs < seenMs) break
      this.#heard.delete(oldest)
    }
    this.#heard.set(queryId, nowMs)
  }
}
