/**
 * The query of a search that finds only this name: a glob in which all characters stand for
 * themselves. Unlike a lookup, a search that finds nothing is no failure, which a browser would report.
 */
export function exactQuery(name: string): string {
  const characters = Array.from(name)
  // One set of characters makes it a glob; as late as possible, since the search begins with what is before.
  const last = characters.findLastIndex((character) => !/[\]/]/.test(character))
  return characters
    .map((character, index) =>
      index === last || /[*?[]/.test(character) ? `[${character}]` : character,
    )
    .join('')
}
