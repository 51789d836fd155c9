import { array, integer, property, assert as propertyHolds, tuple } from 'fast-check'
import { expect, test } from 'vitest'
import { debtMs, emptyBucket, refilled, withdrawn } from './token-bucket.ts'

test('it fills at its rate, up to a tenth of a second of it', () => {
  const bucket = emptyBucket(0)
  expect(refilled(bucket, 1_000, 50).bytes).toBe(50)
  expect(refilled(bucket, 1_000, 5_000).bytes).toBe(100)
})

test('debt is waited for', () => {
  const bucket = withdrawn(emptyBucket(0), 500)
  expect(debtMs(bucket, 1_000)).toBe(500)
  expect(debtMs(refilled(bucket, 1_000, 499), 1_000)).toBe(1)
  expect(debtMs(refilled(bucket, 1_000, 500), 1_000)).toBe(0)
  expect(debtMs(withdrawn(emptyBucket(0), 1), 3_000)).toBe(1)
})

test('without a limit there is always enough', () => {
  const bucket = withdrawn(refilled(emptyBucket(0), Number.POSITIVE_INFINITY, 0), 1e12)
  expect(debtMs(bucket, Number.POSITIVE_INFINITY)).toBe(0)
  expect(refilled(bucket, 1_000, 10).bytes).toBe(100)
})

test('a taker that waits for its debt exceeds the rate by a burst and one part at most', () => {
  const takes = array(tuple(integer({ min: 0, max: 300 }), integer({ min: 1, max: 5_000 })))
  propertyHolds(
    property(integer({ min: 1_000, max: 1_000_000 }), takes, (rate, wanted) => {
      let nowMs = 0
      let bucket = emptyBucket(nowMs)
      let before = 0
      for (const [pauseMs, bytes] of wanted) {
        bucket = refilled(bucket, rate, nowMs + pauseMs)
        nowMs += pauseMs + debtMs(bucket, rate)
        bucket = refilled(bucket, rate, nowMs)
        expect(before).toBeLessThanOrEqual((rate * (nowMs + 100)) / 1000 + 0.001)
        bucket = withdrawn(bucket, bytes)
        before += bytes
      }
    }),
  )
})
