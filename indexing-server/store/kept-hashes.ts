/** Numbers have 31 bits, and a float is exact up to 53. */
const positionsMax = 2 ** 22

/** Numbers of hashes of contents in memory, in the order of the contents' ids. */
export class KeptHashes {
  readonly #contentIds: number[] = []
  readonly #numbers: number[] = []
  /** The position of the last content with a number. */
  readonly #last = new Map<number, number>()
  /** For each content, the position of the one before it with its number; -1 if there is none. */
  readonly #before: number[] = []

  get count(): number {
    return this.#contentIds.length
  }

  get numbers(): readonly number[] {
    return this.#numbers
  }

  /** Infinity without contents. */
  get firstId(): number {
    return this.#contentIds[0] ?? Infinity
  }

  /** 0 without contents. */
  get lastId(): number {
    return this.#contentIds.at(-1) ?? 0
  }

  /** @param contentId greater than all others */
  add(contentId: number, number: number): void {
    this.#before.push(this.#last.get(number) ?? -1)
    this.#last.set(number, this.#contentIds.length)
    this.#contentIds.push(contentId)
    this.#numbers.push(number)
  }

  /** Appends the contents with a number. */
  find(number: number, found: number[]): void {
    for (let at = this.#last.get(number) ?? -1; at !== -1; at = this.#before[at] ?? -1)
      found.push(this.at(at).contentId)
  }

  at(position: number): { readonly contentId: number; readonly number: number } {
    const contentId = this.#contentIds[position]
    const number = this.#numbers[position]
    if (contentId === undefined || number === undefined) throw new RangeError(`no ${position}`)
    return { contentId, number }
  }

  /** Removes all contents after this one. */
  dropAfter(contentId: number): void {
    while (this.lastId > contentId) {
      this.#contentIds.pop()
      const number = this.#numbers.pop() ?? 0
      const before = this.#before.pop() ?? -1
      if (before === -1) this.#last.delete(number)
      else this.#last.set(number, before)
    }
  }

  /** The positions in the order of their numbers. */
  sorted(): Uint32Array {
    // Native sorting of numbers takes a tenth of the time of comparing in a function.
    const keys = Float64Array.from(this.#numbers, (number, at) => number * positionsMax + at)
    return Uint32Array.from(keys.sort(), (key) => key % positionsMax)
  }
}
