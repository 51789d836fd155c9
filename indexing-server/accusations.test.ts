import { expect, test } from 'vitest'
import { FakeClock } from '../common/testing/fake-clock.ts'
import { Accusations, accusationMs } from './accusations.ts'

test('one host accuses in vain; two have a peer listed last until none has repeated it for an hour', async () => {
  const clock = new FakeClock()
  let changes = 0
  using accusations = new Accusations({ clock, onChange: () => changes++ })
  for (let times = 0; times < 100; times++) accusations.add('a', 'host 1')
  expect(accusations.has('a')).toBe(false)
  accusations.add('a', 'host 2')
  expect([accusations.has('a'), changes]).toEqual([true, 1])
  await clock.advance(accusationMs / 2)
  accusations.add('a', 'host 1')
  await clock.advance(accusationMs / 2)
  expect(accusations.has('a')).toBe(true)
  await clock.advance(accusationMs / 2)
  expect([accusations.has('a'), changes]).toEqual([false, 2])
})
