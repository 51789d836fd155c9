import type { Rank } from './ranks.ts'
import type { StreamKey } from './running-tasks.ts'

interface Place {
  readonly rank: Rank
  readonly source: StreamKey
}

/** Contents queued for sources without a free stream, first come, first served. */
export class SourceQueues {
  readonly #queues = new Map<StreamKey, Set<number>>()
  readonly #places = new Map<number, Place>()

  get size(): number {
    return this.#places.size
  }

  /** The sources with queued contents. */
  get sources(): readonly StreamKey[] {
    return [...this.#queues.keys()]
  }

  hasRank(isSuch: (rank: Rank) => boolean): boolean {
    return this.#places.values().some(({ rank }) => isSuch(rank))
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
    const queue = this.#queues.get(source) ?? new Set()
    this.#queues.set(source, queue.add(contentId))
  }

  delete(contentId: number): void {
    const source = this.#places.get(contentId)?.source
    if (source === undefined) return
    this.#places.delete(contentId)
    const queue = this.#queues.get(source)
    queue?.delete(contentId)
    if (queue?.size === 0) this.#queues.delete(source)
  }

  /** The first `max` contents queued for `source`. */
  first(source: StreamKey, max: number): number[] {
    return [...(this.#queues.get(source)?.values().take(max) ?? [])]
  }

  #lengthOf(source: StreamKey): number {
    return this.#queues.get(source)?.size ?? 0
  }
}
