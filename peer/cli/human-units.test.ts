import { expect, test } from 'vitest'
import { bytesText, countText, durationText, speedText } from './human-units.ts'

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1.00 KB'],
  [999_994, '999.99 KB'],
  [999_999, '1.00 MB'],
  [1_073_741_824, '1.07 GB'],
  [8.5e18, '8500.00 PB'],
])('%d bytes are %s', (bytes, text) => {
  expect(bytesText(bytes)).toBe(text)
})

test('a speed has the unit of the sample session', () => {
  expect(speedText(1024 / 0.05)).toBe('20.48 KB/s')
})

test.each([
  [0, '0 s'],
  [0.2, '1 s'],
  [59.5, '1 min 00 s'],
  [185, '3 min 05 s'],
  [3_600, '1 h 00 min'],
  [5_430, '1 h 30 min'],
  [86_400, '1 d 00 h'],
  [93_600, '1 d 02 h'],
  [100_000, '1 d 03 h'],
])('%d seconds are %s', (seconds, text) => {
  expect(durationText(seconds)).toBe(text)
})

test('a count of 1 is singular', () => {
  expect([countText(1, 'copy', 'copies'), countText(2, 'copy', 'copies')]).toEqual([
    '1 copy',
    '2 copies',
  ])
})
