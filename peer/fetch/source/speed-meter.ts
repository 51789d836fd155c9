import type { Clock } from '../../../common/clock.ts'

/** The speed shown is that of the last 5 s: steady enough to read, quick enough to believe. */
const windowMs = 5_000
/** The least time between two samples; the window then has at most 21 of them. */
const sampleMs = 250

/** How fast a growing number of bytes grows now. */
export class SpeedMeter {
  readonly #clock: Clock
  /** From the last one that is older than the window, or the first one, on. */
  readonly #samples: { readonly atMs: number; readonly bytes: number }[]
  #bytes: number

  /** @param bytes the total at the start */
  constructor(dependencies: { clock: Clock }, bytes = 0) {
    this.#clock = dependencies.clock
    this.#bytes = bytes
    this.#samples = [{ atMs: this.#clock.monotonicMs(), bytes }]
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Averaged over the window, the present silence included; 0 at the very start. */
  get bytesPerSecond(): number {
    const nowMs = this.#clock.monotonicMs()
    const from = this.#samples.findLast(({ atMs }) => nowMs - atMs >= windowMs) ?? this.#samples[0]
    if (from === undefined || nowMs === from.atMs) return 0
    return ((this.#bytes - from.bytes) * 1000) / (nowMs - from.atMs)
  }

  /** @param bytes the total so far */
  onProgress(bytes: number): void {
    this.#bytes = bytes
    const atMs = this.#clock.monotonicMs()
    const lastMs = this.#samples.at(-1)?.atMs ?? 0
    if (atMs - lastMs < sampleMs) return
    this.#samples.push({ atMs, bytes })
    const firstKept = this.#samples.findLastIndex((sample) => atMs - sample.atMs >= windowMs)
    if (firstKept > 0) this.#samples.splice(0, firstKept)
  }
}
