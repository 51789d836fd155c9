import type { Random } from './random.ts'

export interface BackoffOptions {
  /** Delay after the first failure. */
  readonly firstMs: number
  /** Upper bound of the delay. */
  readonly maxMs: number
}

/**
 * The delay after the `failures`-th failure in a row (from 1): doubles from `firstMs` to `maxMs`,
 * with equal jitter over its upper half, so that clients do not retry together. M. Brooker,
 * "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function backoffMs(failures: number, options: BackoffOptions, random: Random): number {
  const fullMs = Math.min(options.maxMs, options.firstMs * 2 ** (Math.min(failures, 31) - 1))
  return fullMs / 2 + (fullMs / 2) * random.fraction()
}
