import type { Clock } from '../../common/clock.ts'

/** Contents whose chunks' send counts a serving peer keeps: at most 4 MiB. */
const contentsCountedMax = 64
/** Send counts are reset if none of a content was requested for this long: a swarm has ended. */
export const sendCountsMs = 2_000

/** A chunk of a content. */
export interface ContentChunk {
  readonly sha256: string
  readonly chunk: number
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

  of({ sha256, chunk }: ContentChunk): number {
    return this.#counts.get(sha256)?.[chunk] ?? 0
  }

  add({ sha256, chunk }: ContentChunk): void {
    const nowMs = this.#clock.monotonicMs()
    // The receivers of an earlier swarm pass nothing on now, and its counts would favor the wrong chunks.
    if (nowMs - (this.#sentMs.get(sha256) ?? nowMs) > sendCountsMs) this.#counts.delete(sha256)
    this.#sentMs.set(sha256, nowMs)
    const counts = this.#counts.get(sha256) ?? new Uint32Array(0)
    const longEnough = counts.length > chunk ? counts : grown(counts, chunk + 1)
    longEnough[chunk] = (longEnough[chunk] ?? 0) + 1
    this.#counts.delete(sha256)
    this.#counts.set(sha256, longEnough)
    const [oldest] = this.#counts.keys()
    if (this.#counts.size <= contentsCountedMax || oldest === undefined) return
    this.#counts.delete(oldest)
    this.#sentMs.delete(oldest)
  }

  /** Takes an {@link add} back. */
  remove({ sha256, chunk }: ContentChunk): void {
    const counts = this.#counts.get(sha256)
    const sends = counts?.[chunk] ?? 0
    if (counts !== undefined && sends > 0) counts[chunk] = sends - 1
  }
}

function grown(counts: Uint32Array, length: number): Uint32Array {
  const longer = new Uint32Array(Math.max(length, 2 * counts.length))
  longer.set(counts)
  return longer
}
