import type { BackgroundWork } from '../common/background.ts'
import { backoffMs } from '../common/backoff.ts'
import type { Clock } from '../common/clock.ts'
import { type AppError, hasCode, reasonOf } from '../common/errors.ts'
import type { Log } from '../common/log.ts'
import type { Random } from '../common/random.ts'

/** Delay of the first probe after a failed write. */
const databaseProbeFirstMs = 500
/** Maximum delay between probes: recovery is noticed within seconds. */
export const databaseProbeMaxMs = 5_000
/** Minimum interval of probes of an idle database. */
export const databaseProbeIdleMs = 60_000

interface Dependencies {
  /** Writes something. @throws AppError DISK_FAILED */
  readonly probe: () => Promise<void>
  readonly background: BackgroundWork
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/**
 * Whether the index can write its database. After a failed write it retries with back-off until a
 * write succeeds.
 */
export class WriteHealth {
  readonly #dependencies: Dependencies
  #fault: string | undefined
  #faultCount = 0
  /** Monotonic time of the last successful probe. */
  #writtenMs: number

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
    this.#writtenMs = dependencies.clock.monotonicMs()
  }

  /**
   * Why the database cannot be written, in one sentence without a full stop; undefined if it can.
   */
  get fault(): string | undefined {
    return this.#fault
  }

  /** A write failed. */
  onFault(error: AppError): void {
    const { background, log } = this.#dependencies
    const isNews = this.#fault === undefined
    this.#faultCount++
    this.#fault = `the database cannot be written: ${String(error.details['reason'])}`.slice(0, 300)
    if (!isNews) return
    log.error({ ...error.details, code: error.code }, 'the database cannot be written')
    background.start('probe the database', (signal) => this.#recover(signal))
  }

  /** {@link fault}, after a probe if the last one is older than `databaseProbeIdleMs`. */
  async check(): Promise<string | undefined> {
    const { clock } = this.#dependencies
    const idleMs = clock.monotonicMs() - this.#writtenMs
    if (this.#fault === undefined && idleMs >= databaseProbeIdleMs) await this.#probe()
    return this.#fault
  }

  async #recover(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#dependencies
    const pace = { firstMs: databaseProbeFirstMs, maxMs: databaseProbeMaxMs }
    for (let failures = 1; ; failures++) {
      await clock.sleep(backoffMs(failures, pace, random), signal)
      try {
        if (await this.#probe()) break
      } catch (error) {
        log.warn({ reason: reasonOf(error) }, 'the database was not probed')
      }
    }
    this.#fault = undefined
    log.info({}, 'the database can be written again')
  }

  /** Returns whether the write succeeded, and no other write failed meanwhile. */
  async #probe(): Promise<boolean> {
    const { probe, clock } = this.#dependencies
    const before = this.#faultCount
    try {
      await probe()
    } catch (error) {
      // The store has reported it.
      if (hasCode(error, 'DISK_FAILED')) return false
      throw error
    }
    this.#writtenMs = clock.monotonicMs()
    return this.#faultCount === before
  }
}
