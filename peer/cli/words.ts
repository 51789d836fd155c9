/**
 * A line of the prompt as words. Spaces separate, but not inside quotes: a part in " may stand anywhere
 * in a word, as in --name="my file", one in ' at its beginning or after = or another quoted part. Any
 * other ' is itself, so that names like it's.txt can be typed as they are, and there is no escape
 * character, so that Windows paths can.
 */

export interface Word {
  /** What it means. */
  readonly text: string
  /** Where it begins in the line. */
  readonly start: number
  /** The quote that was opened and not closed, if so; only the last word may have one. */
  readonly openQuote?: string
}

const space = /\s/

/** The words of `line`, in order. */
export function splitWords(line: string): Word[] {
  const words: Word[] = []
  for (let at = 0; at < line.length; ) {
    if (space.test(line.charAt(at))) at += 1
    else {
      const { word, end } = readWord(line, at)
      words.push(word)
      at = end
    }
  }
  return words
}

function readWord(line: string, start: number): { word: Word; end: number } {
  let text = ''
  let at = start
  let mayOpen = true
  while (at < line.length && !space.test(line.charAt(at))) {
    const character = line.charAt(at)
    if (character === '"' || (character === "'" && mayOpen)) {
      const close = line.indexOf(character, at + 1)
      if (close === -1) {
        const word = { text: text + line.slice(at + 1), start, openQuote: character }
        return { word, end: line.length }
      }
      text += line.slice(at + 1, close)
      at = close + 1
      mayOpen = true
    } else {
      text += character
      at += 1
      mayOpen = character === '='
    }
  }
  return { word: { text, start }, end: at }
}

/** Whether a word must be quoted to be read back as it is. */
export function needsQuotes(text: string): boolean {
  return text === '' || space.test(text) || text.includes('"') || /(^|=)'/.test(text)
}

/** `text` as one quoted word that {@link splitWords} reads back; `preferred` is used if it can be. */
export function quoteWord(text: string, preferred: "'" | '"' = "'"): string {
  const other = preferred === "'" ? '"' : "'"
  if (!text.includes(preferred)) return preferred + text + preferred
  if (!text.includes(other)) return other + text + other
  return text
    .split(preferred)
    .map((part) => preferred + part + preferred)
    .join(other + preferred + other)
}
