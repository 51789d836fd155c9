import { expect, test } from 'vitest'
import { byteRateOf } from './byte-rate.ts'

test.each<[unknown, ReturnType<typeof byteRateOf>]>([
  [5_000_000, 5_000_000],
  ['5000000', 5_000_000],
  ['5MB', 5_000_000],
  ['5 MB/s', 5_000_000],
  ['5mb/s', 5_000_000],
  ['1.5GB', 1_500_000_000],
  ['512KiB', 524_288],
  ['100000B', 100_000],
  ['50KB', 50_000],
  ['unlimited', 'unlimited'],
  ['Unlimited', 'unlimited'],
  ['49KB', undefined],
  [49_999, undefined],
  [50_000.5, undefined],
  [0, undefined],
  [-5_000_000, undefined],
  [Number.NaN, undefined],
  [Number.POSITIVE_INFINITY, undefined],
  ['999999999GB', undefined],
  ['5 Mbit/s', undefined],
  ['5MB/h', undefined],
  ['MB', undefined],
  ['', undefined],
  [true, undefined],
  [null, undefined],
])('%j is %j', (value, rate) => {
  expect(byteRateOf(value)).toBe(rate)
})
