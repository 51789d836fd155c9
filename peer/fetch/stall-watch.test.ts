import { expect, test } from 'vitest'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { stallDeadlineMs } from './stall-deadline.ts'
import { StallWatch } from './stall-watch.ts'

test('a source is not blamed for bytes that are held up on this side', async () => {
  const clock = new FakeClock()
  let stalls = 0
  const onStall = (): void => {
    stalls += 1
  }
  using watch = new StallWatch({ clock, onStall, bytesOwed: () => 0 })
  watch.onAsked()
  const held = Promise.withResolvers<void>()
  const excused = watch.excuse(held.promise)
  await clock.advance(100_000)
  expect(stalls).toBe(0)
  held.resolve()
  await excused
  await clock.advance(stallDeadlineMs(0) - 1)
  expect(stalls).toBe(0)
  await clock.advance(1)
  expect(stalls).toBe(1)
})
