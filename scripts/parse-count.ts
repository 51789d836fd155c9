import { InvalidArgumentError } from 'commander'

/** A whole number from 0 to 9,999 given on a command line: as many files or clients as names can count. */
export function parseCount(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number from 0 to 9999.')
}
