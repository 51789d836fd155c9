import { expect, test } from 'vitest'
import { limits } from '../../common/limits.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { Problems } from './problems.ts'

test('problems beyond the limit are counted, anew by each scan', () => {
  const problems = new Problems({ log: silentLog })
  const scan = (broken: number, pipes: number): void => {
    problems.beginScan()
    for (let each = 0; each < broken; each++) problems.add(`/link ${each}`, { code: 'LINK_BROKEN' })
    for (let each = 0; each < pipes; each++) problems.add(`/pipe ${each}`, { code: 'SPECIAL_FILE' })
  }
  scan(limits.fileProblemsMax, 7)
  expect(problems.counts.get('SPECIAL_FILE')).toBe(7)
  problems.endScan()
  expect(problems.list()).toHaveLength(limits.fileProblemsMax)
  expect([...problems.counts]).toEqual([
    ['LINK_BROKEN', limits.fileProblemsMax],
    ['SPECIAL_FILE', 7],
  ])
  scan(limits.fileProblemsMax, 3)
  // Until the scan has ended it may meet the others yet.
  expect(problems.counts.get('SPECIAL_FILE')).toBe(7)
  problems.endScan()
  expect(problems.counts.get('SPECIAL_FILE')).toBe(3)
  scan(1, 3)
  problems.endScan()
  scan(1, 3)
  problems.endScan()
  expect(problems.list()).toHaveLength(4)
  expect([...problems.counts.values()]).toEqual([1, 3])
})

test('a problem that another comparison found solved is removed before the next scan', () => {
  const problems = new Problems({ log: silentLog })
  problems.add('/a', { code: 'READ_FAILED', details: { reason: 'EIO' } })
  expect(problems.list()).toEqual([
    { path: '/a', code: 'READ_FAILED', reason: 'it cannot be read (EIO)' },
  ])
  problems.clear('/a')
  expect(problems.list()).toEqual([])
})
