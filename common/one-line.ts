/**
 * Control characters, lone surrogates, line separators and direction marks: removed from foreign
 * text that is stored, logged or shown on one line.
 */
const unsafe = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+/gu

/** `text` as one line of at most `charactersMax` characters (UTF-16); a longer one loses its middle. */
export function oneLine(text: string, charactersMax: number): string {
  return cutMiddle(text, charactersMax).replaceAll(unsafe, ' ').trim()
}

/** Keeps the end of a long text, too: the end of a path names the file. */
function cutMiddle(text: string, charactersMax: number): string {
  if (text.length <= charactersMax) return text
  const headCount = Math.ceil((charactersMax - 1) / 2)
  return `${text.slice(0, headCount)}…${text.slice(text.length - (charactersMax - 1 - headCount))}`
}
