import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { medianOf, roundOrder, rowsOf, type Sample, tandem } from './comparison.ts'

describe('the median', () => {
  test.each([
    { values: [], is: 0 },
    { values: [7], is: 7 },
    { values: [9, 1], is: 5 },
    { values: [10, 9, 100], is: 10 },
    { values: [4, 1, 3, 2], is: 2.5 },
  ])('of $values is $is', ({ values, is }) => {
    expect(medianOf(values)).toBe(is)
  })

  test('has at most half of the values on either side', () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
        const median = medianOf(values)
        const half = values.length / 2
        expect(values.filter((value) => value < median).length).toBeLessThanOrEqual(half)
        expect(values.filter((value) => value > median).length).toBeLessThanOrEqual(half)
      }),
    )
  })
})

const sample = (contender: string, value: number, goal?: number): Sample => ({
  work: '64 MiB',
  contender,
  unit: 'seconds',
  value,
  ...(goal !== undefined && { goal }),
})

describe('rows', () => {
  test('compare the values of the same round', () => {
    // The second round ran on a busy machine: both took ten times as long.
    const samples = [
      sample(tandem, 1),
      sample('curl', 2, 1),
      sample('curl', 25, 1),
      sample(tandem, 10),
      sample(tandem, 1),
      sample('curl', 4, 1),
    ]
    expect(rowsOf(samples)).toEqual([
      { work: '64 MiB', contender: tandem, unit: 'seconds', rounds: [1, 10, 1], median: 1 },
      {
        work: '64 MiB',
        contender: 'curl',
        unit: 'seconds',
        rounds: [2, 25, 4],
        median: 4,
        ratio: 0.4,
        goal: 1,
      },
    ])
  })

  test('compare within each work, in the order in which works appear', () => {
    const other = (contender: string, value: number): Sample => ({
      ...sample(contender, value),
      work: 'another',
    })
    const rows = rowsOf([other(tandem, 6), sample(tandem, 1), other('curl', 2), sample('curl', 2)])
    expect(rows.map(({ work, contender, ratio }) => [work, contender, ratio])).toEqual([
      ['another', tandem, undefined],
      ['another', 'curl', 3],
      ['64 MiB', tandem, undefined],
      ['64 MiB', 'curl', 0.5],
    ])
  })

  test('of nothing are none', () => {
    expect(rowsOf([])).toEqual([])
  })
})

test('each contender is first equally often', () => {
  const contenders = ['a', 'b', 'c']
  const rounds = [0, 1, 2, 3].map((round) => roundOrder(contenders, round).join(''))
  expect(rounds).toEqual(['abc', 'bca', 'cab', 'abc'])
  expect(roundOrder([], 1)).toEqual([])
})
