import type { Random } from './random.ts'

export interface BackoffOptions {
  /** The delay after the first failure. */
  readonly firstMs: number
  /** No delay is longer. */
  readonly maxMs: number
}

/**
 * How long to wait after the `failures`-th failure in a row (from 1): doubling from `firstMs` to
 * `maxMs`, then spread over the upper half, so that many clients do not come back together.
 * Equal jitter: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function backoffMs(failures: number, options: BackoffOptions, random: Random): number {
  const fullMs = Math.min(options.maxMs, options.firstMs * 2 ** (Math.min(failures, 31) - 1))
  return fullMs / 2 + (fullMs / 2) * random.fraction()
}
