import type { Cancel, Clock } from '../../../common/clock.ts'
import type { ConnectionProgress } from './connection-progress.ts'
import { stallDeadlineMs } from './stall-deadline.ts'

interface StallWatchDependencies {
  readonly clock: Clock
  /** Bytes that were requested and have not arrived. */
  readonly bytesOwed: () => number
  readonly onStall: (deadlineMs: number) => void
}

/**
 * Notices when a source that owes bytes sends none, or almost none: while a connection has an open
 * request, it must progress within every {@link stallDeadlineMs}.
 */
export class StallWatch implements Disposable {
  readonly #clock: Clock
  readonly #dependencies: StallWatchDependencies
  /** The number of open requests per connection. */
  readonly #asked = new Map<ConnectionProgress, number>()
  /** When it was last asked while it owed nothing, or last answered. */
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

  /** One timer, set for the earliest possible stall: one per piece would cost more than the piece. */
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
