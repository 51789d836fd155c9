/** The hash of nothing; {@link hashMore} continues it. FNV-1a, of 32 bits, from a secret beginning. */
export type NameHash = number

/** Continues a hash with bytes. */
export function hashMore(hash: NameHash, bytes: Uint8Array, start: number, end: number): NameHash {
  let mixed = hash
  for (let at = start; at < end; at += 1)
    mixed = Math.imul(mixed ^ (bytes[at] as number), 0x0100_0193)
  return mixed
}

/** Spreads a hash, or a small number, over all bits. @returns from 0 to 2^32 - 1 */
export function spread(hash: number): number {
  let mixed = hash ^ (hash >>> 16)
  mixed = Math.imul(mixed, 0x85eb_ca6b)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0xc2b2_ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
