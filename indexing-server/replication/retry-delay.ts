import type { Random } from '../../common/random.ts'

const secondMs = 1_000
const minuteMs = 60 * secondMs
const retryDelaysMs = [15 * secondMs, minuteMs, 5 * minuteMs, 30 * minuteMs, 60 * minuteMs] as const

/**
 * The delay after the `failures`-th failure in a row (from 1), with 25 % jitter so that retries do
 * not coincide.
 */
export function retryDelayMs(failures: number, random: Random): number {
  const step = Math.min(failures, retryDelaysMs.length) - 1
  const baseMs = retryDelaysMs[step] ?? retryDelaysMs[0]
  return baseMs * (0.75 + 0.5 * random.fraction())
}
