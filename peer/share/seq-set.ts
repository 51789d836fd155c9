/** Change numbers of one block share a bitmap. */
const blockBits = 16
const blockBytes = 2 ** blockBits / 8

/** A set of change numbers; dense numbers take one bit each. */
export class SeqSet {
  readonly #blocks = new Map<number, Uint8Array>()
  #size = 0

  get size(): number {
    return this.#size
  }

  add(seq: number): void {
    if (this.has(seq)) return
    const block = Math.floor(seq / 2 ** blockBits)
    const bits = this.#blocks.get(block) ?? new Uint8Array(blockBytes)
    this.#blocks.set(block, bits)
    const at = seq % 2 ** blockBits
    bits[at >> 3] = (bits[at >> 3] ?? 0) | (1 << (at & 7))
    this.#size++
  }

  has(seq: number): boolean {
    const at = seq % 2 ** blockBits
    const bits = this.#blocks.get(Math.floor(seq / 2 ** blockBits))
    return (((bits?.[at >> 3] ?? 0) >> (at & 7)) & 1) === 1
  }

  /** The numbers in ascending order. */
  *[Symbol.iterator](): Generator<number> {
    for (const block of [...this.#blocks.keys()].toSorted((one, other) => one - other)) {
      const bits = this.#blocks.get(block) ?? new Uint8Array()
      for (const [index, byte] of bits.entries())
        for (let bit = 0; byte >> bit > 0; bit++)
          if ((byte >> bit) & 1) yield block * 2 ** blockBits + index * 8 + bit
    }
  }
}
