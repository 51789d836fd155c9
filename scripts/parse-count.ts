import { InvalidArgumentError } from 'commander'

/** A whole number from 0 to 99,999 given on a command line: more files than anybody waits for. */
export function parseCount(text: string): number {
  if (/^\d{1,5}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number from 0 to 99999.')
}

/** The same, without 0. */
export function parsePositiveCount(text: string): number {
  const count = parseCount(text)
  if (count > 0) return count
  throw new InvalidArgumentError('It must be at least 1.')
}

/** For an option that takes several: Commander calls it for each word; the first one replaces the default. */
export function countList(): (text: string) => number[] {
  const given: number[] = []
  return (text) => {
    given.push(parsePositiveCount(text))
    return given
  }
}
