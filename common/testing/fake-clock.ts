import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { type Cancel, type Clock, sleepWith } from '../clock.ts'

interface Timer {
  readonly dueMs: number
  readonly callback: () => void
}

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
  /** By time; timers of the same time in the order they were set. */
  readonly #timers: Timer[] = []

  /** @param startMs initial wall time */
  constructor(startMs: number = Date.UTC(2026, 0, 1)) {
    this.#startMs = startMs
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
    const timer = { dueMs: this.#elapsedMs + Math.max(0, delayMs), callback }
    this.#timers.splice(this.#firstAfter(timer.dueMs), 0, timer)
    return () => {
      const index = this.#timers.lastIndexOf(timer, this.#firstAfter(timer.dueMs))
      if (index !== -1) this.#timers.splice(index, 1)
    }
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepWith((ms, callback) => this.after(ms, callback), delayMs, signal)
  }

  /** The index of the first timer after a time; by halves, as large meshes have many thousand timers. */
  #firstAfter(dueMs: number): number {
    let [from, to] = [0, this.#timers.length]
    while (from < to) {
      const middle = (from + to) >>> 1
      if ((this.#timers[middle]?.dueMs ?? 0) <= dueMs) from = middle + 1
      else to = middle
    }
    return from
  }

  /** Number of pending timers. */
  get pending(): number {
    return this.#timers.length
  }

  /**
   * Advances time by `ms`. Every due timer, even one set on the way, sees the clock at its own
   * time; between timers, and at the end, all settled promises run.
   */
  async advance(ms: number): Promise<void> {
    assert(ms >= 0)
    const endMs = this.#elapsedMs + ms
    await turn()
    for (let next = this.#timers[0]; next && next.dueMs <= endMs; next = this.#timers[0]) {
      this.#timers.shift()
      this.#elapsedMs = next.dueMs
      next.callback()
      await turn()
    }
    this.#elapsedMs = endMs
  }
}
