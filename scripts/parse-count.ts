import { InvalidArgumentError } from 'commander'

/** Parses a whole number from 0 to 9,999,999: larger runs take too long to be useful. */
export function parseCount(text: string): number {
  if (/^\d{1,7}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Must be a whole number from 0 to 9999999.')
}

/** The same, without 0. */
export function parsePositiveCount(text: string): number {
  const count = parseCount(text)
  if (count > 0) return count
  throw new InvalidArgumentError('Must be at least 1.')
}

/**
 * Parser for an option with several values: Commander calls it for each word; the first one
 * replaces the default.
 */
export function countList(): (text: string) => number[] {
  const given: number[] = []
  return (text) => {
    given.push(parsePositiveCount(text))
    return given
  }
}
