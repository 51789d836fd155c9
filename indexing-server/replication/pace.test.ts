import fc from 'fast-check'
import { expect, test } from 'vitest'
import { deadlines } from '../../common/limits.ts'
import {
  judgePace,
  movePace,
  nextWindow,
  type Pace,
  startPace,
  storedBytesPerMsMin,
  taskBytesPerMsMin,
} from './pace.ts'

const fetched = (bytes: number) => ({ bytes, isStoring: false })
const size = 100_000_000

test('a batch of which nothing comes is stalled, whatever its size', () => {
  const pace = startPace(0)
  expect(judgePace(pace, 1e15, deadlines.taskMs - 1)).not.toBe('stalled')
  expect(judgePace(pace, 1e15, deadlines.taskMs)).toBe('stalled')
  const moved = movePace(pace, fetched(1), 50_000)
  expect(judgePace(movePace(moved, fetched(1), 100_000), size, 50_000 + deadlines.taskMs)).toBe(
    'stalled',
  )
})

test('a batch that is only storing has a bounded time for it', () => {
  const storing = movePace(startPace(0), { bytes: size, isStoring: true }, 10)
  const allowedMs = deadlines.taskMs + size / storedBytesPerMsMin
  expect(judgePace(movePace(storing, { bytes: size, isStoring: true }, 99), size, allowedMs)).toBe(
    'fine',
  )
  expect(judgePace(storing, size, 10 + allowedMs)).toBe('stalled')
})

test('a trickling source is slow however long it lasts, one at the minimum rate is fine', () => {
  const drips = fc.array(
    fc.record({ ms: fc.nat(20_000), fraction: fc.double({ min: 0, max: 1, noNaN: true }) }),
    { minLength: 30, maxLength: 80 },
  )
  const run = (steps: readonly { ms: number; bytes: number }[]): Set<string> => {
    let nowMs = 0
    let bytes = 0
    let pace: Pace = startPace(0)
    const verdicts = new Set<string>()
    for (const step of steps) {
      nowMs += step.ms
      bytes += step.bytes
      pace = movePace(pace, fetched(bytes), nowMs)
      const verdict = judgePace(pace, size, nowMs)
      verdicts.add(verdict)
      if (verdict !== 'unknown') pace = nextWindow(pace, nowMs)
    }
    return verdicts
  }
  fc.assert(
    fc.property(drips, (steps) => {
      const least = (ms: number): number => ms * taskBytesPerMsMin
      const slow = steps.map(({ ms, fraction }) => ({ ms: ms + 1, bytes: least(ms) * fraction }))
      expect(run(slow).has('fine')).toBe(false)
      const good = steps.map(({ ms, fraction }) => ({ ms, bytes: least(ms) * (1 + fraction) + 1 }))
      expect(run(good).has('slow')).toBe(false)
    }),
  )
})
