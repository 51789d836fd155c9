import { backoffMs } from '../../common/backoff.ts'
import type { Clock } from '../../common/clock.ts'
import type { AppError } from '../../common/errors.ts'
import type { Random } from '../../common/random.ts'

/** Between two attempts at one file: a holder may be away for days. */
const retryBackoff = { firstMs: 5_000, maxMs: 3_600_000 }
/** Files whose failures are remembered; one that was forgotten is tried again early. */
const filesMax = 10_000

interface Failure {
  readonly failures: number
  readonly retryMs: number
  readonly error: AppError
}

/** Files that failed, and when each is tried again: no file holds up another. */
export class RetryTable {
  readonly #dependencies: { readonly clock: Clock; readonly random: Random }
  /** By key, the one that failed longest ago first. */
  readonly #failures = new Map<string, Failure>()

  constructor(dependencies: { readonly clock: Clock; readonly random: Random }) {
    this.#dependencies = dependencies
  }

  /** The error of a file that is not to be tried yet. */
  waiting(key: string): AppError | undefined {
    const failure = this.#failures.get(key)
    const isWaiting = failure !== undefined && failure.retryMs > this.#nowMs
    return isWaiting ? failure.error : undefined
  }

  /** A file is tried now. */
  onTried(key: string): void {
    const failure = this.#failures.get(key)
    if (failure !== undefined) this.#failures.set(key, { ...failure, retryMs: Infinity })
  }

  /** Forgets those that were due and not tried: files that are no longer wanted. */
  forgetDue(beforeMs: number): void {
    for (const [key, { retryMs }] of this.#failures)
      if (retryMs <= beforeMs) this.#failures.delete(key)
  }

  onFailed(key: string, error: AppError): void {
    const failures = (this.#failures.get(key)?.failures ?? 0) + 1
    const retryMs = this.#nowMs + backoffMs(failures, retryBackoff, this.#dependencies.random)
    this.#failures.delete(key)
    this.#failures.set(key, { failures, retryMs, error })
    const [oldest] = this.#failures.keys()
    if (this.#failures.size > filesMax && oldest !== undefined) this.#failures.delete(oldest)
  }

  onDone(key: string): void {
    this.#failures.delete(key)
  }

  /** Time until the first of them is to be tried again; undefined if there is none. */
  get nextMs(): number | undefined {
    const times = this.#failures.values().map(({ retryMs }) => retryMs)
    const first = times.reduce((least, time) => Math.min(least, time), Infinity)
    return first === Infinity ? undefined : Math.max(0, first - this.#nowMs)
  }

  get #nowMs(): number {
    return this.#dependencies.clock.monotonicMs()
  }
}
