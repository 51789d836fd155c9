import { emptySeries, summaryOf, withValue } from '../../common/running-summary.ts'
import type { Distribution } from './result.ts'

/** Summary and percentiles of measurements in any order; all 0 if there are none. */
export function distributionOf(values: readonly number[]): Distribution {
  const sorted = values.toSorted((a, b) => a - b)
  return {
    ...summaryOf(values.reduce(withValue, emptySeries)),
    p50: percentileOf(sorted, 50),
    p95: percentileOf(sorted, 95),
    p99: percentileOf(sorted, 99),
  }
}

/**
 * Nearest rank: the smallest value that at least `percent` per cent of the values do not exceed.
 */
function percentileOf(sorted: readonly number[], percent: number): number {
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? 0
}

export interface Throughput {
  readonly clients: number
  readonly perSecond: number
}

/**
 * The achieved share of the ideal, in which n clients do n times the work of one in the same time:
 * 1 is ideal. For fixed work this is the speed-up divided by n; for work that grows with the
 * clients it is the time of one client divided by the time of n. 0 if nothing was measured.
 */
export function efficiencyOf(step: Throughput, base: Throughput): number {
  const ideal = (base.perSecond / base.clients) * step.clients
  return ideal > 0 ? step.perSecond / ideal : 0
}
