import { createHash } from 'node:crypto'
import type { Database } from '../../common/sqlite.ts'

/** A prime: sums of digits times factors below it remain exact. */
const modulus = 2 ** 31 - 1
const digitsPerHash = 64

/** A SHA-256 in hexadecimal digits as a number of 31 bits, by which an index finds it. */
export type HashNumber = (sha256: string) => number

/**
 * Numbers of which two hashes are equal with a probability of one in two billion. They depend on a
 * seed, because peers say which hashes their contents have: without it, one that makes up a million
 * with the same beginning would have each of them compared with all others.
 */
export function hashNumberFrom(seed: number): HashNumber {
  const factors = factorsFrom(seed)
  return (sha256) => {
    let sum = 0
    for (let at = 0; at < digitsPerHash; at++) {
      const code = sha256.charCodeAt(at)
      // '0' to '9', or 'a' to 'f'.
      sum += (code < 58 ? code - 48 : code - 87) * (factors[at] ?? 0)
    }
    return sum % modulus
  }
}

/** The numbers in a database. */
export function hashNumberOf(database: Database): HashNumber {
  return hashNumberFrom(database.prepare('select hash_seed from totals').pluck().get() as number)
}

function factorsFrom(seed: number): number[] {
  return Array.from({ length: digitsPerHash }, (_, at) => {
    const bytes = createHash('sha256').update(`${seed} ${at}`).digest()
    return bytes.readUInt32BE() % modulus
  })
}
