/**
 * Splits a line of the prompt into words at spaces outside of quotes. A part in " may be anywhere in a
 * word, as in --name="my file"; one in ' only at the start, after =, or after another quoted part. Any
 * other ' is literal, so that it's.txt needs no quotes; there is no escape character, so that Windows
 * paths need none.
 */

export interface Word {
  /** Without quotes. */
  readonly text: string
  /** Offset in the line. */
  readonly start: number
  /** The unclosed quote, if any; only in the last word. */
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

/** Whether a word needs quotes to be read back unchanged. */
export function needsQuotes(text: string): boolean {
  return text === '' || space.test(text) || text.includes('"') || /(^|=)'/.test(text)
}

/** `text` as a quoted word that {@link splitWords} reads back; with `preferred` quotes if possible. */
export function quoteWord(text: string, preferred: "'" | '"' = "'"): string {
  const other = preferred === "'" ? '"' : "'"
  if (!text.includes(preferred)) return preferred + text + preferred
  if (!text.includes(other)) return other + text + other
  return text
    .split(preferred)
    .map((part) => preferred + part + preferred)
    .join(other + preferred + other)
}
