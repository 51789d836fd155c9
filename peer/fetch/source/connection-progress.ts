import type { Clock } from '../../../common/clock.ts'
import { limits } from '../../../common/limits.ts'

/**
 * Whether bytes come on a connection, for all who wait for some there: replies leave one after another,
 * so that what comes for one is progress for those behind it.
 */
export class ConnectionProgress {
  readonly #clock: Clock
  #markMs = Number.NEGATIVE_INFINITY
  #bytesSinceMark = 0
  #excuses = 0

  constructor(dependencies: { clock: Clock }) {
    this.#clock = dependencies.clock
  }

  /** When `bulkProgressBytesMin` had come last, in `monotonicMs`; now, as long as it is us who hold them up. */
  get lastMs(): number {
    return this.#excuses > 0 ? this.#clock.monotonicMs() : this.#markMs
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

  #mark(): void {
    this.#markMs = this.#clock.monotonicMs()
    this.#bytesSinceMark = 0
  }
}
