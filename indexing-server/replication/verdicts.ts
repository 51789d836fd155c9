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

/** One byte per content id, and the counters for `status`, which never scans all contents. */
export class Verdicts {
  #codes = new Uint8Array(1_024)
  readonly #counts = [0, 0, 0, 0, 0]

  /** Wanted contents that have their copies, or more. */
  get atFactor(): number {
    return this.#count('at-factor') + this.aboveFactor
  }

  /** Those with replicas beyond the factor. */
  get aboveFactor(): number {
    return this.#count('above-factor')
  }

  set(contentId: number, verdict: Verdict): void {
    if (contentId >= this.#codes.length) this.#grow(contentId + 1)
    const before = this.#codes[contentId] ?? unknown
    const code = codes[verdict]
    this.#counts[before] = (this.#counts[before] ?? 0) - 1
    this.#counts[code] = (this.#counts[code] ?? 0) + 1
    this.#codes[contentId] = code
  }

  #count(verdict: Verdict): number {
    return this.#counts[codes[verdict]] ?? 0
  }

  #grow(length: number): void {
    const grown = new Uint8Array(Math.max(length, 2 * this.#codes.length))
    grown.set(this.#codes)
    this.#codes = grown
  }
}
