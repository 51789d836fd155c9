import { expect, test } from 'vitest'
import { durationMsOf } from './duration.ts'

test.each([
  ['90s', 90_000],
  ['30m', 1_800_000],
  ['1.5h', 5_400_000],
  ['7 D', 604_800_000],
  ['0s', 0],
  ['', undefined],
  ['30', undefined],
  ['-1h', undefined],
  ['1h30m', undefined],
  ['1w', undefined],
  ['9999999999d', undefined],
])('%j is %s ms', (text, ms) => {
  expect(durationMsOf(text)).toBe(ms)
})
