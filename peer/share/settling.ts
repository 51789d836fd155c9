import type { Cancel, Clock } from '../../common/clock.ts'
import type { FileStat } from '../../common/content/file-stat.ts'
import { isQuiet, isRestless, type Moment, type Observation, observe } from './quietness.ts'

/** Files known to be still written; others are found quiet by a later scan. */
const filesSettlingMax = 100_000

export interface SettlingOptions {
  /** How long a file that was written once must be unchanged before it is read. */
  readonly quietMs: number
  /** Called with each path that may have become quiet. */
  onDue(path: string): void
}

/** Tracks files that are being written, and requests another comparison of each. */
export class Settling implements Disposable {
  readonly #options: SettlingOptions
  readonly #clock: Clock
  readonly #observations = new Map<string, Observation>()
  /** When to request another comparison (monotonic), earliest first. */
  readonly #dueMs = new Map<string, number>()
  #cancelTimer: Cancel | undefined

  constructor(options: SettlingOptions, { clock }: { clock: Clock }) {
    this.#options = options
    this.#clock = clock
  }

  /**
   * Observes a file that differs from its entry; `recorded` is the stat of its entry.
   * @returns `quiet`: it can be read. `restless`: it has been written for a long time without a
   *   pause. `settling`: otherwise.
   */
  judge(path: string, stat: FileStat, recorded?: FileStat): 'quiet' | 'settling' | 'restless' {
    const { quietMs } = this.#options
    const now = this.#now()
    const known = { before: this.#observations.get(path), recorded }
    const observation = observe(stat, known, now, quietMs)
    this.forget(path)
    if (isQuiet(observation, now, quietMs)) return 'quiet'
    // Files beyond the limit are compared by the next scan.
    if (this.#observations.size < filesSettlingMax) {
      this.#observations.set(path, observation)
      this.#dueMs.set(path, now.monotonicMs + quietMs)
      this.#setTimer()
    }
    return isRestless(observation, quietMs) ? 'restless' : 'settling'
  }

  /** Whether no file is being tracked. */
  get isEmpty(): boolean {
    return this.#observations.size === 0
  }

  /** The file at `path` is gone, or matches its entry. */
  forget(path: string): void {
    this.#observations.delete(path)
    this.#dueMs.delete(path)
  }

  #setTimer(): void {
    const [nextMs] = this.#dueMs.values()
    if (nextMs === undefined || this.#cancelTimer !== undefined) return
    this.#cancelTimer = this.#clock.after(nextMs - this.#clock.monotonicMs(), () => {
      this.#cancelTimer = undefined
      this.#onTimer()
    })
  }

  #onTimer(): void {
    const nowMs = this.#clock.monotonicMs()
    for (const [path, dueMs] of this.#dueMs) {
      if (dueMs > nowMs) break
      this.#dueMs.delete(path)
      this.#options.onDue(path)
    }
    this.#setTimer()
  }

  #now(): Moment {
    return { wallMs: this.#clock.nowMs(), monotonicMs: this.#clock.monotonicMs() }
  }

  [Symbol.dispose](): void {
    this.#cancelTimer?.()
    this.#dueMs.clear()
  }
}
