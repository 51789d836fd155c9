import type { Clock } from '../../../common/clock.ts'
import { deadlines } from '../../../common/limits.ts'
import type { Pace } from './chunk-source.ts'

/**
 * How fast a source sends while it owes bytes: an average in which older bytes weigh less, and the
 * present silence counts.
 */
export class PaceMeter implements Pace {
  readonly #clock: Clock
  /** Bytes, each weighted by its age when `#countedMs` was. */
  #weightedBytes = 0
  /** The time over which they arrived, weighted alike; idle time does not count. */
  #weightedMs = 0
  #countedMs = 0
  #bytesOwed = 0
  #bytesReceived = 0
  #delayMs = 0

  constructor(dependencies: { clock: Clock }) {
    this.#clock = dependencies.clock
  }

  get delayMs(): number {
    return this.#delayMs
  }

  /** Bytes that were requested and have not arrived. */
  get bytesOwed(): number {
    return this.#bytesOwed
  }

  /** All bytes received. */
  get bytesReceived(): number {
    return this.#bytesReceived
  }

  get bytesPerMs(): number | undefined {
    this.#count()
    return this.#weightedMs === 0 ? undefined : this.#weightedBytes / this.#weightedMs
  }

  /** Called with the duration of a short request and its reply. */
  onRoundTrip(delayMs: number): void {
    this.#delayMs = delayMs
  }

  onAsked(bytes: number): void {
    this.#count()
    this.#bytesOwed += bytes
  }

  onBytes(bytes: number): void {
    this.#count()
    this.#bytesReceived += bytes
    this.#bytesOwed -= bytes
    this.#weightedBytes += bytes
  }

  /** Called with a number of requested bytes that will not arrive, or are no longer awaited. */
  onGivenUp(bytes: number): void {
    this.#count()
    this.#bytesOwed -= bytes
  }

  #count(): void {
    const nowMs = this.#clock.monotonicMs()
    const passedMs = nowMs - this.#countedMs
    this.#countedMs = nowMs
    if (this.#bytesOwed <= 0 || passedMs <= 0) return
    const kept = Math.exp(-passedMs / deadlines.sourceSpeedMs)
    this.#weightedBytes *= kept
    this.#weightedMs = this.#weightedMs * kept + deadlines.sourceSpeedMs * (1 - kept)
  }
}
