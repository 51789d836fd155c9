import { createCipheriv, createHash, randomBytes } from 'node:crypto'

/** Randomness is injected through constructors: only this file creates it. */
export interface Random {
  /** `count` bytes. */
  bytes(count: number): Buffer
  /** A number in [0, 1). */
  fraction(): number
}

function fractionOf(bytes: Buffer): number {
  return bytes.readUIntBE(0, 6) / 2 ** 48
}

/** Unpredictable; for ids and jitter. */
export const systemRandom: Random = {
  bytes: (count) => randomBytes(count),
  fraction: () => fractionOf(randomBytes(6)),
}

/** Bytes of a sequence that are made together. */
const aheadBytes = 4_096

/**
 * The same sequence for the same seed on every machine: AES-128 in counter mode, keyed by the
 * seed's hash.
 */
export function seededRandom(seed: string): Random {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16)
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16))
  /** The next bytes of the sequence: a call of the cipher for each number would be slow. */
  let ahead = Buffer.alloc(0)
  const bytes = (count: number): Buffer => {
    if (ahead.length < count)
      ahead = Buffer.concat([ahead, cipher.update(Buffer.alloc(Math.max(count, aheadBytes)))])
    const taken = Buffer.from(ahead.subarray(0, count))
    ahead = ahead.subarray(count)
    return taken
  }
  return { bytes, fraction: () => fractionOf(bytes(6)) }
}

/** A uniformly random permutation of the items. */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, place: random.fraction() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ item }) => item)
}

/** A random identifier of `bytes` bytes in lower-case hex. */
export function randomId(random: Random, bytes = 8): string {
  return random.bytes(bytes).toString('hex')
}
