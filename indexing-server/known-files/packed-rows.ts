import type { NameHash } from './name-hash.ts'
import { hashMore } from './name-hash.ts'

/**
 * Rows are evicted a chunk at a time, which takes a millisecond. A reference to a row is the number of
 * its chunk, and its place there in so many bits.
 */
const chunkBits = 18
const chunkBytes = 2 ** chunkBits
const placeMask = chunkBytes - 1
/** A row begins with this; its holders and the last segment of its name follow. */
const head = {
  /** 4 bytes, 0 once the row was removed. */
  contentId: 0,
  /** Bytes of the last segment of the name. */
  baseBytes: 4,
  /** The number of holders; and whether the chunk root follows the hash. */
  holders: 5,
  /** Where its folder is in the chunk, in steps of 4 bytes; 0 if it has none. */
  folder: 6,
  /** 6 bytes each. */
  size: 8,
  modifiedMs: 14,
  sha256: 20,
} as const
const hashBytes = 32
const headBytes = head.sha256 + hashBytes
const holderBytes = 3
const hasRoot = 0x80
const numberBytes = 6
/** What the fields of a row can hold. */
export const rowLimits = {
  contentId: 2 ** 32 - 1,
  number: 2 ** (8 * numberBytes) - 1,
  holders: 15,
  holder: 2 ** (8 * holderBytes) - 1,
  nameBytes: 2_048,
  baseBytes: 255,
} as const
/** The longest row with its folder. */
const rowBytesMax = 4_096
const folderStep = 4

/** A file as a row has it. Within {@link rowLimits}. */
export interface RowValues {
  readonly contentId: number
  /** In hexadecimal digits, as is `chunkRoot`. */
  readonly sha256: string
  readonly chunkRoot: string
  readonly size: number
  readonly modifiedMs: number
  /** Numbers that stand for peers and kinds. */
  readonly holders: readonly number[]
}

interface Chunk {
  readonly bytes: Buffer
  /** Rows are from its beginning to here, folders from `foldersAt` to its end. */
  rowsEnd: number
  foldersAt: number
}

/** Where the parts of a row are, in `bytes`. */
export interface RowParts {
  bytes: Buffer
  sha256At: number
  /** The same as `sha256At` if the chunk root is the hash. */
  chunkRootAt: number
  size: number
  modifiedMs: number
  holdersAt: number
  holders: number
}

/**
 * Files packed into chunks of bytes outside the heap: 75 bytes for a file with two holders, besides its
 * folder, which those of a chunk share. Rows are added behind each other; the oldest chunk is reused as a
 * whole.
 */
export class PackedRows {
  readonly #chunks: Chunk[] = []
  #current = -1
  /** Where the folders of the current chunk are in it; of other chunks, only rows ask. */
  readonly #folders = new Map<string, number>()
  /** Of all rows, and of those that were not removed. */
  #rowBytes = 0
  #liveBytes = 0
  readonly #parts: RowParts = {
    bytes: Buffer.alloc(0),
    sha256At: 0,
    chunkRootAt: 0,
    size: 0,
    modifiedMs: 0,
    holdersAt: 0,
    holders: 0,
  }

  /** Memory of all chunks. */
  get bytes(): number {
    return this.#chunks.length * chunkBytes
  }

  /** The share of the rows' bytes that is of rows that were not removed. */
  get liveShare(): number {
    return this.#rowBytes === 0 ? 1 : this.#liveBytes / this.#rowBytes
  }

  /** Whether {@link add} needs a chunk first: {@link grow} or {@link reuse}. */
  get isFull(): boolean {
    const chunk = this.#chunks[this.#current]
    return chunk === undefined || chunk.foldersAt - chunk.rowsEnd < rowBytesMax
  }

  /** Bytes by which {@link grow} grows. */
  static readonly growBytes = chunkBytes

  grow(): void {
    this.#current = this.#chunks.length
    this.#chunks.push({
      bytes: Buffer.allocUnsafeSlow(chunkBytes),
      rowsEnd: folderStep,
      foldersAt: chunkBytes,
    })
    this.#folders.clear()
  }

  /** Removes the rows of the oldest chunk, each after `onRemove`, and continues there. */
  reuse(onRemove: (row: number) => void): void {
    const number = (this.#current + 1) % this.#chunks.length
    const chunk = this.#chunks[number] as Chunk
    for (let at = folderStep; at < chunk.rowsEnd; at += rowBytesAt(chunk.bytes, at)) {
      const row = number * chunkBytes + at
      if (this.contentId(row) !== 0) onRemove(row)
    }
    this.#rowBytes -= chunk.rowsEnd - folderStep
    chunk.rowsEnd = folderStep
    chunk.foldersAt = chunkBytes
    this.#folders.clear()
    this.#current = number
  }

  /** @returns a reference to the row, positive */
  add(name: string, values: RowValues): number {
    const chunk = this.#chunks[this.#current] as Chunk
    const { bytes } = chunk
    const baseFrom = name.lastIndexOf('/') + 1
    const folder = this.#folderIn(chunk, name.slice(0, baseFrom))
    const at = chunk.rowsEnd
    const { contentId, sha256, chunkRoot, holders } = values
    bytes.writeUInt32LE(contentId, at + head.contentId)
    bytes.writeUInt16LE(folder / folderStep, at + head.folder)
    bytes.writeUIntLE(values.size, at + head.size, numberBytes)
    bytes.writeUIntLE(values.modifiedMs, at + head.modifiedMs, numberBytes)
    bytes.write(sha256, at + head.sha256, hashBytes, 'hex')
    bytes[at + head.holders] = holders.length
    let end = at + headBytes
    if (chunkRoot !== sha256) {
      bytes[at + head.holders] = holders.length | hasRoot
      end += bytes.write(chunkRoot, end, hashBytes, 'hex')
    }
    for (const holder of holders) end = bytes.writeUIntLE(holder, end, holderBytes)
    const baseBytes = bytes.write(name.slice(baseFrom), end)
    bytes[at + head.baseBytes] = baseBytes
    chunk.rowsEnd = end + baseBytes
    this.#rowBytes += chunk.rowsEnd - at
    this.#liveBytes += chunk.rowsEnd - at
    return this.#current * chunkBytes + at
  }

  /** Marks a row as removed. */
  remove(row: number): void {
    const { bytes } = this.#chunkOf(row)
    bytes.writeUInt32LE(0, (row & placeMask) + head.contentId)
    this.#liveBytes -= rowBytesAt(bytes, row & placeMask)
  }

  contentId(row: number): number {
    return uint32At(this.#chunkOf(row).bytes, (row & placeMask) + head.contentId)
  }

  /** Continues a hash with the bytes of the row's name. */
  hashName(row: number, hash: NameHash): NameHash {
    const { bytes } = this.#chunkOf(row)
    const at = row & placeMask
    const folder = folderStep * uint16At(bytes, at + head.folder)
    let hashed = hash
    if (folder !== 0) {
      const start = folder + 2
      hashed = hashMore(hashed, bytes, start, start + uint16At(bytes, folder))
    }
    const end = at + rowBytesAt(bytes, at)
    return hashMore(hashed, bytes, end - (bytes[at + head.baseBytes] as number), end)
  }

  /** Whether the row's name is `other` from `start` to `end`. */
  hasName(row: number, other: Uint8Array, start: number, end: number): boolean {
    const { bytes } = this.#chunkOf(row)
    const at = row & placeMask
    const base = bytes[at + head.baseBytes] as number
    const folder = folderStep * uint16At(bytes, at + head.folder)
    const folderBytes = folder === 0 ? 0 : uint16At(bytes, folder)
    if (folderBytes + base !== end - start) return false
    const baseAt = at + rowBytesAt(bytes, at) - base
    // The end of a name differs more often than its folder.
    return (
      equals(bytes, baseAt, other, end - base, base) &&
      equals(bytes, folder + 2, other, start, folderBytes)
    )
  }

  /** What else the row has; valid until the next call. */
  parts(row: number): RowParts {
    const parts = this.#parts
    const { bytes } = this.#chunkOf(row)
    const at = row & placeMask
    const flags = bytes[at + head.holders] as number
    parts.bytes = bytes
    parts.size = numberAt(bytes, at + head.size)
    parts.modifiedMs = numberAt(bytes, at + head.modifiedMs)
    parts.sha256At = at + head.sha256
    parts.holders = flags & ~hasRoot
    const rootBytes = (flags & hasRoot) === 0 ? 0 : hashBytes
    parts.chunkRootAt = parts.sha256At + rootBytes
    parts.holdersAt = at + headBytes + rootBytes
    return parts
  }

  /** Where a folder, with its last slash, is in the current chunk; added if it is not there. 0 for no folder. */
  #folderIn(chunk: Chunk, folder: string): number {
    if (folder === '') return 0
    const known = this.#folders.get(folder)
    if (known !== undefined) return known
    const folderBytes = Buffer.byteLength(folder)
    const at = Math.floor((chunk.foldersAt - 2 - folderBytes) / folderStep) * folderStep
    chunk.bytes.writeUInt16LE(folderBytes, at)
    chunk.bytes.write(folder, at + 2)
    chunk.foldersAt = at
    this.#folders.set(folder, at)
    return at
  }

  #chunkOf(row: number): Chunk {
    return this.#chunks[row >>> chunkBits] as Chunk
  }
}

/** The holder at a position in the parts of a row. */
export function holderIn({ bytes, holdersAt }: RowParts, position: number): number {
  const at = holdersAt + holderBytes * position
  return (
    (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16)
  )
}

/** The hash of a row, in hexadecimal digits. */
export function sha256In({ bytes, sha256At }: RowParts): string {
  return bytes.toString('hex', sha256At, sha256At + hashBytes)
}

function rowBytesAt(bytes: Buffer, at: number): number {
  const flags = bytes[at + head.holders] as number
  const rootBytes = (flags & hasRoot) === 0 ? 0 : hashBytes
  const baseBytes = bytes[at + head.baseBytes] as number
  return headBytes + rootBytes + holderBytes * (flags & ~hasRoot) + baseBytes
}

// Faster than the methods of buffers, which check their arguments.
function uint16At(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
}

function uint32At(bytes: Uint8Array, at: number): number {
  return (uint16At(bytes, at) | (uint16At(bytes, at + 2) << 16)) >>> 0
}

function numberAt(bytes: Uint8Array, at: number): number {
  return uint32At(bytes, at) + 2 ** 32 * uint16At(bytes, at + 4)
}

function equals(
  bytes: Uint8Array,
  at: number,
  other: Uint8Array,
  start: number,
  count: number,
): boolean {
  for (let index = count - 1; index >= 0; index -= 1)
    if (bytes[at + index] !== other[start + index]) return false
  return true
}
