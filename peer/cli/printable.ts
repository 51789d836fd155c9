/**
 * Text that other machines wrote, made safe for a terminal: names and reasons from the network must
 * not move the cursor, change colours, or show a name in another order than it has.
 */

/** Control characters, line separators, and what turns the direction of writing. */
const unsafe = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

function escaped(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
}

/** `text` with every unsafe character shown as `\u{…}`. */
export function printable(text: string): string {
  return text.replaceAll(unsafe, escaped)
}

export function isPrintable(text: string): boolean {
  return text.search(unsafe) === -1
}

/** JSON for programs that a terminal can show, too: unsafe characters are JSON escapes. */
export function printableJson(value: unknown, indent = 0): string {
  return JSON.stringify(value, undefined, indent).replaceAll(unsafe, (character) =>
    // A line break that indents is JSON's own; those inside strings are escaped already.
    character === '\n' ? '\n' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
