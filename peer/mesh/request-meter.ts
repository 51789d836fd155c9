import type { Clock } from '../../common/clock.ts'

interface Bucket {
  tokens: number
  atMs: number
}

/** Counts requests per key, such as a host: each may send some per second, and more for a moment. */
export class RequestMeter {
  readonly #options: {
    readonly perSecond: number
    readonly burst: number
    readonly keysMax: number
  }
  readonly #clock: Clock
  /** The least recently counted first. */
  readonly #buckets = new Map<string, Bucket>()

  /** @param options at most `keysMax` keys are remembered */
  constructor(
    options: { perSecond: number; burst: number; keysMax: number },
    { clock }: { clock: Clock },
  ) {
    this.#options = options
    this.#clock = clock
  }

  /** Counts a request that is worth `cost`. @returns whether it is within the rate */
  accepts(key: string, cost = 1): boolean {
    const { perSecond, burst, keysMax } = this.#options
    const nowMs = this.#clock.monotonicMs()
    const { tokens, atMs } = this.#buckets.get(key) ?? { tokens: burst, atMs: nowMs }
    const filled = Math.min(burst, tokens + ((nowMs - atMs) / 1000) * perSecond)
    const isWithin = filled >= cost
    this.#buckets.delete(key)
    this.#buckets.set(key, { tokens: isWithin ? filled - cost : filled, atMs: nowMs })
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size <= keysMax) break
      this.#buckets.delete(oldest)
    }
    return isWithin
  }
}
