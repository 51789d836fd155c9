/**
 * Characters of names that a reader does not see, or that reverse what follows them, so that
 * `report<U+202E>fdp.exe` would read as `reportexe.pdf`.
 */
const unseen = /[\p{Cc}\p{Cs}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu

/** `text` with such characters escaped as `\u{…}`, as on the command line. Joiners of emoji are kept. */
export function shownText(text: string): string {
  return text.replaceAll(unseen, (character) =>
    character === '\u200d' ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  )
}
