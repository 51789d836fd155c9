import assert from 'node:assert/strict'
import { type Rank, ranks } from './ranks.ts'

/** The contents of a rank that are ready: those that were parked or queued come before all others. */
interface Ready {
  /** In order of their age. */
  readonly rejoined: Set<number>
  /** In order of their arrival. */
  readonly arrived: Set<number>
}

/**
 * The contents that are ready to be planned, by rank. One that was parked or queued rejoins before
 * those that never were, because it was tried before them; among parked ones, the one parked first is oldest.
 * Parking it again does not change that.
 */
export class ReadyContents {
  readonly #ready = new Map<Rank, Ready>(
    ranks.map((rank) => [rank, { rejoined: new Set(), arrived: new Set() }]),
  )
  /** The numbers in which contents were first parked, until they get what they need. */
  readonly #ages = new Map<number, number>()
  #parked = 0

  get count(): number {
    return ranks.reduce((count, rank) => count + this.countOf(rank), 0)
  }

  countOf(rank: Rank): number {
    const { rejoined, arrived } = this.#of(rank)
    return rejoined.size + arrived.size
  }

  rankOf(contentId: number): Rank | undefined {
    return ranks.find((rank) => this.has(contentId, rank))
  }

  has(contentId: number, rank: Rank): boolean {
    const { rejoined, arrived } = this.#of(rank)
    return rejoined.has(contentId) || arrived.has(contentId)
  }

  /** Adds it behind all others of its rank. */
  add(contentId: number, rank: Rank): void {
    this.#of(rank).arrived.add(contentId)
  }

  /** It leaves: no peer can take it now. */
  onParked(contentId: number): void {
    if (!this.#ages.has(contentId)) this.#ages.set(contentId, this.#parked++)
  }

  /** It got what it needed, or needs nothing any longer. */
  forget(contentId: number): void {
    this.#ages.delete(contentId)
  }

  /** Parked or queued contents may be planned again. */
  rejoin(parked: Iterable<readonly [contentId: number, rank: Rank]>): void {
    for (const [rank, added] of Map.groupBy(parked, ([, rank]) => rank)) {
      const { rejoined } = this.#of(rank)
      const all = [...rejoined, ...added.map(([contentId]) => contentId)]
      rejoined.clear()
      for (const contentId of all.toSorted((a, b) => this.#ageOf(a) - this.#ageOf(b)))
        rejoined.add(contentId)
    }
  }

  delete(contentId: number): void {
    for (const { rejoined, arrived } of this.#ready.values()) {
      rejoined.delete(contentId)
      arrived.delete(contentId)
    }
  }

  /** The first `max` of these ranks. */
  first(of: readonly Rank[], max: number): number[] {
    const found: number[] = []
    for (const rank of of) {
      const { rejoined, arrived } = this.#of(rank)
      for (const contents of [rejoined, arrived])
        for (const contentId of contents) {
          if (found.length === max) return found
          found.push(contentId)
        }
    }
    return found
  }

  #ageOf(contentId: number): number {
    return this.#ages.get(contentId) ?? Infinity
  }

  #of(rank: Rank): Ready {
    const ready = this.#ready.get(rank)
    assert(ready !== undefined)
    return ready
  }
}
