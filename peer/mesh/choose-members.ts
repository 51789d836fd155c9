/** Which members to talk to. */
import { type Random, shuffled } from '../../common/random.ts'

/** Up to `count` random items, each at most once. */
export function someOf<T>(items: readonly T[], count: number, random: Random): T[] {
  if (count >= items.length) return shuffled(items, random)
  const chosen = new Set<number>()
  while (chosen.size < count) chosen.add(Math.floor(random.fraction() * items.length))
  return [...chosen].flatMap((index) => items.slice(index, index + 1))
}

/**
 * Whom to tell news: mostly members that have answered before, so that made-up ones cannot keep news
 * from spreading, and at least one of all.
 */
export function listenersOf(
  { met, others, count }: { met: readonly string[]; others: readonly string[]; count: number },
  random: Random,
): string[] {
  const known = someOf(met, count - 1, random)
  const isNew = (peerId: string): boolean => !known.includes(peerId)
  const rest = someOf(others, count, random).filter(isNew)
  return [...known, ...rest.slice(0, count - known.length)]
}

/**
 * Each member once per pass, in a random order that changes with each pass: a member that fails is
 * probed by each other within two passes, and by one of them within a few rounds.
 */
export class ProbeOrder {
  #left: string[] = []
  readonly #random: Random

  constructor(dependencies: { random: Random }) {
    this.#random = dependencies.random
  }

  /** The next of the candidates; undefined if there are none. */
  next(candidates: readonly string[]): string | undefined {
    const next = this.#pop(candidates)
    if (next !== undefined) return next
    this.#left = shuffled(candidates, this.#random)
    return this.#left.pop()
  }

  #pop(candidates: readonly string[]): string | undefined {
    for (let next = this.#left.pop(); next !== undefined; next = this.#left.pop())
      if (candidates.includes(next)) return next
    return undefined
  }
}

/**
 * The probability of trying to reach one of the gone members in a round: each is tried by one member
 * per round on average, and by a member that is alone each round, so that a healed partition merges.
 */
export function reachOutProbability({ gone, others }: { gone: number; others: number }): number {
  if (gone === 0) return 0
  return others === 0 ? 1 : Math.min(1, gone / others)
}
