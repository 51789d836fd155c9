/**
 * Makes text from other machines safe for a terminal: names and reasons from the network must not move
 * the cursor, change colours, or reverse the direction of text.
 */

/** Control characters, line separators, and characters that change the direction of text. */
const unsafe = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

function escaped(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
}

/** `text` with unsafe characters escaped as `\u{…}`. */
export function printable(text: string): string {
  return text.replaceAll(unsafe, escaped)
}

export function isPrintable(text: string): boolean {
  return text.search(unsafe) === -1
}

/** JSON that is also safe on a terminal: unsafe characters are JSON escapes. */
export function printableJson(value: unknown, indent = 0): string {
  return JSON.stringify(value, undefined, indent).replaceAll(unsafe, (character) =>
    // Line breaks are indentation; those inside strings are already escaped.
    character === '\n' ? '\n' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
