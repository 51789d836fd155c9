import type { Terminal } from './terminal.ts'

/** Marks a word of a report; without effect if the reader sees no styles. */
export type Style = (format: 'bold' | 'dim' | 'green' | 'yellow' | 'red', text: string) => string

export function styleOf(terminal: Terminal): Style {
  return (format, text) => terminal.style(format, text)
}
