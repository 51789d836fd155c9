import { expect, test } from 'vitest'
import { rangeOf } from './byte-range.ts'

test.each([
  [undefined, undefined],
  ['bytes=0-9', { start: 0, bytes: 10 }],
  ['bytes=5-', { start: 5, bytes: 95 }],
  ['bytes=90-1000', { start: 90, bytes: 10 }],
  ['bytes=-7', { start: 93, bytes: 7 }],
  ['bytes=-1000', { start: 0, bytes: 100 }],
  ['bytes=99-99', { start: 99, bytes: 1 }],
  ['bytes=100-', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
  ['bytes=9-5', undefined],
  ['bytes=0-1,3-4', undefined],
  ['bytes=-', undefined],
  ['lines=0-1', undefined],
])('the range %j of 100 bytes', (header, range) => {
  expect(rangeOf(header, 100)).toEqual(range)
})

test('an empty file has no range', () => {
  expect(rangeOf('bytes=0-', 0)).toBe('unsatisfiable')
})
