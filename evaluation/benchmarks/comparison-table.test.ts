import { expect, test } from 'vitest'
import { tandem } from './comparison.ts'
import { comparisonTable } from './comparison-table.ts'

test('a table shows who achieved what, in units', () => {
  const rows = [
    { work: 'copy', contender: tandem, unit: 'seconds', rounds: [1, 3], median: 2 },
    {
      work: 'copy',
      contender: 'cp',
      unit: 'seconds',
      rounds: [2, 2],
      median: 2,
      ratio: 1,
      goal: 1,
    },
    { work: 'hold', contender: tandem, unit: 'bytes', rounds: [2e6], median: 2e6 },
    {
      work: 'hold',
      contender: 'bound',
      unit: 'bytes',
      rounds: [1e6],
      median: 1e6,
      ratio: 2,
      goal: 1,
    },
  ] as const
  const table = comparisonTable(rows.map((row) => ({ ...row, rounds: [...row.rounds] })))
  expect(table).toBe(
    [
      'work  contender   median   lowest  highest  tandem / this  goal',
      'copy  tandem     2.000 s  1.000 s  3.000 s',
      'copy  cp         2.000 s  2.000 s  2.000 s           1.00  <= 1: reached',
      'hold  tandem     2.00 MB  2.00 MB  2.00 MB',
      'hold  bound      1.00 MB  1.00 MB  1.00 MB           2.00  <= 1: missed',
    ].join('\n'),
  )
})
