import { assert as check, double, integer, property } from 'fast-check'
import { expect, test } from 'vitest'
import { reconnectDelayMs } from './reconnect-policy.ts'

test('attempts back off to at most ten seconds', () => {
  const delays = [1, 2, 3, 4, 5, 6, 7].map((failures) => reconnectDelayMs(failures, 1))
  expect(delays).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 10_000])
})

test('every delay is positive, bounded and at least half of the longest', () => {
  check(
    property(
      integer({ min: 1, max: 1e6 }),
      double({ min: 0, max: 1, noNaN: true }),
      (failures, fraction) => {
        const delay = reconnectDelayMs(failures, fraction)
        expect(delay).toBeGreaterThanOrEqual(reconnectDelayMs(failures, 1) / 2)
        expect(delay).toBeLessThanOrEqual(10_000)
      },
    ),
  )
})
