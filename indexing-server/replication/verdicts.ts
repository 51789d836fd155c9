/** The last verdict of replication on a content. A content that was not judged yet is `unknown`. */
export type Verdict = 'unknown' | 'unwanted' | 'at-factor' | 'below-factor'

const unknown = 0
const codes = { unknown, unwanted: 1, 'at-factor': 2, 'below-factor': 3 } as const

/** One byte per content id, and the counters for `status`, which never scans all contents. */
export class Verdicts {
  #codes = new Uint8Array(1_024)
  #atFactor = 0

  /** Wanted contents that have their copies. */
  get atFactor(): number {
    return this.#atFactor
  }

  set(contentId: number, verdict: Verdict): void {
    if (contentId >= this.#codes.length) this.#grow(contentId + 1)
    const code = codes[verdict]
    if (this.#codes[contentId] === codes['at-factor']) this.#atFactor--
    if (code === codes['at-factor']) this.#atFactor++
    this.#codes[contentId] = code
  }

  #grow(length: number): void {
    const grown = new Uint8Array(Math.max(length, 2 * this.#codes.length))
    grown.set(this.#codes)
    this.#codes = grown
  }
}
