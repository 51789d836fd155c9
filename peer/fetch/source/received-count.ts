import type { SourceProgress } from '../transfer/source-crew.ts'
import { labelOf } from './peer-source.ts'

/** Counts what came from all sources of a fetch together, also from those that left or began anew. */
export class ReceivedCount {
  readonly #bytes = new Map<string, number>()
  #total = 0

  /** @returns all bytes that came so far, good or not */
  add(sources: readonly SourceProgress[]): number {
    for (const { source, bytes } of sources) {
      const label = labelOf(source)
      const before = this.#bytes.get(label) ?? 0
      this.#total += bytes >= before ? bytes - before : bytes
      this.#bytes.set(label, bytes)
    }
    return this.#total
  }
}
