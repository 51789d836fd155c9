import { systemClock } from '../../common/clock.ts'
import type { AnchorProgram } from './anchor-programs.ts'
import { type Sample, turnsOf } from './comparison.ts'

/** What a benchmark may take, and where it tells how it goes. */
export interface BenchmarkOptions {
  readonly rounds: number
  /** Anchors that this machine does not have: left out. */
  readonly missing: readonly AnchorProgram[]
  /** Told each measurement. May throw to end the benchmark. */
  readonly onSample: (sample: Sample) => void
}

export interface Contender {
  readonly name: string
  /** Programs without which it is left out. */
  readonly needs?: readonly AnchorProgram[]
  /** See {@link Sample.goal}. */
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
