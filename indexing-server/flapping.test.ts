import fc from 'fast-check'
import { expect, test } from 'vitest'
import { breaksRemembered, flappingOf, flappingWindowMs } from './flapping.ts'

const minute = 60_000
const deadAfterMs = minute
const hour = 60 * minute

const stayOf = (breaks: number): number | undefined => {
  const breaksMs = Array.from({ length: breaks }, (_, index) => hour + index * minute)
  const nowMs = hour + breaks * minute
  return flappingOf(breaksMs, nowMs, { deadAfterMs, nowMs })?.leftMs
}

test('a few restarts are no reason; more take a stay that grows and is bounded', () => {
  expect([0, 1, 3].map(stayOf)).toEqual([undefined, undefined, undefined])
  expect([4, 5, 6, 7, 8, 16].map((breaks) => Number(stayOf(breaks)) / minute)).toEqual([
    10, 20, 40, 60, 60, 60,
  ])
})

test('the stay begins with the last return, and old breaks do not count', () => {
  const breaksMs = [0, 1, 2, 3].map((each) => each * minute)
  const at = (liveSinceMs: number | undefined, nowMs: number) =>
    flappingOf(breaksMs, liveSinceMs, { deadAfterMs, nowMs })
  expect(at(undefined, 30 * minute)).toEqual({ breaks: 4, leftMs: 10 * minute })
  expect(at(30 * minute, 36 * minute)).toEqual({ breaks: 4, leftMs: 4 * minute })
  expect(at(30 * minute, 40 * minute)).toBeUndefined()
  expect(at(flappingWindowMs(deadAfterMs), flappingWindowMs(deadAfterMs))).toBeUndefined()
})

test('a peer that stays is trusted again after an hour at most, whatever it did before', () => {
  const gaps = fc.array(fc.nat({ max: 2 * hour }), { maxLength: breaksRemembered })
  fc.assert(
    fc.property(gaps, fc.nat({ max: hour }), (gapsMs, downMs) => {
      let breakMs = 0
      const breaksMs = gapsMs.map((gapMs) => (breakMs += gapMs))
      const liveSinceMs = breakMs + downMs
      const at = (nowMs: number) => flappingOf(breaksMs, liveSinceMs, { deadAfterMs, nowMs })
      const leftMs = at(liveSinceMs)?.leftMs ?? 0
      expect(leftMs).toBeLessThanOrEqual(hour)
      expect(at(liveSinceMs + leftMs)).toBeUndefined()
      expect(at(liveSinceMs + leftMs - 1)?.leftMs ?? 1).toBe(1)
    }),
  )
})
