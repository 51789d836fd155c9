import { emptySeries, summaryOf, withValue } from '../../common/running-summary.ts'
import type { Stats } from '../api/status-shapes.ts'

/** How fast downloads were that used the network. */
export class NetworkStats {
  #bytesPerSecond = emptySeries
  #bytes = 0
  #seconds = 0

  /** @param seconds the duration of the whole download */
  add(bytes: number, seconds: number): void {
    this.#bytes += bytes
    this.#seconds += seconds
    if (seconds > 0) this.#bytesPerSecond = withValue(this.#bytesPerSecond, bytes / seconds)
  }

  get summary(): Pick<Stats, 'downloadBytesPerSecond' | 'throughputBytesPerSecond'> {
    return {
      downloadBytesPerSecond: summaryOf(this.#bytesPerSecond),
      throughputBytesPerSecond: this.#seconds > 0 ? this.#bytes / this.#seconds : 0,
    }
  }
}
