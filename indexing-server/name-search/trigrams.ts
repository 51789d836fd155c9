/** Trigrams in one query: more narrow the result no further, and each costs a read of its list. */
const trigramsMax = 6

/**
 * A text for comparison without case: lower case, with one form of the Greek letter whose lower case
 * depends on what follows it, so that a part of a name stays a part of it.
 */
export function folded(text: string): string {
  return text.toLowerCase().replaceAll('ς', 'σ')
}

/**
 * Trigrams that each name with these folded fragments contains: those that do not overlap, and the last
 * one of each fragment. None if all fragments are too short.
 */
export function trigramsOf(fragments: readonly string[]): string[] {
  const found = new Set<string>()
  // The longest first: it says the most.
  for (const fragment of fragments.toSorted((a, b) => b.length - a.length)) {
    const characters = Array.from(fragment)
    for (let at = 0; at + 3 <= characters.length; at += 3)
      found.add(characters.slice(at, at + 3).join(''))
    if (characters.length >= 3) found.add(characters.slice(-3).join(''))
  }
  return [...found].slice(0, trigramsMax)
}
