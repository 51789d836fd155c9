import fc from 'fast-check'
import { expect, test } from 'vitest'
import { emptySeries, summaryOf, withValue } from './running-summary.ts'

function summarize(values: readonly number[]): ReturnType<typeof summaryOf> {
  return summaryOf(values.reduce(withValue, emptySeries))
}

test('an empty series is all 0', () => {
  expect(summarize([])).toEqual({ count: 0, mean: 0, stdev: 0, min: 0, max: 0 })
})

test('one value has no spread', () => {
  expect(summarize([-3])).toEqual({ count: 1, mean: -3, stdev: 0, min: -3, max: -3 })
})

test('the deviation is that of the sample', () => {
  expect(summarize([2, 4, 4, 4, 5, 5, 7, 9]).stdev).toBeCloseTo(Math.sqrt(32 / 7), 12)
})

test('values far from 0 keep their spread', () => {
  const offset = 1e9
  const { mean, stdev } = summarize([4, 7, 13, 16].map((value) => value + offset))
  expect(mean).toBe(offset + 10)
  expect(stdev).toBeCloseTo(Math.sqrt(30), 9)
})

test('agrees with the definition', () => {
  const someValues = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 2 })
  fc.assert(
    fc.property(someValues, (values) => {
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length
      const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
      const summary = summarize(values)
      expect(summary.mean).toBeCloseTo(mean, 5)
      expect(summary.stdev).toBeCloseTo(Math.sqrt(squares / (values.length - 1)), 5)
      expect(summary.min).toBe(Math.min(...values))
      expect(summary.max).toBe(Math.max(...values))
    }),
  )
})
