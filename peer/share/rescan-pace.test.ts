import fc from 'fast-check'
import { expect, test } from 'vitest'
import { pauseBetweenScansMs, restMs } from './rescan-pace.ts'

const leastMs = 30_000

test('cheap scans follow the setting, others their cost', () => {
  const pause = (costMs: number, isWatched = true): number =>
    pauseBetweenScansMs({ leastMs, costMs, isWatched })
  expect(pause(0)).toBe(30_000)
  expect(pause(60)).toBe(30_000)
  expect(pause(300)).toBe(150_000)
  expect(pause(300, false)).toBe(30_000)
  expect(pause(3_000, false)).toBe(150_000)
  expect(pause(1e9)).toBe(3_600_000)
  expect(pause(1e9, false)).toBe(600_000)
})

test('the pause is never below the setting, and shorter without a watcher', () => {
  fc.assert(
    fc.property(
      fc.nat(86_400_000),
      fc.double({ min: 0, max: 1e9, noNaN: true }),
      (least, costMs) => {
        const watched = pauseBetweenScansMs({ leastMs: least, costMs, isWatched: true })
        const unwatched = pauseBetweenScansMs({ leastMs: least, costMs, isWatched: false })
        expect(unwatched).toBeGreaterThanOrEqual(least)
        expect(watched).toBeGreaterThanOrEqual(unwatched)
        expect(Number.isInteger(watched)).toBe(true)
      },
    ),
  )
})

test('a scan rests for three quarters of the time', () => {
  expect(restMs(10)).toBe(30)
  expect(restMs(0)).toBe(0)
})
