import type { Random } from '../../common/random.ts'
import { bestHolders } from '../rank.ts'
import type { NamedContent, Touched } from '../store/store.ts'
import { hashMore, spread } from './name-hash.ts'
import { PackedRows, type RowParts, rowLimits } from './packed-rows.ts'
import { RowSlots } from './row-slots.ts'
import type { SourceTexts } from './source-texts.ts'

/** If fewer of the rows were not removed, by their bytes, the oldest are reused instead of more. */
const liveShareMin = 0.5
/** If more were not, there is no room without more memory. */
const fullShare = 0.9
const freeBytesMax = 2 * PackedRows.growBytes

interface Options {
  /** Memory of all rows. */
  readonly bytesMax: number
}

/**
 * What the index answers to lookups of names that have one content, packed, for most names of a large
 * index. The store is the truth: a row is what it said, and is dropped when a write touches its name or its
 * content. A content has at most one row.
 */
export class KnownFiles {
  readonly #bytesMax: number
  readonly #sources: Pick<SourceTexts, 'numberOf'>
  readonly #seed: number
  readonly #rows = new PackedRows()
  readonly #byName = new RowSlots((row) => this.#nameHashOf(row))
  readonly #byContent = new RowSlots((row) => spread(this.#rows.contentId(row)))
  #count = 0
  #version = 0
  #forgotten = 0
  /** What is searched for. */
  #name: Uint8Array = new Uint8Array(0)
  #nameStart = 0
  #nameEnd = 0
  #contentId = 0
  /** A name that is forgotten, or its beginning if it is longer than any that is kept. */
  readonly #scratch = Buffer.alloc(rowLimits.nameBytes + 4)
  readonly #isNamed = (row: number): boolean =>
    this.#rows.hasName(row, this.#name, this.#nameStart, this.#nameEnd)
  readonly #isOfContent = (row: number): boolean => this.#rows.contentId(row) === this.#contentId

  constructor(
    { bytesMax }: Options,
    { sources, random }: { sources: Pick<SourceTexts, 'numberOf'>; random: Random },
  ) {
    this.#bytesMax = bytesMax
    this.#sources = sources
    this.#seed = random.bytes(4).readInt32LE()
  }

  /** The number of files. */
  get count(): number {
    return this.#count
  }

  /** How many names writes have touched: their files are not known until they are put again. */
  get forgotten(): number {
    return this.#forgotten
  }

  /** Counts writes: what was read before one must not be put after it. */
  get version(): number {
    return this.#version
  }

  /** Memory that it uses. */
  get bytes(): number {
    return this.#rows.bytes + this.#byName.bytes + this.#byContent.bytes
  }

  /** Whether further files would displace others, rather than rows that were removed. */
  get isFull(): boolean {
    return this.#rows.isFull && !this.#mayGrow && this.#rows.liveShare >= fullShare
  }

  /**
   * Keeps the only content of a name, unless a write came in between, or a row cannot have it.
   * @param version when it was read
   * @returns whether it is known now
   */
  put(name: string, content: NamedContent, version: number): boolean {
    const holders = bestHolders(content.holders)
    if (version !== this.#version || !isRowOf(name, content)) return false
    const numbers = holders.map((holder) => this.#sources.numberOf(holder))
    if (numbers.length > rowLimits.holders || numbers.some((one) => one > rowLimits.holder))
      return false
    const { contentId } = content
    if (this.#findContent(contentId) !== 0) return false
    const bytes = Buffer.from(name)
    const known = this.find(bytes, 0, bytes.length)
    if (known !== 0) this.#drop(known)
    if (!this.#makeRoom()) return false
    const row = this.#rows.add(name, { ...content, holders: numbers })
    this.#byName.add(this.#hashOf(bytes, 0, bytes.length), row)
    this.#byContent.add(spread(contentId), row)
    this.#count += 1
    return true
  }

  /** The file whose name is `bytes` from `start` to `end`; 0 if it is not known. */
  find(bytes: Uint8Array, start: number, end: number): number {
    this.#name = bytes
    this.#nameStart = start
    this.#nameEnd = end
    return this.#byName.find(this.#hashOf(bytes, start, end), this.#isNamed)
  }

  /** What is known of a file; valid until the next call. */
  parts(file: number): RowParts {
    return this.#rows.parts(file)
  }

  /** A write touched these. */
  forget({ names, contentIds }: Pick<Touched, 'names' | 'contentIds'>): void {
    this.#version += 1
    this.#forgotten += names.length
    for (const contentId of contentIds) this.#dropFound(this.#findContent(contentId))
    for (const name of names) {
      const length = this.#scratch.write(name)
      // A longer name has no row.
      if (length <= rowLimits.nameBytes) this.#dropFound(this.find(this.#scratch, 0, length))
    }
  }

  get #mayGrow(): boolean {
    const { bytes, liveShare } = this.#rows
    const isUsed = bytes <= freeBytesMax || liveShare >= liveShareMin
    return isUsed && this.bytes + PackedRows.growBytes <= this.#bytesMax
  }

  /** @returns false if it may use no memory */
  #makeRoom(): boolean {
    if (!this.#rows.isFull) return true
    if (this.#mayGrow) this.#rows.grow()
    else if (this.#rows.bytes === 0) return false
    else this.#rows.reuse((row) => this.#drop(row))
    return true
  }

  #findContent(contentId: number): number {
    this.#contentId = contentId
    return this.#byContent.find(spread(contentId), this.#isOfContent)
  }

  #dropFound(row: number): void {
    if (row !== 0) this.#drop(row)
  }

  #drop(row: number): void {
    this.#byName.remove(this.#nameHashOf(row), row)
    this.#byContent.remove(spread(this.#rows.contentId(row)), row)
    this.#rows.remove(row)
    this.#count -= 1
  }

  #hashOf(bytes: Uint8Array, start: number, end: number): number {
    return spread(hashMore(this.#seed, bytes, start, end))
  }

  #nameHashOf(row: number): number {
    return spread(this.#rows.hashName(row, this.#seed))
  }
}

/**
 * Whether a row can have the file. Its name must be the same in JSON, so that requests for it have the same
 * bytes; and what is in doubt is no fact of the store.
 */
function isRowOf(name: string, content: NamedContent): boolean {
  const { contentId, size, modifiedMs, holders } = content
  return (
    contentId <= rowLimits.contentId &&
    size <= rowLimits.number &&
    modifiedMs >= 0 &&
    modifiedMs <= rowLimits.number &&
    Number.isInteger(modifiedMs) &&
    Buffer.byteLength(name) <= rowLimits.nameBytes &&
    Buffer.byteLength(name.slice(name.lastIndexOf('/') + 1)) <= rowLimits.baseBytes &&
    JSON.stringify(name) === `"${name}"` &&
    !holders.some(({ isDoubted }) => isDoubted === true)
  )
}
