import type { Cancel, Clock } from '../../../common/clock.ts'
import type { ConnectionProgress } from './connection-progress.ts'
import { stallDeadlineMs } from './stall-deadline.ts'

interface StallWatchDependencies {
  readonly clock: Clock
  /** What was asked for and has not come. */
  readonly bytesOwed: () => number
  readonly onStall: (deadlineMs: number) => void
}

/**
 * Notices when a source that owes bytes sends none, or so few that it might as well: as long as
 * something is asked for on a connection, there must be progress within every {@link stallDeadlineMs}.
 */
export class StallWatch implements Disposable {
  readonly #clock: Clock
  readonly #dependencies: StallWatchDependencies
  /** How much is asked for on each connection. */
  readonly #asked = new Map<ConnectionProgress, number>()
  /** When it was asked for something while it owed nothing, or answered, last. */
  #markMs = 0
  #cancelTimer: Cancel | undefined

  constructor(dependencies: StallWatchDependencies) {
    this.#clock = dependencies.clock
    this.#dependencies = dependencies
  }

  onAsked(progress: ConnectionProgress): void {
    if (this.#asked.size === 0) this.#mark()
    this.#asked.set(progress, (this.#asked.get(progress) ?? 0) + 1)
    this.#cancelTimer ??= this.#clock.after(stallDeadlineMs(0), this.#check)
  }

  onAnswered(progress: ConnectionProgress): void {
    const left = (this.#asked.get(progress) ?? 0) - 1
    if (left > 0) this.#asked.set(progress, left)
    else this.#asked.delete(progress)
    this.#mark()
  }

  [Symbol.dispose](): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  #mark(): void {
    this.#markMs = this.#clock.monotonicMs()
  }

  /** One timer that looks when the earliest stall could be: setting one for each piece would cost more than the piece. */
  readonly #check = (): void => {
    this.#cancelTimer = undefined
    if (this.#asked.size === 0) return
    const { bytesOwed, onStall } = this.#dependencies
    const deadlineMs = stallDeadlineMs(bytesOwed())
    const lastMs = Math.max(this.#markMs, ...[...this.#asked.keys()].map(({ lastMs }) => lastMs))
    const leftMs = lastMs + deadlineMs - this.#clock.monotonicMs()
    if (leftMs > 0) this.#cancelTimer = this.#clock.after(leftMs, this.#check)
    else onStall(deadlineMs)
  }
}
