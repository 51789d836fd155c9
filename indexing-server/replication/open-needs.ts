/** Contents without any copy, with the last one, with copies on draining peers, and with others. */
export const lackings = ['lost', 'last-copy', 'draining', 'copies'] as const
export type Lacking = (typeof lackings)[number]

/** How long a content lacked copies, and whether it had them before. */
export interface Healed {
  readonly lackedMs: number
  readonly cause: 'new' | 'lost'
}

/** One number per content: missing bytes, what it lacks, and whether it had its copies before. */
const codesPerContent = 2 * lackings.length

/**
 * The contents that lack copies: how many, how many bytes, since when. Takes 8 bytes per content,
 * and about 40 for each that lacks copies.
 */
export class OpenNeeds {
  /** 0 for a content that lacks nothing. */
  #packed = new Float64Array(1_024)
  /** Oldest first. */
  readonly #sinceMs = new Map<number, number>()
  readonly #counts = new Map<Lacking, number>(lackings.map((lacking) => [lacking, 0]))
  #missingBytes = 0

  get count(): number {
    return this.#sinceMs.size
  }

  /** Bytes of all missing copies. */
  get missingBytes(): number {
    return this.#missingBytes
  }

  /** Since when the first of them has lacked copies. */
  get oldestSinceMs(): number | undefined {
    return this.#sinceMs.values().next().value
  }

  countOf(lacking: Lacking): number {
    return this.#counts.get(lacking) ?? 0
  }

  /** @param had whether it had its copies before; kept from the first call for a content */
  open(
    contentId: number,
    { lacking, bytes, had }: { lacking: Lacking; bytes: number; had: boolean },
    nowMs: number,
  ): void {
    if (contentId >= this.#packed.length) this.#grow(contentId + 1)
    const before = this.#unpacked(contentId)
    this.#count(before, -1)
    const after = { lacking, bytes, cause: before?.cause ?? (had ? 'lost' : 'new') } as const
    this.#count(after, 1)
    const code = 2 * lackings.indexOf(lacking) + (after.cause === 'lost' ? 1 : 0)
    this.#packed[contentId] = 1 + code + codesPerContent * bytes
    if (before === undefined) this.#sinceMs.set(contentId, nowMs)
  }

  /** It lacks nothing any longer; undefined if it did not before. */
  close(contentId: number, nowMs: number): Healed | undefined {
    const before = this.#unpacked(contentId)
    const sinceMs = this.#sinceMs.get(contentId)
    if (before === undefined || sinceMs === undefined) return undefined
    this.#count(before, -1)
    this.#packed[contentId] = 0
    this.#sinceMs.delete(contentId)
    return { lackedMs: nowMs - sinceMs, cause: before.cause }
  }

  #unpacked(
    contentId: number,
  ): { lacking: Lacking; bytes: number; cause: Healed['cause'] } | undefined {
    const packed = (this.#packed[contentId] ?? 0) - 1
    if (packed < 0) return undefined
    const code = packed % codesPerContent
    const bytes = (packed - code) / codesPerContent
    const lacking = lackings[Math.floor(code / 2)] ?? 'copies'
    return { lacking, bytes, cause: code % 2 === 1 ? 'lost' : 'new' }
  }

  #count(need: { lacking: Lacking; bytes: number } | undefined, by: 1 | -1): void {
    if (need === undefined) return
    this.#counts.set(need.lacking, this.countOf(need.lacking) + by)
    this.#missingBytes += by * need.bytes
  }

  #grow(length: number): void {
    const grown = new Float64Array(Math.max(length, 2 * this.#packed.length))
    grown.set(this.#packed)
    this.#packed = grown
  }
}
