import { systemClock } from '../../common/clock.ts'
import type { AnchorProgram } from './anchor-programs.ts'
import type { BenchmarkOptions } from './benchmark.ts'
import { roundOrder } from './comparison.ts'

export interface Contender {
  readonly name: string
  /** Programs without which it is skipped. */
  readonly needs?: readonly AnchorProgram[]
  /** For an anchor: Tandem's goal, as a multiple of the anchor's seconds. */
  readonly goal?: number
  /** Does the work once and verifies the result; returns the seconds of the work alone. */
  readonly measure: () => Promise<number>
}

/** Interleaves the contenders: all of them do the work in each round. */
export async function measureInterleaved(
  work: string,
  contenders: readonly Contender[],
  { rounds, missing, onSample }: BenchmarkOptions,
): Promise<void> {
  const present = contenders.filter(
    ({ needs = [] }) => !needs.some((program) => missing.includes(program)),
  )
  for (let round = 0; round < rounds; round++)
    for (const { name, goal, measure } of roundOrder(present, round)) {
      const value = await measure()
      const sample = { work, contender: name, unit: 'seconds', value } as const
      onSample({ ...sample, ...(goal !== undefined && { goal }) })
    }
}

/** Runs `work` and returns its seconds. */
export async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startedMs = systemClock.monotonicMs()
  await work()
  return (systemClock.monotonicMs() - startedMs) / 1_000
}
