import type { Cancel, Clock } from '../../common/clock.ts'
import { limits } from '../../common/limits.ts'
import { stallDeadlineMs } from './stall-deadline.ts'

interface StallWatchDependencies {
  readonly clock: Clock
  /** What was asked for and has not come. */
  readonly bytesOwed: () => number
  readonly onStall: (deadlineMs: number) => void
}

/**
 * Notices when a source that owes bytes sends none, or so few that it might as well: as long as
 * something is asked for, `bulkProgressBytesMin` must come within every {@link stallDeadlineMs}.
 */
export class StallWatch implements Disposable {
  readonly #clock: Clock
  readonly #dependencies: StallWatchDependencies
  #asked = 0
  #markMs = 0
  #bytesSinceMark = 0
  #excuses = 0
  #cancelTimer: Cancel | undefined

  constructor(dependencies: StallWatchDependencies) {
    this.#clock = dependencies.clock
    this.#dependencies = dependencies
  }

  onAsked(): void {
    if (this.#asked === 0) this.#mark()
    this.#asked += 1
    this.#cancelTimer ??= this.#clock.after(stallDeadlineMs(0), this.#check)
  }

  onBytes(count: number): void {
    this.#bytesSinceMark += count
    if (this.#bytesSinceMark >= limits.bulkProgressBytesMin) this.#mark()
  }

  /** As long as `work` goes on it is us who hold the bytes up. */
  async excuse(work: Promise<void>): Promise<void> {
    this.#excuses += 1
    try {
      await work
    } finally {
      this.#excuses -= 1
      this.#mark()
    }
  }

  onAnswered(): void {
    this.#asked -= 1
    this.#mark()
  }

  [Symbol.dispose](): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  #mark(): void {
    this.#markMs = this.#clock.monotonicMs()
    this.#bytesSinceMark = 0
  }

  /** One timer that looks when the earliest stall could be: setting one for each piece would cost more than the piece. */
  readonly #check = (): void => {
    this.#cancelTimer = undefined
    if (this.#asked === 0) return
    if (this.#excuses > 0) this.#mark()
    const { bytesOwed, onStall } = this.#dependencies
    const deadlineMs = stallDeadlineMs(bytesOwed())
    const leftMs = this.#markMs + deadlineMs - this.#clock.monotonicMs()
    if (leftMs > 0) this.#cancelTimer = this.#clock.after(leftMs, this.#check)
    else onStall(deadlineMs)
  }
}
