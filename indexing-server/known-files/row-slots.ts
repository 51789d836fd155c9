/** Segments grow one at a time, so that growing never takes long. */
const segmentBits = 8
const firstSlots = 8
/** Of the slots of a segment, at most this share is used. */
const fullShare = 0.75

/** A hash table of row references, which are positive, by open addressing with linear probing. */
export class RowSlots {
  readonly #hashOf: (row: number) => number
  readonly #segments: Uint32Array[] = []
  readonly #counts = new Uint32Array(2 ** segmentBits)
  #bytes = 0

  /** @param hashOf the hash of a row, of 32 bits */
  constructor(hashOf: (row: number) => number) {
    this.#hashOf = hashOf
    for (let number = 0; number < 2 ** segmentBits; number += 1)
      this.#segments.push(new Uint32Array(firstSlots))
    this.#bytes = this.#segments.length * firstSlots * Uint32Array.BYTES_PER_ELEMENT
  }

  /** Memory of all slots. */
  get bytes(): number {
    return this.#bytes
  }

  /** The row with this hash that `isIt` accepts; 0 if there is none. */
  find(hash: number, isIt: (row: number) => boolean): number {
    const slots = this.#segments[hash >>> (32 - segmentBits)] as Uint32Array
    const mask = slots.length - 1
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const row = slots[at] as number
      if (row === 0 || isIt(row)) return row
    }
  }

  add(hash: number, row: number): void {
    const number = hash >>> (32 - segmentBits)
    let slots = this.#segments[number] as Uint32Array
    const count = (this.#counts[number] as number) + 1
    if (count > fullShare * slots.length) slots = this.#grow(number, slots)
    this.#counts[number] = count
    place(slots, hash, row)
  }

  /** Removes a row that is in it. */
  remove(hash: number, row: number): void {
    const number = hash >>> (32 - segmentBits)
    const slots = this.#segments[number] as Uint32Array
    const mask = slots.length - 1
    let hole = hash & mask
    while (slots[hole] !== row) {
      if (slots[hole] === 0) throw new RangeError(`no row ${row}`)
      hole = (hole + 1) & mask
    }
    // Rows that were displaced from their first slot move up, so that none is behind an empty slot.
    for (let at = (hole + 1) & mask; slots[at] !== 0; at = (at + 1) & mask) {
      const moving = slots[at] as number
      const first = this.#hashOf(moving) & mask
      if (((at - first) & mask) < ((at - hole) & mask)) continue
      slots[hole] = moving
      hole = at
    }
    slots[hole] = 0
    this.#counts[number] = (this.#counts[number] as number) - 1
  }

  #grow(number: number, slots: Uint32Array): Uint32Array {
    const grown = new Uint32Array(2 * slots.length)
    for (const row of slots) if (row !== 0) place(grown, this.#hashOf(row), row)
    this.#segments[number] = grown
    this.#bytes += slots.byteLength
    return grown
  }
}

function place(slots: Uint32Array, hash: number, row: number): void {
  const mask = slots.length - 1
  let at = hash & mask
  while (slots[at] !== 0) at = (at + 1) & mask
  slots[at] = row
}
