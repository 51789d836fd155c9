/** The measurements of benchmarks, and the comparison of Tandem with its anchors. */
import assert from 'node:assert/strict'

/** The contender that the others are compared with. */
export const tandem = 'tandem'

/** One measurement. Lower is better. */
export interface Sample {
  /** The work: `1024 MiB from 3 sources`. */
  readonly work: string
  /** Who did it: {@link tandem}, or an anchor, which is another program or a bound. */
  readonly contender: string
  /** `percent` is of one processor. */
  readonly unit: 'seconds' | 'bytes' | 'percent'
  readonly value: number
  /** For an anchor: Tandem's goal, as a multiple of the anchor's value. */
  readonly goal?: number
}

/** All samples of one contender for one work. */
export interface Row {
  work: string
  contender: string
  unit: Sample['unit']
  /** One value per round. */
  rounds: number[]
  median: number
  /** For an anchor: the median over all rounds of Tandem's value divided by the anchor's. */
  ratio?: number
  goal?: number
}

/** The middle value, or the mean of the two middle values; 0 if there are none. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.slice(Math.ceil(sorted.length / 2) - 1, Math.floor(sorted.length / 2) + 1)
  return middle.reduce((sum, value) => sum + value, 0) / Math.max(1, middle.length)
}

/** The samples as rows, in order of first appearance. */
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
  // Paired per round, so that a temporary slowdown of the machine affects both sides of a ratio.
  const ratio = medianOf(rounds.map((value, round) => (own[round] ?? 0) / value))
  return { ...row, ratio, ...(goal !== undefined && { goal }) }
}

function groupsOf(samples: readonly Sample[], keyOf: (sample: Sample) => string): Sample[][] {
  return [...Map.groupBy(samples, keyOf).values()]
}

/** The order of a round: every contender once, starting with a different one each time. */
export function roundOrder<T>(contenders: readonly T[], round: number): T[] {
  const first = contenders.length === 0 ? 0 : round % contenders.length
  return [...contenders.slice(first), ...contenders.slice(0, first)]
}
