import type { Clock } from '../../common/clock.ts'

/** Bytes that may be ahead of the rate: many small contents are assigned together. */
const aheadMs = 1_000

/** Bytes that may be assigned: on average `bytesPerSecond`; a content may exceed it, and is paid for. */
export class RateBudget {
  readonly #bytesPerSecond: number
  readonly #clock: Clock
  #debtBytes = 0
  #atMs: number

  /** @param options.bytesPerSecond infinite without a limit */
  constructor(
    { bytesPerSecond }: { readonly bytesPerSecond: number },
    dependencies: { readonly clock: Clock },
  ) {
    this.#bytesPerSecond = bytesPerSecond
    this.#clock = dependencies.clock
    this.#atMs = this.#clock.monotonicMs()
  }

  get isSpent(): boolean {
    return this.leftMs > 0
  }

  /** Until it is no longer spent. */
  get leftMs(): number {
    this.#repay()
    const behindMs = this.#debtBytes === 0 ? 0 : (this.#debtBytes / this.#bytesPerSecond) * 1_000
    return Math.max(0, behindMs - aheadMs)
  }

  spend(bytes: number): void {
    this.#repay()
    if (Number.isFinite(this.#bytesPerSecond)) this.#debtBytes += bytes
  }

  #repay(): void {
    const nowMs = this.#clock.monotonicMs()
    const passedMs = nowMs - this.#atMs
    this.#atMs = nowMs
    if (passedMs > 0)
      this.#debtBytes = Math.max(0, this.#debtBytes - (passedMs / 1_000) * this.#bytesPerSecond)
  }
}
