/**
 * How often each change is told: enough that in all likelihood each member hears of it, and then no
 * more. A change that is known well is told after newer ones, and what a peer says of itself before all
 * others: however many changes there are, its own are not late.
 */
export class News {
  readonly #self: string
  /** How often the news of each member was told. */
  readonly #told = new Map<string, number>()

  /** @param self the peer that tells */
  constructor(self: string) {
    this.#self = self
  }

  get size(): number {
    return this.#told.size
  }

  /** There is news of this member. */
  add(peerId: string): void {
    // Deleted first: the newest is last.
    this.#told.delete(peerId)
    this.#told.set(peerId, 0)
  }

  delete(peerId: string): void {
    this.#told.delete(peerId)
  }

  /**
   * The members to tell of in one message, those told least often first. Counts as told.
   * @param members the size of the mesh
   */
  take({ count, members }: { count: number; members: number }): string[] {
    if (this.#told.size === 0) return []
    const rank = ([peerId, told]: [string, number]): number => (peerId === this.#self ? -1 : told)
    const taken = [...this.#told].toSorted((a, b) => rank(a) - rank(b)).slice(0, count)
    const max = timesToldMax(members)
    for (const [peerId, told] of taken)
      if (told + 1 >= max) this.#told.delete(peerId)
      else this.#told.set(peerId, told + 1)
    return taken.map(([peerId]) => peerId)
  }
}

/** Four times the logarithm, as in HashiCorp's memberlist: all but one in 10,000 members are reached. */
function timesToldMax(members: number): number {
  return 4 * Math.ceil(Math.log10(members + 1))
}
