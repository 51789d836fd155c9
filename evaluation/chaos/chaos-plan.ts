import { type Random, shuffled } from '../../common/random.ts'

/** The faults that chaos injects, each with what it does to its victim. */
export const faultTexts = {
  'blip-peer': 'a peer is killed and back before it counts as dead',
  'kill-peer': 'a peer is killed with kill -9',
  'kill-index': 'the index is killed with kill -9',
  'blip-link': "a peer's link is cut and healed before it counts as dead",
  'cut-link': "a peer's link is cut",
  'pause-peer': 'a peer is stopped with SIGSTOP, and continues',
  'fill-disk': "a peer's disk is filled while files are pushed",
  'flip-bits': "bits of replicas flip on a peer's disk",
  'wipe-disk': 'a peer is killed and its disk wiped; a new one takes its place',
  'replace-disk': 'a peer is killed and its disk wiped; it returns with its own id',
} as const satisfies Readonly<Record<string, string>>

export type FaultName = keyof typeof faultTexts
export const faultNames = Object.keys(faultTexts) as readonly FaultName[]

/** Faults that strike at the same time, usually one. */
export type Strike = readonly FaultName[]

/** Those of which two may strike at the same time, because each ends by itself. */
const pairable = ['kill-peer', 'cut-link', 'pause-peer', 'kill-index', 'wipe-disk'] as const

/** What a short run injects: the least that shows every way of coming back. */
const shortPlan: readonly Strike[] = [
  ['blip-peer'],
  ['kill-peer'],
  ['kill-index'],
  ['flip-bits'],
  ['cut-link', 'pause-peer'],
]

const pairs = 3

/**
 * Each possible fault once, in an order that the seed selects, and then some pairs. At most one of
 * a pair destroys a disk.
 * @param impossible faults that cannot be injected here
 */
export function planChaos(
  { isShort }: { isShort: boolean },
  impossible: ReadonlySet<FaultName>,
  random: Random,
): Strike[] {
  const isPossible = (fault: FaultName): boolean => !impossible.has(fault)
  if (isShort)
    return shortPlan.map((strike) => strike.filter(isPossible)).filter(({ length }) => length > 0)
  const singles = shuffled(faultNames.filter(isPossible), random).map((fault): Strike => [fault])
  const both = pairable.flatMap((one, index): Strike[] =>
    pairable.slice(index + 1).map((other) => [one, other]),
  )
  const possible = both.filter((pair) => pair.every(isPossible))
  return [...singles, ...shuffled(possible, random).slice(0, pairs)]
}

/**
 * Parses faults as typed: `kill-peer`, or `cut-link+pause-peer` for two at the same time.
 * @throws Error that names the known faults
 */
export function parseStrikes(words: readonly string[]): Strike[] {
  return words.map((word) =>
    word.split('+').map((name) => {
      const fault = faultNames.find((known) => known === name)
      if (fault === undefined) throw new Error(`'${name}' is none of ${faultNames.join(', ')}`)
      return fault
    }),
  )
}
