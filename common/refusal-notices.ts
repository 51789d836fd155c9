import type { Clock } from './clock.ts'
import { hostKeyOf } from './protocol/host-share.ts'

const windowMs = 60_000
/** Notices in a minute: more say nothing new, and would push out the older ones. */
const noticesMax = 60

/**
 * Which refusals are worth a line of the log and an event: of each host one of a kind in a minute, and a
 * bounded number of all hosts. Strangers can cause any number of them, and must not fill the disk.
 */
export class RefusalNotices {
  readonly #clock: Clock
  readonly #told = new Set<string>()
  #untold = 0
  #sinceMs = Number.NEGATIVE_INFINITY

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock
  }

  /** Whether to tell of this one; counts it if so. */
  isNews(host: string, code: string): boolean {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#sinceMs >= windowMs) {
      this.#told.clear()
      this.#sinceMs = nowMs
    }
    const key = `${hostKeyOf(host)} ${code}`
    if (this.#told.has(key) || this.#told.size >= noticesMax) {
      this.#untold++
      return false
    }
    this.#told.add(key)
    return true
  }

  /** The number of refusals of all hosts that were not told of since the last call. */
  takeUntold(): number {
    const untold = this.#untold
    this.#untold = 0
    return untold
  }
}
