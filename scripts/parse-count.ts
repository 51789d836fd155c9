import { InvalidArgumentError } from 'commander'

/** A whole number from 0 to 9,999 given on a command line: as many files as four digits can number. */
export function parseCount(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number from 0 to 9999.')
}

/** The same, without 0. */
export function parsePositiveCount(text: string): number {
  const count = parseCount(text)
  if (count > 0) return count
  throw new InvalidArgumentError('It must be at least 1.')
}
