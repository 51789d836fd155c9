import { type Rank, ranks } from './ranks.ts'
import type { StreamKey } from './running-tasks.ts'

interface Place {
  readonly rank: Rank
  readonly source: StreamKey
}

/** Contents queued for sources without a free stream: most urgent first, then oldest first. */
export class SourceQueues {
  readonly #queues = new Map<StreamKey, Map<Rank, Set<number>>>()
  readonly #places = new Map<number, Place>()
  readonly #counts = new Map<Rank, number>()

  get size(): number {
    return this.#places.size
  }

  /** The sources with queued contents. */
  get sources(): readonly StreamKey[] {
    return [...this.#queues.keys()]
  }

  hasRank(isSuch: (rank: Rank) => boolean): boolean {
    return this.#counts.entries().some(([rank, count]) => count > 0 && isSuch(rank))
  }

  rankOf(contentId: number): Rank | undefined {
    return this.#places.get(contentId)?.rank
  }

  /**
   * Queues a content, not queued yet, for the source with the shortest queue: one slow source
   * blocks no other.
   */
  add(contentId: number, rank: Rank, sources: readonly StreamKey[]): void {
    const [source] = sources.toSorted((a, b) => this.#lengthOf(a) - this.#lengthOf(b))
    if (source === undefined) throw new RangeError(`no source to queue for`)
    this.#places.set(contentId, { rank, source })
    this.#count(rank, 1)
    const queue = this.#queues.get(source) ?? new Map<Rank, Set<number>>()
    this.#queues.set(source, queue.set(rank, (queue.get(rank) ?? new Set()).add(contentId)))
  }

  delete(contentId: number): void {
    const place = this.#places.get(contentId)
    if (place === undefined) return
    const { rank, source } = place
    this.#places.delete(contentId)
    this.#count(rank, -1)
    const queue = this.#queues.get(source)
    const ofRank = queue?.get(rank)
    ofRank?.delete(contentId)
    if (ofRank?.size === 0) queue?.delete(rank)
    if (queue?.size === 0) this.#queues.delete(source)
  }

  /** The first `max` contents queued for `source`. */
  first(source: StreamKey, max: number): number[] {
    const queue = this.#queues.get(source)
    const found: number[] = []
    for (const rank of ranks)
      found.push(
        ...(queue
          ?.get(rank)
          ?.values()
          .take(max - found.length) ?? []),
      )
    return found
  }

  #lengthOf(source: StreamKey): number {
    const queue = this.#queues.get(source)
    return queue?.values().reduce((length, ofRank) => length + ofRank.size, 0) ?? 0
  }

  #count(rank: Rank, by: 1 | -1): void {
    this.#counts.set(rank, (this.#counts.get(rank) ?? 0) + by)
  }
}
