import type { Clock } from '../../../common/clock.ts'
import { limits } from '../../../common/limits.ts'

/**
 * Whether bytes arrive on a connection, for all fetches that wait for some there: replies are sent one
 * after another, so that the bytes of one are progress for those behind it.
 */
export class ConnectionProgress {
  readonly #clock: Clock
  #markMs = Number.NEGATIVE_INFINITY
  #bytesSinceMark = 0
  #excuses = 0

  constructor(dependencies: { clock: Clock }) {
    this.#clock = dependencies.clock
  }

  /** When `bulkProgressBytesMin` had last arrived, in `monotonicMs`; now, while this peer throttles them. */
  get lastMs(): number {
    return this.#excuses > 0 ? this.#clock.monotonicMs() : this.#markMs
  }

  onBytes(count: number): void {
    this.#bytesSinceMark += count
    if (this.#bytesSinceMark >= limits.bulkProgressBytesMin) this.#mark()
  }

  /** Until `work` settles, this peer throttles the bytes. */
  async excuse(work: Promise<void>): Promise<void> {
    this.#excuses += 1
    try {
      await work
    } finally {
      this.#excuses -= 1
      this.#mark()
    }
  }

  #mark(): void {
    this.#markMs = this.#clock.monotonicMs()
    this.#bytesSinceMark = 0
  }
}
