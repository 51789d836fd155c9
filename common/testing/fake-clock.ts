import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { type Cancel, type Clock, sleepWith } from '../clock.ts'
import { TimerQueue } from './timer-queue.ts'

/** The start of fake clocks between two whole milliseconds; exact in binary. */
const wallFractionMs = 0.5
const monotonicFractionMs = 0.375
/** Drift ahead of the timers, like real timers, which are slightly late. */
const driftPerMs = 2 ** -24

/**
 * A clock that stands still until a test advances it. Like real clocks, its times and durations are
 * not whole numbers: code that assumes whole ones fails in tests.
 */
export class FakeClock implements Clock {
  readonly #startMs: number
  #elapsedMs = 0
  readonly #timers = new TimerQueue()

  readonly #isCoarse: boolean

  /**
   * @param startMs initial wall time
   * @param options `isCoarse`: timers of the same time all run before any promise does, which is faster if
   *   there are many of them
   */
  constructor(
    startMs: number = Date.UTC(2026, 0, 1),
    { isCoarse = false }: { isCoarse?: boolean } = {},
  ) {
    this.#startMs = startMs
    this.#isCoarse = isCoarse
  }

  nowMs(): number {
    return this.#startMs + wallFractionMs + this.#driftedMs
  }

  monotonicMs(): number {
    return monotonicFractionMs + this.#driftedMs
  }

  /** How far it was advanced: the time of its timers, without fractions. */
  get elapsedMs(): number {
    return this.#elapsedMs
  }

  get #driftedMs(): number {
    return this.#elapsedMs * (1 + driftPerMs)
  }

  after(delayMs: number, callback: () => void): Cancel {
    return this.#timers.add(this.#elapsedMs + Math.max(0, delayMs), callback)
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepWith((ms, callback) => this.after(ms, callback), delayMs, signal)
  }

  /** Number of pending timers. */
  get pending(): number {
    return this.#timers.size
  }

  /**
   * Advances time by `ms`. Every due timer, even one set on the way, sees the clock at its own
   * time; between timers, and at the end, all settled promises run.
   */
  async advance(ms: number): Promise<void> {
    assert(ms >= 0)
    const endMs = this.#elapsedMs + ms
    await turn()
    for (let next = this.#timers.take(endMs); next; next = this.#timers.take(endMs)) {
      this.#elapsedMs = next.dueMs
      next.callback()
      if (this.#isCoarse) this.#runOthersOf(next.dueMs)
      await turn()
    }
    this.#elapsedMs = endMs
  }

  #runOthersOf(dueMs: number): void {
    for (let next = this.#timers.take(dueMs); next; next = this.#timers.take(dueMs)) next.callback()
  }
}
