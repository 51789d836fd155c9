/** Trigrams of one query from which the rarest are chosen. */
const trigramsMax = 48
/** Trigrams that are searched for: more narrow the result no further. */
const searchedMax = 6
/** Those in a smaller share of the names have short lists, which are read in no time. */
const rareShare = 0.01

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
   * Of trigrams that a name must all have, those to search for among `names` names: the rare ones, and
   * others while so many names may have all of them. The list of a frequent one takes longest to read.
   */
  worthSearching(trigrams: readonly string[], names: number): string[] {
    const found: string[] = []
    let expected = names
    for (const trigram of this.rarestOf(trigrams)) {
      const share = this.#shareOf(trigram)
      if (share > rareShare && expected < 1) break
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
