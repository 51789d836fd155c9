/** What benchmarks measure, and how Tandem is compared with its anchors: the same for all of them. */
import assert from 'node:assert/strict'

/** Whose figures the others' are compared with. */
export const tandem = 'tandem'

/** One measurement. Less is better, whatever it is. */
export interface Sample {
  /** What was done, or to whom: `1024 MiB from 3 sources`. */
  readonly work: string
  /** Who did it: {@link tandem}, or an anchor, which is another program or a bound. */
  readonly contender: string
  /** `percent` is of one processor. */
  readonly unit: 'seconds' | 'bytes' | 'percent'
  readonly value: number
  /** Of an anchor: at most so many times its value is what Tandem is to reach. */
  readonly goal?: number
}

/** All samples of one contender for one work. */
export interface Row {
  work: string
  contender: string
  unit: Sample['unit']
  /** One value for each round. */
  rounds: number[]
  median: number
  /** Of an anchor: the median, over the rounds, of Tandem's value by the anchor's of the same round. */
  ratio?: number
  goal?: number
}

/** The middle of the values, or the mean of the two in the middle; 0 when there are none. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.slice(Math.ceil(sorted.length / 2) - 1, Math.floor(sorted.length / 2) + 1)
  return middle.reduce((sum, value) => sum + value, 0) / Math.max(1, middle.length)
}

/** The samples as rows, in the order in which works and contenders first appear. */
export function rowsOf(samples: readonly Sample[]): Row[] {
  return groupsOf(samples, ({ work }) => work).flatMap((ofWork) => {
    const own = ofWork.filter(({ contender }) => contender === tandem).map(({ value }) => value)
    return groupsOf(ofWork, ({ contender }) => contender).map((those) => rowOf(those, own))
  })
}

function rowOf(samples: readonly Sample[], own: readonly number[]): Row {
  const [first] = samples
  assert(first !== undefined)
  const { work, contender, unit, goal } = first
  const rounds = samples.map(({ value }) => value)
  const row = { work, contender, unit, rounds, median: medianOf(rounds) }
  if (contender === tandem) return row
  // Paired, so that what slows the machine down for a while slows both sides of a ratio.
  const ratio = medianOf(rounds.map((value, round) => (own[round] ?? 0) / value))
  return { ...row, ratio, ...(goal !== undefined && { goal }) }
}

function groupsOf(samples: readonly Sample[], keyOf: (sample: Sample) => string): Sample[][] {
  return [...Map.groupBy(samples, keyOf).values()]
}

/** Everybody has a turn in each round, and each round begins with another one. */
export function turnsOf<T>(contenders: readonly T[], round: number): T[] {
  const first = contenders.length === 0 ? 0 : round % contenders.length
  return [...contenders.slice(first), ...contenders.slice(0, first)]
}
