import { type CopyKind, copyKinds } from '../../common/protocol/shapes.ts'
import type { PeerKeys } from './peer-keys.ts'
import type { Holder } from './store.ts'

/** Holders kept in memory in lists: 100 peers in all pairs make 20,000. About 10 MB. */
const cachedHoldersMax = 100_000

/** The first letters of the kinds of copies, by position in {@link copyKinds}. */
const letters = copyKinds.map((kind) => kind.charAt(0))

/** The code of the character after '9'. */
const afterDigits = 58

/** The number of copies by holder: {@link holderCode} of the peer and the kind. */
export type HolderCounts = Map<number, number>

/** @param kind position in {@link copyKinds} */
export function holderCode(peerKey: number, kind: number): number {
  return peerKey * copyKinds.length + kind
}

/**
 * Packs holders into text, sorted by peer id and kind: `3s,7r2` for a shared copy of peer 3 and two
 * replicated ones of peer 7. It is text because SQLite returns text faster than bytes.
 */
export function packHolders(counts: HolderCounts, keys: Pick<PeerKeys, 'idOf'>): string {
  const codes = [...counts.keys()]
  if (codes.length > 1) codes.sort((a, b) => compareCodes(a, b, keys))
  return codes.map((code) => packPart(code, counts.get(code) ?? 0)).join()
}

/**
 * Packed holders and one more copy, without unpacking them; undefined unless they are at most one holder,
 * another one. Most contents have two.
 */
export function packOneMore(
  packed: string,
  code: number,
  keys: Pick<PeerKeys, 'idOf'>,
): string | undefined {
  const part = packPart(code, 1)
  if (packed === '') return part
  if (packed.includes(',')) return undefined
  const [other] = partsOf(packed)
  if (other === undefined) return undefined
  const difference = compareCodes(code, holderCode(other.key, other.kind), keys)
  if (difference === 0) return undefined
  return difference < 0 ? `${part},${packed}` : `${packed},${part}`
}

function packPart(code: number, count: number): string {
  const letter = letters[kindIn(code)] ?? ''
  return count === 1 ? `${keyOf(code)}${letter}` : `${keyOf(code)}${letter}${count}`
}

function compareCodes(a: number, b: number, keys: Pick<PeerKeys, 'idOf'>): number {
  const [keyOfA, keyOfB] = [keyOf(a), keyOf(b)]
  if (keyOfA === keyOfB) return a - b
  return keys.idOf(keyOfA) < keys.idOf(keyOfB) ? -1 : 1
}

function keyOf(code: number): number {
  return Math.floor(code / copyKinds.length)
}

function kindIn(code: number): number {
  return code % copyKinds.length
}

/** The reverse of {@link packHolders}. */
export function unpackCounts(packed: string): HolderCounts {
  const counts: HolderCounts = new Map()
  for (const { key, kind, count } of partsOf(packed)) counts.set(holderCode(key, kind), count)
  return counts
}

/** Reads packed holders. Many contents have the same ones: each list is built once. */
export class HolderLists {
  readonly #keys: Pick<PeerKeys, 'idOf'>
  readonly #lists = new Map<string, readonly Holder[]>()
  #cachedHolders = 0

  constructor(keys: Pick<PeerKeys, 'idOf'>) {
    this.#keys = keys
  }

  /** The holders, which the caller must not change. */
  of(packed: string): readonly Holder[] {
    const known = this.#lists.get(packed)
    if (known !== undefined) return known
    const holders = partsOf(packed).map(({ key, kind }) => ({
      peerId: this.#keys.idOf(key),
      kind: kindOf(kind),
    }))
    if (this.#cachedHolders > cachedHoldersMax) this.#forget()
    this.#cachedHolders += holders.length + 1
    this.#lists.set(packed, holders)
    return holders
  }

  #forget(): void {
    this.#lists.clear()
    this.#cachedHolders = 0
  }
}

/** The kind at a position in {@link copyKinds}. */
export function kindOf(position: number): CopyKind {
  const kind = copyKinds[position]
  if (kind === undefined) throw new RangeError(`no kind of copy at ${position}`)
  return kind
}

interface Part {
  readonly key: number
  readonly kind: number
  readonly count: number
}

function partsOf(packed: string): Part[] {
  const parts: Part[] = []
  // Without expressions and lists of texts, which would take most of the time of announcing a replica.
  for (let start = 0; start < packed.length; ) {
    const comma = packed.indexOf(',', start)
    const end = comma === -1 ? packed.length : comma
    parts.push(partOf(packed, start, end))
    start = end + 1
  }
  return parts
}

function partOf(packed: string, start: number, end: number): Part {
  let at = start
  while (at < end && packed.charCodeAt(at) < afterDigits) at += 1
  const kind = letters.indexOf(packed.charAt(at))
  const key = Number(packed.slice(start, at))
  const count = at + 1 === end ? 1 : Number(packed.slice(at + 1, end))
  if (at === start || kind === -1 || !Number.isInteger(key + count))
    throw new RangeError(`'${packed.slice(start, end)}' is no packed holder`)
  return { key, kind, count }
}
