import type { Clock } from '../../common/clock.ts'
import type { WakeUp } from '../../common/wake-up.ts'
import {
  type Amount,
  costOf,
  isBusyWith,
  type ScrubPace,
  scrubRate,
  scrubWaitMs,
} from './scrub-pace.ts'

/** Shorter waits are put together: a timer for each small file costs more than reading it. */
const waitMsMin = 200
/** People's transfers are measured over at least this time. */
const measureMs = 500

interface Dependencies {
  readonly pace: () => ScrubPace
  readonly peoplesBytes: () => number
  /** Woken when the pace may have changed. */
  readonly changes: WakeUp
  readonly clock: Clock
}

/** Waits between readings, so that they take the rate that the policy gives them. */
export class ScrubThrottle {
  readonly counts = { bytes: 0, bad: 0 }
  readonly #dependencies: Dependencies
  /** Work that was done and not waited for yet, in bytes. */
  #owedBytes = 0
  /** Until when the work is accounted for. */
  #paidMs: number
  #measured: { readonly ms: number; readonly bytes: number; readonly isBusy: boolean }

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
    const { clock, peoplesBytes } = dependencies
    this.#paidMs = clock.monotonicMs()
    this.#measured = { ms: clock.monotonicMs(), bytes: peoplesBytes(), isBusy: false }
  }

  /** Whether people's files were sent or received just now. */
  get isBusy(): boolean {
    const { clock, peoplesBytes } = this.#dependencies
    const elapsedMs = clock.monotonicMs() - this.#measured.ms
    if (elapsedMs < measureMs) return this.#measured.isBusy
    const bytes = peoplesBytes()
    const isBusy = isBusyWith(bytes - this.#measured.bytes, elapsedMs)
    this.#measured = { ms: clock.monotonicMs(), bytes, isBusy }
    return isBusy
  }

  /** Resolves when the next may be read after these. @throws the signal's reason */
  async rest(read: Amount, signal: AbortSignal): Promise<void> {
    const { clock, pace, changes } = this.#dependencies
    this.counts.bytes += read.bytes
    this.#owedBytes += costOf(read)
    for (;;) {
      signal.throwIfAborted()
      const rate = scrubRate(pace())
      const nowMs = clock.monotonicMs()
      // Reading took a part of the time; what was not used before is not saved up.
      this.#owedBytes = Math.max(0, this.#owedBytes - ((nowMs - this.#paidMs) * rate) / 1_000)
      this.#paidMs = nowMs
      const delayMs = scrubWaitMs(this.#owedBytes, rate)
      if (delayMs < waitMsMin) return
      await changes.next(signal, { clock, delayMs })
    }
  }
}
