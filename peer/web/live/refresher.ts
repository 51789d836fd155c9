import type { Clock } from '../../../common/clock.ts'
import { reasonOf } from '../../../common/errors.ts'
import type { Log } from '../../../common/log.ts'
import { WakeUp } from '../../../common/wake-up.ts'

/** Delay after a failure. */
const retryMs = 1_000

/**
 * Does one kind of work when it is asked for, one run after the other and not more often than an
 * interval. Requests during a run cause another one; after a failure it is repeated.
 */
export class Refresher {
  readonly #what: string
  readonly #everyMs: number
  readonly #work: (signal: AbortSignal) => Promise<void>
  readonly #asked = new WakeUp()
  #isDue = false

  constructor(what: string, everyMs: number, work: (signal: AbortSignal) => Promise<void>) {
    this.#what = what
    this.#everyMs = everyMs
    this.#work = work
  }

  ask(): void {
    this.#isDue = true
    this.#asked.notify()
  }

  /** Runs until the signal is aborted. @throws the signal's reason */
  async run(signal: AbortSignal, { clock, log }: { clock: Clock; log: Log }): Promise<void> {
    for (;;) {
      await this.#asked.until(() => this.#isDue || undefined, signal)
      this.#isDue = false
      const startMs = clock.monotonicMs()
      try {
        await this.#work(signal)
      } catch (error) {
        signal.throwIfAborted()
        this.#isDue = true
        log.debug({ what: this.#what, reason: reasonOf(error) }, 'open pages were not refreshed')
        await clock.sleep(retryMs, signal)
      }
      await clock.sleep(Math.max(0, startMs + this.#everyMs - clock.monotonicMs()), signal)
    }
  }
}
