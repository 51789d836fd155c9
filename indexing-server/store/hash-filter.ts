/** Of one number that is not in a full filter, three in a hundred seem to be in it. */
const bitsPerNumber = 8
const factors = [0x9e37_79b1, 0x85eb_ca77, 0xc2b2_ae3d] as const

/** A set of numbers in a byte each, of which some seem to be in it that are not (Bloom 1970). */
export class HashFilter {
  readonly #bits: Uint32Array
  /** Of 32 bits of a product, those that choose a bit are the first. */
  readonly #shift: number
  #room: number

  /** @param capacity a power of two, up to 2^28 */
  constructor(capacity: number) {
    this.#bits = new Uint32Array((capacity * bitsPerNumber) / 32)
    this.#shift = 32 - Math.log2(capacity * bitsPerNumber)
    this.#room = capacity
  }

  /** Whether more numbers were added than there is room for. */
  get isOverfull(): boolean {
    return this.#room < 0
  }

  add(number: number): void {
    this.#room -= 1
    for (const factor of factors) {
      const bit = Math.imul(number, factor) >>> this.#shift
      this.#bits[bit >>> 5] = (this.#bits[bit >>> 5] ?? 0) | (1 << (bit & 31))
    }
  }

  mayHave(number: number): boolean {
    for (const factor of factors) {
      const bit = Math.imul(number, factor) >>> this.#shift
      if (((this.#bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) return false
    }
    return true
  }
}
