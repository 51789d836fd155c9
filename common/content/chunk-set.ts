import assert from 'node:assert/strict'

/** A set of a content's chunks: one bit each, chunk i being bit 7 - i % 8 of byte i / 8. */
export class ChunkSet {
  /** Number of chunks of the content, in the set or not. */
  readonly chunkCount: number
  readonly #bits: Uint8Array
  #size = 0

  constructor(chunkCount: number) {
    this.chunkCount = chunkCount
    this.#bits = new Uint8Array(Math.ceil(chunkCount / 8))
  }

  /** Parses {@link toBitmap}; undefined if the text is not a bitmap of `chunkCount` chunks. */
  static fromBitmap(chunkCount: number, bitmap: string): ChunkSet | undefined {
    const set = new ChunkSet(chunkCount)
    const bits = Buffer.from(bitmap, 'base64')
    if (bits.length !== set.#bits.length || bits.toString('base64') !== bitmap) return undefined
    for (let chunk = 0; chunk < 8 * bits.length; chunk += 1) {
      if (((bits[chunk >> 3] ?? 0) & maskOf(chunk)) === 0) continue
      if (chunk >= chunkCount) return undefined
      set.add(chunk)
    }
    return set
  }

  /** An independent copy. */
  copy(): ChunkSet {
    const copy = new ChunkSet(this.chunkCount)
    copy.#bits.set(this.#bits)
    copy.#size = this.#size
    return copy
  }

  /** The bits in base64, as in the message `chunks`. */
  toBitmap(): string {
    return Buffer.from(this.#bits).toString('base64')
  }

  /** Number of chunks in the set. */
  get size(): number {
    return this.#size
  }

  get isFull(): boolean {
    return this.#size === this.chunkCount
  }

  has(chunk: number): boolean {
    return (this.#byteOf(chunk) & maskOf(chunk)) !== 0
  }

  add(chunk: number): void {
    if (this.has(chunk)) return
    this.#bits[chunk >> 3] = this.#byteOf(chunk) | maskOf(chunk)
    this.#size += 1
  }

  delete(chunk: number): void {
    if (!this.has(chunk)) return
    this.#bits[chunk >> 3] = this.#byteOf(chunk) & ~maskOf(chunk)
    this.#size -= 1
  }

  /** The first chunk at or after `from` that is not in the set, or undefined. */
  firstMissing(from = 0): number | undefined {
    for (let chunk = from; chunk < this.chunkCount; chunk += 1) {
      // Skip full bytes: checking every bit makes planning a large content quadratic.
      if (chunk % 8 === 0 && this.#bits[chunk >> 3] === 0xff) chunk += 7
      else if (!this.has(chunk)) return chunk
    }
    return undefined
  }

  #byteOf(chunk: number): number {
    const byte = this.#bits[chunk >> 3]
    assert(byte !== undefined && chunk < this.chunkCount)
    return byte
  }
}

function maskOf(chunk: number): number {
  return 0x80 >> (chunk % 8)
}
