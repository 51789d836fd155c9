/** Marks a word of a report; the caller knows whether the reader sees styles. */
export type Style = (format: 'bold' | 'dim' | 'green' | 'yellow' | 'red', text: string) => string
