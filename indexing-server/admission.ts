import type { Clock } from '../common/clock.ts'
import { AppError } from '../common/errors.ts'
import { limits } from '../common/limits.ts'
import { mayHold } from '../common/protocol/host-share.ts'

/**
 * How long the event loop may answer quick queries before it looks at other events: heartbeats and
 * announcements wait for that long at most.
 */
export const quickTurnMs = 250
/** When to come back after a refusal. */
const retryAfterMs = 500

/**
 * Decides which queries are answered when there are more than the index can answer. The others are refused
 * immediately, which costs little. What keeps the cluster safe, such as heartbeats, announcements and
 * reports, is never refused.
 *
 * - Quick queries, lookups, are refused after a turn of the event loop has spent {@link quickTurnMs} on
 *   them. That happens only when thousands wait.
 * - Costly queries, such as searches, are refused beyond a number, of which each connection has a share
 *   (see {@link mayHold}).
 */
export class Admission {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #onTurnEnd: (callback: () => void) => void
  #turnBeganMs: number | undefined
  #costly = 0
  readonly #costlyOf = new WeakMap<object, number>()
  /** Queries refused so far. */
  refused = 0

  /** @param onTurnEnd calls back when the event loop has looked at all other events */
  constructor(dependencies: {
    readonly clock: Pick<Clock, 'monotonicMs'>
    readonly onTurnEnd?: (callback: () => void) => void
  }) {
    this.#clock = dependencies.clock
    this.#onTurnEnd = dependencies.onTurnEnd ?? setImmediate
  }

  /** @throws AppError OVERLOADED */
  admitQuick(): void {
    if (!this.mayAnswerQuick()) throw this.#refusal()
  }

  /** Whether this turn of the event loop has time for quick queries. */
  mayAnswerQuick(): boolean {
    const nowMs = this.#clock.monotonicMs()
    if (this.#turnBeganMs !== undefined) return nowMs - this.#turnBeganMs <= quickTurnMs
    this.#turnBeganMs = nowMs
    this.#onTurnEnd(() => (this.#turnBeganMs = undefined))
    return true
  }

  /**
   * Runs `work`, a query of `connection`, if there are few enough.
   * @throws AppError OVERLOADED, errors of `work`
   */
  async admitCostly<T>(connection: object, work: () => Promise<T>): Promise<T> {
    const usage = {
      bytesMax: limits.costlyQueriesMax,
      usedBytes: this.#costly,
      hostBytes: this.#costlyOf.get(connection) ?? 0,
    }
    if (!mayHold(1, usage)) throw this.#refusal()
    this.#count(connection, 1)
    try {
      return await work()
    } finally {
      this.#count(connection, -1)
    }
  }

  #count(connection: object, more: number): void {
    this.#costly += more
    this.#costlyOf.set(connection, (this.#costlyOf.get(connection) ?? 0) + more)
  }

  #refusal(): AppError {
    this.refused += 1
    return new AppError('OVERLOADED', { retryAfterMs })
  }
}
