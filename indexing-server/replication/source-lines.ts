import type { Urgency } from './needs.ts'

interface Place {
  readonly urgency: Urgency
  readonly source: string
}

/** Contents in line for a source that gives as much as it may, first come, first served. */
export class SourceLines {
  readonly #lines = new Map<string, Set<number>>()
  readonly #places = new Map<number, Place>()

  get size(): number {
    return this.#places.size
  }

  /** The sources that have a line. */
  get sources(): readonly string[] {
    return [...this.#lines.keys()]
  }

  urgencyOf(contentId: number): Urgency | undefined {
    return this.#places.get(contentId)?.urgency
  }

  /** Adds a content, in no line yet, to the shortest of its sources' lines: one slow source keeps it from no other. */
  add(contentId: number, urgency: Urgency, sources: readonly string[]): void {
    const [source] = sources.toSorted((a, b) => this.#lengthOf(a) - this.#lengthOf(b))
    if (source === undefined) throw new RangeError(`no source to wait for`)
    this.#places.set(contentId, { urgency, source })
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
  first(source: string, max: number): number[] {
    return [...(this.#lines.get(source)?.values().take(max) ?? [])]
  }

  #lengthOf(source: string): number {
    return this.#lines.get(source)?.size ?? 0
  }
}
