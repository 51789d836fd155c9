import { type Cancel, type Clock, sleepWith } from '../../../common/clock.ts'
import type { Log } from '../../../common/log.ts'
import type { EventLog } from './event-log.ts'

/** The part of a machine that its processes share. */
export interface WallClock {
  /** How far its wall clock is ahead of the others. */
  aheadMs: number
}

/**
 * A process that can end at any moment, like by `kill -9`: from then on its timers do not fire and
 * its log is empty. Whatever it does until its next wait has no effect on others.
 */
export class SimulatedProcess {
  readonly clock: Clock
  readonly log: Log
  readonly #timers = new Set<Cancel>()
  #isAlive = true

  constructor(
    { name, wall }: { readonly name: string; readonly wall: Readonly<WallClock> },
    dependencies: { readonly clock: Clock; readonly events: EventLog },
  ) {
    const { clock, events } = dependencies
    const after = (delayMs: number, callback: () => void): Cancel =>
      this.#after(clock, delayMs, callback)
    this.clock = {
      nowMs: () => clock.nowMs() + wall.aheadMs,
      monotonicMs: () => clock.monotonicMs(),
      after,
      sleep: (delayMs, signal) => sleepWith(after, delayMs, signal),
    }
    this.log = events.logOf(name, () => this.#isAlive)
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  end(): void {
    this.#isAlive = false
    for (const cancel of this.#timers) cancel()
    this.#timers.clear()
  }

  #after(clock: Clock, delayMs: number, callback: () => void): Cancel {
    if (!this.#isAlive) return () => {}
    const cancelTimer = clock.after(delayMs, () => {
      this.#timers.delete(cancel)
      callback()
    })
    const cancel = (): void => {
      this.#timers.delete(cancel)
      cancelTimer()
    }
    this.#timers.add(cancel)
    return cancel
  }
}
