import { expect, test } from 'vitest'
import { stallDeadlineMs } from './stall-deadline.ts'

test.each([
  [0, 15_000],
  [1_000, 15_001],
  [1024 * 1024, 16_024],
  [12 * 1024 * 1024, 27_288],
])('a source that owes %i bytes may be silent for %i ms', (bytesOwed, deadlineMs) => {
  expect(stallDeadlineMs(bytesOwed)).toBe(deadlineMs)
})
