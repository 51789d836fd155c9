import { expect, test } from 'vitest'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import { SpeedMeter } from './speed-meter.ts'

test('the speed is that of the last seconds', async () => {
  const clock = new FakeClock()
  const meter = new SpeedMeter({ clock })
  expect(meter.bytesPerSecond).toBe(0)
  let bytes = 0
  const run = async (seconds: number, bytesPerSecond: number): Promise<void> => {
    for (let tenth = 0; tenth < seconds * 10; tenth += 1) {
      await clock.advance(100)
      meter.onProgress((bytes += bytesPerSecond / 10))
    }
  }
  await run(1, 1000)
  expect(meter.bytesPerSecond).toBeCloseTo(1000)
  await run(20, 5000)
  expect(meter.bytesPerSecond).toBeCloseTo(5000)
  expect(meter.bytes).toBe(101_000)
})

test('silence makes it slower', async () => {
  const clock = new FakeClock()
  const meter = new SpeedMeter({ clock })
  await clock.advance(1000)
  meter.onProgress(10_000)
  expect(meter.bytesPerSecond).toBeCloseTo(10_000, 1)
  await clock.advance(3000)
  expect(meter.bytesPerSecond).toBeCloseTo(2500, 1)
  await clock.advance(60_000)
  expect(meter.bytesPerSecond).toBe(0)
})
