import { type CopyKind, copyKinds } from '../../common/protocol/shapes.ts'
import type { PeerKeys } from './peer-keys.ts'
import type { Holder } from './store.ts'

/** Holders kept in memory in lists: 100 peers in all pairs make 20,000. About 10 MB. */
const cachedHoldersMax = 100_000

/** The first letters of the kinds of copies, by position in {@link copyKinds}. */
const letters = copyKinds.map((kind) => kind.charAt(0))

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
  let packed = ''
  for (const code of codes) {
    const count = counts.get(code) ?? 0
    const text = `${keyOf(code)}${letters[kindIn(code)]}`
    packed += `${packed === '' ? '' : ','}${text}${count === 1 ? '' : count}`
  }
  return packed
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

function partsOf(packed: string): { key: number; kind: number; count: number }[] {
  if (packed === '') return []
  return packed.split(',').map((text) => {
    const [, key = '', letter = '', count = ''] = /^(\d+)([a-z])(\d*)$/.exec(text) ?? []
    const kind = letters.indexOf(letter)
    if (kind === -1) throw new RangeError(`'${text}' is no packed holder`)
    return { key: Number(key), kind, count: count === '' ? 1 : Number(count) }
  })
}
