import { expect, test } from 'vitest'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { SeqTimes } from './seq-times.ts'

test('changes of the last minute are recent, older ones and those before the start are not', async () => {
  const clock = new FakeClock()
  let onChange = (): void => {}
  const catalog = {
    lastSeq: 7,
    onChange: (listener: () => void) => {
      onChange = listener
      return () => {}
    },
  }
  const change = (): void => {
    catalog.lastSeq++
    onChange()
  }
  using times = new SeqTimes({ keptMs: 60_000 }, { catalog, clock })
  expect(times.before).toBe(7)
  await clock.advance(30_000)
  change()
  await clock.advance(20_000)
  change()
  expect(times.before).toBe(7)
  await clock.advance(20_000)
  expect(times.before).toBe(7)
  await clock.advance(20_000)
  expect(times.before).toBe(8)
  await clock.advance(20_000)
  expect(times.before).toBe(9)
  for (let second = 0; second < 300; second++) {
    change()
    await clock.advance(1_000)
  }
  expect(times.before).toBe(9 + 241)
})
