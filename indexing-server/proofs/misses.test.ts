import { expect, test } from 'vitest'
import { Misses, missesPerPeerMax } from './misses.ts'

const minuteMs = 60_000

test('a copy is not proven after two late or absent answers, or many busy ones', () => {
  const misses = new Misses()
  expect([misses.add('a', 1, 'late'), misses.add('a', 1, 'late')]).toEqual([
    10 * minuteMs,
    undefined,
  ])
  expect([misses.add('a', 1, 'absent'), misses.add('a', 1, 'late')]).toEqual([
    2 * minuteMs,
    undefined,
  ])
  const waits = Array.from({ length: 12 }, () => misses.add('a', 1, 'busy'))
  expect(waits.slice(0, 7).map((ms) => (ms ?? 0) / minuteMs)).toEqual([10, 20, 30, 40, 50, 60, 60])
  expect(waits.indexOf(undefined)).toBe(11)
})

test('a proof clears what was owed', () => {
  const misses = new Misses()
  misses.add('a', 1, 'late')
  misses.clear('a', 1)
  expect(misses.add('a', 1, 'late')).toBe(10 * minuteMs)
  misses.keepOnly(1, ['b'])
  expect(misses.add('a', 1, 'late')).toBe(10 * minuteMs)
})

test('a peer that owes many proofs is asked only for those', () => {
  const misses = new Misses()
  for (let contentId = 0; contentId < missesPerPeerMax; contentId += 1)
    misses.add('a', contentId, 'busy')
  expect([misses.mayAsk('a', 0), misses.mayAsk('a', 1_000), misses.mayAsk('b', 1_000)]).toEqual([
    true,
    false,
    true,
  ])
  misses.clear('a', 0)
  expect(misses.mayAsk('a', 1_000)).toBe(true)
})
