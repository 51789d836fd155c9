import { expect, test } from 'vitest'
import {
  agoText,
  bytesText,
  countText,
  dateText,
  durationText,
  numberText,
  percentText,
} from './units.ts'

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.00 KB'],
  [9_994, '9.99 KB'],
  [9_996, '10.0 KB'],
  [99_960, '100 KB'],
  [999_499, '999 KB'],
  [999_500, '1.00 MB'],
  [1.234e9, '1.23 GB'],
  [5e18, '5000 PB'],
])('%d bytes are %s', (bytes, text) => {
  expect(bytesText(bytes)).toBe(text)
})

test.each([
  [0, '0 s'],
  [1, '1 s'],
  [59_001, '1 min'],
  [185_000, '3 min 5 s'],
  [7_200_000, '2 h'],
  [352_800_000, '4 d 2 h'],
])('%d ms are %s', (ms, text) => {
  expect(durationText(ms)).toBe(text)
})

test.each([
  [0, 'now'],
  [-5_000, 'now'],
  [59_999, '59 s ago'],
  [3_600_000, '1 h ago'],
  [900_000_000, '10 d ago'],
])('%d ms ago is %s', (ms, text) => {
  expect(agoText(ms)).toBe(text)
})

test('a share is 100 % only when nothing is missing', () => {
  expect([percentText(0, 0), percentText(999, 1000), percentText(1, 1)]).toEqual([
    '0 %',
    '99 %',
    '100 %',
  ])
})

test('counts have separators and the right number', () => {
  expect([
    countText(1, 'file'),
    countText(12_345, 'copy', 'copies'),
    numberText(1_000_000),
  ]).toEqual(['1 file', '12,345 copies', '1,000,000'])
})

test('a date names the day unless it is today', () => {
  const noon = new Date(2026, 10, 29, 12, 5).getTime()
  expect(dateText(noon, noon)).toBe('Today 12:05')
  expect(dateText(noon, new Date(2026, 10, 30, 0, 1).getTime())).toBe('2026-11-29 12:05')
})
