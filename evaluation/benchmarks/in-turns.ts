import { systemClock } from '../../common/clock.ts'
import type { AnchorProgram } from './anchor-programs.ts'
import type { BenchmarkOptions } from './benchmark.ts'
import { turnsOf } from './comparison.ts'

export interface Contender {
  readonly name: string
  /** Programs without which it is left out. */
  readonly needs?: readonly AnchorProgram[]
  /** Of an anchor: at most so many times its seconds are what Tandem is to take. */
  readonly goal?: number
  /** Does the work once and checks what came of it; returns the seconds that the work alone took. */
  readonly measure: () => Promise<number>
}

/** Has the contenders do the same work in turns, all of them in each round. */
export async function measureInTurns(
  work: string,
  contenders: readonly Contender[],
  { rounds, missing, onSample }: BenchmarkOptions,
): Promise<void> {
  const present = contenders.filter(
    ({ needs = [] }) => !needs.some((program) => missing.includes(program)),
  )
  for (let round = 0; round < rounds; round++)
    for (const { name, goal, measure } of turnsOf(present, round)) {
      const value = await measure()
      const sample = { work, contender: name, unit: 'seconds', value } as const
      onSample({ ...sample, ...(goal !== undefined && { goal }) })
    }
}

/** Does `work` and returns the seconds that it took. */
export async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startedMs = systemClock.monotonicMs()
  await work()
  return (systemClock.monotonicMs() - startedMs) / 1_000
}
