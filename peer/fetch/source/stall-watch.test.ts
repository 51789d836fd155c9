import { expect, test } from 'vitest'
import { limits } from '../../../common/limits.ts'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import { ConnectionProgress } from './connection-progress.ts'
import { stallDeadlineMs } from './stall-deadline.ts'
import { StallWatch } from './stall-watch.ts'

function aWatch() {
  const clock = new FakeClock()
  const progress = new ConnectionProgress({ clock })
  const watch = { clock, progress, stalls: 0 }
  const onStall = (): void => {
    watch.stalls += 1
  }
  const stallWatch = new StallWatch({ clock, onStall, bytesOwed: () => 0 })
  stallWatch.onAsked(progress)
  return Object.assign(watch, { stallWatch })
}

test('a source is not blamed for bytes that are held up on this side', async () => {
  const world = aWatch()
  const { clock, progress } = world
  const held = Promise.withResolvers<void>()
  const excused = progress.excuse(held.promise)
  await clock.advance(100_000)
  expect(world.stalls).toBe(0)
  held.resolve()
  await excused
  await clock.advance(stallDeadlineMs(0) - 1)
  expect(world.stalls).toBe(0)
  await clock.advance(1)
  expect(world.stalls).toBe(1)
})

test('bytes for others on a connection count while it has an open request', async () => {
  const world = aWatch()
  const { clock, progress, stallWatch } = world
  const elsewhere = new ConnectionProgress({ clock })
  stallWatch.onAsked(elsewhere)
  for (let times = 0; times < 5; times += 1) {
    await clock.advance(stallDeadlineMs(0) - 1)
    progress.onBytes(limits.bulkProgressBytesMin)
  }
  expect(world.stalls).toBe(0)
  stallWatch.onAnswered(progress)
  await clock.advance(stallDeadlineMs(0) - 1)
  progress.onBytes(limits.bulkProgressBytesMin)
  expect(world.stalls).toBe(0)
  await clock.advance(1)
  expect(world.stalls).toBe(1)
})
