import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../common/random.ts'
import {
  costOf,
  isBusyWith,
  type ScrubPace,
  scrubLeftMs,
  scrubRate,
  scrubWaitMs,
} from './scrub-pace.ts'

const dayMs = 86_400_000
const gigabyte = 1_000_000_000
const pace: ScrubPace = {
  total: { bytes: 2_592 * gigabyte, files: 0 },
  read: { bytes: 0, files: 0 },
  passedMs: 0,
  passMs: 30 * dayMs,
  bytesPerSecondMax: 50_000_000,
  isHurried: false,
  isBusy: false,
}

test('a pass is spread over its time, up to the limit', () => {
  expect(scrubRate(pace)).toBe(1_000_000)
  const half = { bytes: pace.total.bytes / 2, files: 0 }
  expect(scrubRate({ ...pace, read: half, passedMs: 15 * dayMs })).toBe(1_000_000)
  // It catches up, but not within moments.
  expect(scrubRate({ ...pace, passedMs: 25 * dayMs })).toBe(6_000_000)
  expect(scrubRate({ ...pace, passedMs: 300 * dayMs })).toBe(10_000_000)
  const huge = { bytes: 1e15, files: 0 }
  expect(scrubRate({ ...pace, total: huge })).toBe(pace.bytesPerSecondMax)
})

test('a hurried pass reads at the limit, and each yields to people', () => {
  expect(scrubRate({ ...pace, isHurried: true })).toBe(50_000_000)
  expect(scrubRate({ ...pace, isHurried: true, isBusy: true })).toBe(50_000_000 / 16)
  expect(scrubRate({ ...pace, isBusy: true })).toBe(1_000_000 / 16)
  expect([isBusyWith(1_000, 1_000), isBusyWith(1_000_000, 1_000), isBusyWith(9, 0)]).toEqual([
    false,
    true,
    false,
  ])
})

test('empty files take time, too, and nothing takes none', () => {
  const total = { bytes: 0, files: 1_000_000 }
  expect(scrubRate({ ...pace, total })).toBeGreaterThan(1_000)
  expect(scrubRate({ ...pace, total: { bytes: 0, files: 0 } })).toBe(1)
})

describe.each([1, 2, 3, 4, 5, 6, 7, 8])('seed %i', (seed) => {
  test('a pass ends in time whatever happens, if the limit allows it', () => {
    const random = seededRandom(`scrub ${seed}`)
    const passMs = 30 * dayMs
    const total = {
      bytes: 1e9 + random.fraction() * 1e13,
      files: Math.floor(random.fraction() * 1e6),
    }
    let read = { bytes: 0, files: 0 }
    let nowMs = 0
    while (costOf(read) < costOf(total)) {
      const isBusy = random.fraction() < 0.3
      const rate = scrubRate({ ...pace, total, read, passedMs: nowMs, passMs, isBusy })
      expect(rate).toBeLessThanOrEqual(pace.bytesPerSecondMax)
      // Every wait is bounded, so that a change of the facts is noticed.
      expect(scrubWaitMs(1e15, rate)).toBe(60_000)
      const stepMs = 3_600_000
      nowMs += stepMs
      const bytes = (rate * stepMs) / 1_000
      read = { bytes: Math.min(total.bytes, read.bytes + bytes), files: total.files }
    }
    expect(nowMs).toBeLessThanOrEqual(passMs * 1.15)
    expect(scrubLeftMs({ ...pace, total, read, passedMs: nowMs, passMs })).toBe(0)
  })
})
