import fc from 'fast-check'
import { expect, test } from 'vitest'
import { backoffMs } from './backoff.ts'
import type { Random } from './random.ts'

const options = { firstMs: 250, maxMs: 2_000 }

function always(fraction: number): Random {
  return { bytes: (count) => Buffer.alloc(count), fraction: () => fraction }
}

test.each([
  [1, 125, 250],
  [2, 250, 500],
  [3, 500, 1_000],
  [4, 1_000, 2_000],
  [5, 1_000, 2_000],
  [1_000_000, 1_000, 2_000],
])('after failure %i the delay is between %i and %i ms', (failures, leastMs, mostMs) => {
  expect(backoffMs(failures, options, always(0))).toBe(leastMs)
  expect(backoffMs(failures, options, always(1))).toBe(mostMs)
})

test('a delay is never longer than the longest, nor shorter than half the first', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (failures, fraction) => {
        const delayMs = backoffMs(failures, options, always(fraction))
        expect(delayMs).toBeLessThanOrEqual(options.maxMs)
        expect(delayMs).toBeGreaterThanOrEqual(options.firstMs / 2)
      },
    ),
  )
})
