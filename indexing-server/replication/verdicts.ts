import { limits } from '../../common/limits.ts'

/** The last verdict of replication on a content. A content that was not judged yet is `unknown`. */
export type Verdict = 'unknown' | 'unwanted' | 'at-factor' | 'above-factor' | 'below-factor'

const unknown = 0
const codes = {
  unknown,
  unwanted: 1,
  'at-factor': 2,
  'below-factor': 3,
  'above-factor': 4,
} as const

/** Codes per factor: a content's byte is the code of its verdict and its factor. */
const stride = Object.keys(codes).length

/** One byte per content id, and the counters for `status`, which never scans all contents. */
export class Verdicts {
  #bytes = new Uint8Array(1_024)
  readonly #counts = new Float64Array(stride * (limits.replicationFactorMax + 1))

  /** Wanted contents that have their copies, or more. */
  get atFactor(): number {
    return this.#count('at-factor') + this.aboveFactor
  }

  /** Those with replicas beyond the factor. */
  get aboveFactor(): number {
    return this.#count('above-factor')
  }

  /** Contents that lack copies and want more than `copies` of them. */
  belowFactorOver(copies: number): number {
    return this.#count('below-factor', copies + 1)
  }

  /** Whether a content had its copies when it was last judged. */
  hadCopies(contentId: number): boolean {
    const code = (this.#bytes[contentId] ?? unknown) % stride
    return code === codes['at-factor'] || code === codes['above-factor']
  }

  set(contentId: number, verdict: Verdict, factor = 0): void {
    if (contentId >= this.#bytes.length) this.#grow(contentId + 1)
    const before = this.#bytes[contentId] ?? unknown
    const after = codes[verdict] + stride * factor
    this.#counts[before] = (this.#counts[before] ?? 0) - 1
    this.#counts[after] = (this.#counts[after] ?? 0) + 1
    this.#bytes[contentId] = after
  }

  #count(verdict: Verdict, fromFactor = 0): number {
    let count = 0
    for (let factor = fromFactor; factor <= limits.replicationFactorMax; factor++)
      count += this.#counts[codes[verdict] + stride * factor] ?? 0
    return count
  }

  #grow(length: number): void {
    const grown = new Uint8Array(Math.max(length, 2 * this.#bytes.length))
    grown.set(this.#bytes)
    this.#bytes = grown
  }
}
