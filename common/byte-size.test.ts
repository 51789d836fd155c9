import { expect, test } from 'vitest'
import { byteSizeOf } from './byte-size.ts'

test.each<[unknown, number | undefined]>([
  [0, 0],
  [5_000_000, 5_000_000],
  ['0', 0],
  ['500GB', 500_000_000_000],
  ['1.5 tb', 1_500_000_000_000],
  ['512KiB', 524_288],
  ['2TiB', 2_199_023_255_552],
  ['7', 7],
  [-1, undefined],
  [0.5, undefined],
  [Number.NaN, undefined],
  ['99999999TB', undefined],
  ['5MB/s', undefined],
  ['GB', undefined],
  ['', undefined],
  [true, undefined],
])('%j is %j bytes', (value, bytes) => {
  expect(byteSizeOf(value)).toBe(bytes)
})
