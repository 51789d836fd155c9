/** Samples as columns for charts: pure. */
import type { Sample } from './activity-types.ts'

export const hourMs = 3_600_000

/** A longer silence than this many intervals is a gap: the peer was not running. */
const gapIntervals = 2.5

export interface Columns {
  readonly times: readonly number[]
  readonly valuesOf: (value: (sample: Sample) => number | undefined) => (number | null)[]
}

/** @param samples oldest first */
export function columnsOf(samples: readonly Sample[], everyMs: number): Columns {
  const rows: (Sample | { readonly timeMs: number })[] = []
  let lastMs: number | undefined
  for (const sample of samples) {
    // A point without values, so that no line crosses the gap.
    if (lastMs !== undefined && sample.timeMs - lastMs > gapIntervals * everyMs)
      rows.push({ timeMs: lastMs + everyMs })
    rows.push(sample)
    lastMs = sample.timeMs
  }
  return {
    times: rows.map(({ timeMs }) => timeMs),
    valuesOf: (value) =>
      rows.map((row) => ('lookupsPerSecond' in row ? (value(row) ?? null) : null)),
  }
}

/** The samples of the last hour, with a new one, which may have been known. */
export function withSample(samples: readonly Sample[], sample: Sample): Sample[] {
  return [
    ...samples.filter(({ timeMs }) => timeMs > sample.timeMs - hourMs && timeMs < sample.timeMs),
    sample,
  ]
}
