import { expect, test } from 'vitest'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { RepairMeter } from './repair-meter.ts'

test('the speed is that of the last half minute; totals and failures stay', async () => {
  const clock = new FakeClock()
  const meter = new RepairMeter({ clock })
  expect(meter.speed).toEqual({ filesPerSecond: 0, bytesPerSecond: 0 })
  for (let second = 0; second < 100; second++) {
    for (let copy = 0; copy < 20; copy++) meter.onCopied(second < 50 ? 7 : 1_000)
    await clock.advance(1_000)
  }
  expect(meter.speed.filesPerSecond).toBeCloseTo(20, -1)
  expect(meter.speed.bytesPerSecond).toBeCloseTo(20_000, -4)
  meter.onFailed('DISK_FULL')
  meter.onFailed('DISK_FULL')
  await clock.advance(60_000)
  expect(meter.speed).toEqual({ filesPerSecond: 0, bytesPerSecond: 0 })
  expect(meter.totals).toEqual({ files: 2_000, bytes: 1_007_000 })
  expect(meter.failures).toEqual({ DISK_FULL: 2 })
})
