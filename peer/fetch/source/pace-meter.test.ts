import { expect, test } from 'vitest'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import { PaceMeter } from './pace-meter.ts'

test('measures bytes over the time in which some were owed', async () => {
  const clock = new FakeClock()
  const pace = new PaceMeter({ clock })
  expect(pace.bytesPerMs).toBeUndefined()
  await clock.advance(5_000)
  pace.onAsked(10_000)
  for (let i = 0; i < 10; i += 1) {
    await clock.advance(100)
    pace.onBytes(1_000)
  }
  expect(pace.bytesPerMs).toBeGreaterThan(9.9)
  expect(pace.bytesPerMs).toBeLessThan(10.6)
  expect(pace).toMatchObject({ bytesOwed: 0, bytesReceived: 10_000 })
  const before = pace.bytesPerMs
  await clock.advance(60_000)
  expect(pace.bytesPerMs).toBe(before)
})

test('a silence while bytes are owed counts, what is given up does not', async () => {
  const clock = new FakeClock()
  const pace = new PaceMeter({ clock })
  pace.onAsked(2_000)
  await clock.advance(100)
  pace.onBytes(1_000)
  await clock.advance(10_000)
  expect(pace.bytesPerMs).toBeLessThan(0.1)
  const silent = pace.bytesPerMs
  pace.onGivenUp(1_000)
  await clock.advance(10_000)
  expect(pace.bytesPerMs).toBe(silent)
})
