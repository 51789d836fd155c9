import { expect, test } from 'vitest'
import { limits } from '../limits.ts'
import { thatFitFrame } from './frame-budget.ts'

test('rows that fit stay, rows that do not are cut off at the end', () => {
  expect(thatFitFrame([1, 2])).toEqual([1, 2])
  const rows = Array.from({ length: 2_000 }, () => '"'.repeat(1_000))
  const fitting = thatFitFrame(rows)
  expect(fitting.length).toBeLessThan(600)
  expect(Buffer.byteLength(JSON.stringify(fitting))).toBeLessThan(limits.frameBodyBytesMax)
  expect(Buffer.byteLength(JSON.stringify(fitting))).toBeGreaterThan(
    limits.frameBodyBytesMax - 8_192,
  )
})
