import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { distributionOf, efficiencyOf } from './statistics.ts'

describe('a distribution', () => {
  test('has the mean, the sample deviation and nearest-rank percentiles', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index)
    const { stdev, ...others } = distributionOf(hundred)
    expect(stdev).toBeCloseTo(29.0115, 4)
    expect(others).toEqual({
      count: 100,
      mean: 50.5,
      min: 1,
      max: 100,
      p50: 50,
      p95: 95,
      p99: 99,
    })
  })

  test.each([
    {
      values: [],
      expected: { count: 0, mean: 0, stdev: 0, p50: 0, p95: 0, p99: 0, min: 0, max: 0 },
    },
    {
      values: [7],
      expected: { count: 1, mean: 7, stdev: 0, p50: 7, p95: 7, p99: 7, min: 7, max: 7 },
    },
  ])('of $values.length values', ({ values, expected }) => {
    expect(distributionOf(values)).toEqual(expected)
  })

  test('has percentiles that are measured values, in order, whatever the order of the values', () => {
    const values = fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { minLength: 1 })
    fc.assert(
      fc.property(values, (list) => {
        const { min, p50, p95, p99, max } = distributionOf(list)
        for (const value of [min, p50, p95, p99, max]) expect(list).toContain(value)
        const inOrder = [min, p50, p95, p99, max]
        expect(inOrder).toEqual(inOrder.toSorted((a, b) => a - b))
      }),
    )
  })
})

test.each([
  {
    what: 'ideal',
    step: { clients: 4, perSecond: 40 },
    base: { clients: 1, perSecond: 10 },
    is: 1,
  },
  {
    what: 'half',
    step: { clients: 4, perSecond: 20 },
    base: { clients: 1, perSecond: 10 },
    is: 0.5,
  },
  {
    what: 'base of 2',
    step: { clients: 4, perSecond: 20 },
    base: { clients: 2, perSecond: 10 },
    is: 1,
  },
  {
    what: 'nothing done',
    step: { clients: 4, perSecond: 0 },
    base: { clients: 1, perSecond: 0 },
    is: 0,
  },
])('efficiency: $what', ({ step, base, is }) => {
  expect(efficiencyOf(step, base)).toBeCloseTo(is)
})
