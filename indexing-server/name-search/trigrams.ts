/** Trigrams of one query from which the rarest are chosen. */
const trigramsMax = 48
/** Trigrams that are searched for: more narrow the result no further. */
const searchedMax = 6
/** So many entries of a trigram's list are read in the time that one name takes that does not match: 5 us. */
const entriesPerName = 500

/**
 * A text for comparison without case: lower case, with one form of the Greek letter whose lower case
 * depends on what follows it, so that a part of a name stays a part of it.
 */
export function folded(text: string): string {
  return text.toLowerCase().replaceAll('ς', 'σ')
}

/** Trigrams that each name with these folded fragments contains. None if all fragments are too short. */
export function trigramsOf(fragments: readonly string[]): string[] {
  const found = new Set<string>()
  // The longest first: it says the most.
  for (const fragment of fragments.toSorted((a, b) => b.length - a.length)) {
    for (const trigram of trigramsIn(fragment)) found.add(trigram)
  }
  return [...found].slice(0, trigramsMax)
}

/** In which share of many names trigrams are, from a sample. */
export class TrigramShares {
  readonly #counts = new Map<string, number>()
  readonly #names: number

  /** @param sample folded names */
  constructor(sample: readonly string[]) {
    this.#names = sample.length
    for (const name of sample)
      for (const trigram of trigramsIn(name))
        this.#counts.set(trigram, (this.#counts.get(trigram) ?? 0) + 1)
  }

  /**
   * Of trigrams that a name must all have, those to search for among `names` names: the rarest, and others
   * whose lists take less time to read than the names that they exclude.
   */
  worthSearching(trigrams: readonly string[], names: number): string[] {
    const found: string[] = []
    let expected = names
    for (const trigram of this.rarestOf(trigrams)) {
      const share = this.#shareOf(trigram)
      const isWorth = share * names < (1 - share) * expected * entriesPerName
      if (found.length > 0 && !isWorth) break
      found.push(trigram)
      expected *= share
    }
    return found
  }

  /** The rarest ones, as many as are searched for at most. */
  rarestOf(trigrams: readonly string[]): string[] {
    const shares = trigrams.map((trigram) => ({ trigram, share: this.#shareOf(trigram) }))
    shares.sort((a, b) => a.share - b.share)
    return shares.slice(0, searchedMax).map(({ trigram }) => trigram)
  }

  /** One that is not in the sample may still be in some names. */
  #shareOf(trigram: string): number {
    return (this.#counts.get(trigram) ?? 0.5) / Math.max(1, this.#names)
  }
}

function trigramsIn(name: string): Set<string> {
  const characters = Array.from(name)
  const found = new Set<string>()
  for (let at = 0; at + 3 <= characters.length; at += 1)
    found.add(characters.slice(at, at + 3).join(''))
  return found
}
