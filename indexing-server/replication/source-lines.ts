import type { Rank } from './ranks.ts'
import type { StreamKey } from './running-tasks.ts'

interface Place {
  readonly rank: Rank
  readonly source: StreamKey
}

/** Contents in line for a source that gives as much as it may, first come, first served. */
export class SourceLines {
  readonly #lines = new Map<StreamKey, Set<number>>()
  readonly #places = new Map<number, Place>()

  get size(): number {
    return this.#places.size
  }

  /** The sources that have a line. */
  get sources(): readonly StreamKey[] {
    return [...this.#lines.keys()]
  }

  rankOf(contentId: number): Rank | undefined {
    return this.#places.get(contentId)?.rank
  }

  /** Adds a content, in no line yet, to the shortest of its sources' lines: one slow source keeps it from no other. */
  add(contentId: number, rank: Rank, sources: readonly StreamKey[]): void {
    const [source] = sources.toSorted((a, b) => this.#lengthOf(a) - this.#lengthOf(b))
    if (source === undefined) throw new RangeError(`no source to wait for`)
    this.#places.set(contentId, { rank, source })
    const line = this.#lines.get(source) ?? new Set()
    this.#lines.set(source, line.add(contentId))
  }

  delete(contentId: number): void {
    const source = this.#places.get(contentId)?.source
    if (source === undefined) return
    this.#places.delete(contentId)
    const line = this.#lines.get(source)
    line?.delete(contentId)
    if (line?.size === 0) this.#lines.delete(source)
  }

  /** The first `max` contents in the line of `source`. */
  first(source: StreamKey, max: number): number[] {
    return [...(this.#lines.get(source)?.values().take(max) ?? [])]
  }

  #lengthOf(source: StreamKey): number {
    return this.#lines.get(source)?.size ?? 0
  }
}
