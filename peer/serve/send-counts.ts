import type { Clock } from '../../common/clock.ts'
import { deadlines, limits } from '../../common/limits.ts'

/** Consecutive chunks of a content. */
export interface Chunks {
  readonly sha256: string
  readonly chunk: number
  readonly count: number
}

/** How often each chunk of recently requested contents was sent, since their requests began without a pause. */
export class SendCounts {
  readonly #clock: Clock
  /** By content, least recently sent first; each array by chunk. */
  readonly #counts = new Map<string, Uint32Array>()
  /** When a chunk of each content was last sent (monotonic). */
  readonly #sentMs = new Map<string, number>()

  constructor(dependencies: { clock: Clock }) {
    this.#clock = dependencies.clock
  }

  /** The lowest count of these chunks. */
  of({ sha256, chunk, count }: Chunks): number {
    const counts = this.#counts.get(sha256)
    // Called for every chunk that any queued read offers: a view of the counts would cost far more.
    if (count === 1) return counts?.[chunk] ?? 0
    const these = counts?.subarray(chunk, chunk + count) ?? []
    return these.length < count ? 0 : Math.min(...these)
  }

  add({ sha256, chunk, count }: Chunks): void {
    const nowMs = this.#clock.monotonicMs()
    // The receivers of an earlier swarm pass nothing on now, and its counts would favor the wrong chunks.
    if (nowMs - (this.#sentMs.get(sha256) ?? nowMs) > deadlines.sendCountsMs)
      this.#counts.delete(sha256)
    this.#sentMs.set(sha256, nowMs)
    const counts = this.#counts.get(sha256) ?? new Uint32Array(0)
    const longEnough = counts.length >= chunk + count ? counts : grown(counts, chunk + count)
    for (let each = chunk; each < chunk + count; each += 1)
      longEnough[each] = (longEnough[each] ?? 0) + 1
    this.#counts.delete(sha256)
    this.#counts.set(sha256, longEnough)
    const [oldest] = this.#counts.keys()
    if (this.#counts.size <= limits.contentsCountedMax || oldest === undefined) return
    this.#counts.delete(oldest)
    this.#sentMs.delete(oldest)
  }

  /** Takes an {@link add} back. */
  remove({ sha256, chunk, count }: Chunks): void {
    const counts = this.#counts.get(sha256)?.subarray(chunk, chunk + count) ?? []
    for (const [place, sends] of counts.entries()) counts[place] = Math.max(0, sends - 1)
  }
}

function grown(counts: Uint32Array, length: number): Uint32Array {
  const longer = new Uint32Array(Math.max(length, 2 * counts.length))
  longer.set(counts)
  return longer
}
