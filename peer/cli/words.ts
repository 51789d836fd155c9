/**
 * A line of the prompt as words. Spaces separate; a word that begins with ' or " goes on to the same
 * quote, and may be continued by a further quoted part or plain text. There is no escape character,
 * so that Windows paths and names like it's.txt can be typed as they are.
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
  while (line[at] === "'" || line[at] === '"') {
    const openQuote = line.charAt(at)
    const close = line.indexOf(openQuote, at + 1)
    if (close === -1)
      return { word: { text: text + line.slice(at + 1), start, openQuote }, end: line.length }
    text += line.slice(at + 1, close)
    at = close + 1
  }
  const plainStart = at
  while (at < line.length && !space.test(line.charAt(at))) at += 1
  return { word: { text: text + line.slice(plainStart, at), start }, end: at }
}

/** Whether a word must be quoted to be read back as it is. */
export function needsQuotes(text: string): boolean {
  return text === '' || space.test(text) || text.startsWith("'") || text.startsWith('"')
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
