import { expect, test } from 'vitest'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import { SeenQueries } from './seen-queries.ts'

test('a query is remembered for a minute, and old ones make room', async () => {
  const clock = new FakeClock()
  const seen = new SeenQueries({ clock })
  expect(seen.has('a')).toBe(false)
  seen.add('a')
  expect(seen.has('a')).toBe(true)
  await clock.advance(60_000)
  seen.add('b')
  expect([seen.has('a'), seen.has('b')]).toEqual([false, true])
  for (let i = 0; i < 12_000; i++) seen.add(`more ${i}`)
  expect(seen.has('b')).toBe(false)
  expect(seen.has('more 0')).toBe(true)
})
