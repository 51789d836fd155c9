import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { type Cancel, type Clock, sleepWith } from '../clock.ts'

interface Timer {
  readonly dueMs: number
  readonly callback: () => void
}

/** Where the fake clocks begin between two whole milliseconds; exact in binary. */
const wallFractionMs = 0.5
const monotonicFractionMs = 0.375
/** By how much they run ahead of the timers, as real timers are a little late. */
const driftPerMs = 2 ** -24

/**
 * A clock that stands still until a test moves it. As with real clocks, neither times nor durations
 * are whole numbers: what takes them for whole fails in tests.
 */
export class FakeClock implements Clock {
  readonly #startMs: number
  #elapsedMs = 0
  /** By time, those of the same moment in the order they were set. */
  readonly #timers: Timer[] = []

  /** @param startMs wall time at the beginning */
  constructor(startMs: number = Date.UTC(2026, 0, 1)) {
    this.#startMs = startMs
  }

  nowMs(): number {
    return this.#startMs + wallFractionMs + this.#driftedMs
  }

  monotonicMs(): number {
    return monotonicFractionMs + this.#driftedMs
  }

  /** How far tests have moved it: the time of its timers, without fractions. */
  get elapsedMs(): number {
    return this.#elapsedMs
  }

  get #driftedMs(): number {
    return this.#elapsedMs * (1 + driftPerMs)
  }

  after(delayMs: number, callback: () => void): Cancel {
    const timer = { dueMs: this.#elapsedMs + Math.max(0, delayMs), callback }
    const place = this.#timers.findLastIndex((other) => other.dueMs <= timer.dueMs) + 1
    this.#timers.splice(place, 0, timer)
    return () => {
      const index = this.#timers.indexOf(timer)
      if (index !== -1) this.#timers.splice(index, 1)
    }
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepWith((ms, callback) => this.after(ms, callback), delayMs, signal)
  }

  /** Timers that are set. */
  get pending(): number {
    return this.#timers.length
  }

  /**
   * Moves time on by `ms`. Every timer that comes due, also one set on the way, sees the clock at
   * its own moment; between two of them, and at the end, all settled promises run.
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
