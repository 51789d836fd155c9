import type { BenchmarkOptions } from '../benchmark.ts'
import type { Sample } from '../comparison.ts'

/** The goal of a measurement that has no anchor. */
export function bound(
  work: string,
  value: number,
  unit: Sample['unit'],
  { onSample }: Pick<BenchmarkOptions, 'onSample'>,
): void {
  onSample({ work, contender: 'bound', unit, value, goal: 1 })
}
