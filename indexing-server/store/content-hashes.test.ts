import { expect, test } from 'vitest'
import { hashNumberFrom } from './content-hashes.ts'
import { hashOf } from './store-fixture-contract.ts'

test('the number of a hash depends on the seed, and is an integer of 31 bits', () => {
  const hash = hashOf('text')
  const number = hashNumberFrom(1)(hash)
  expect(hashNumberFrom(1)(hash)).toBe(number)
  expect(hashNumberFrom(2)(hash)).not.toBe(number)
  for (const digit of ['0', 'f']) expect(hashNumberFrom(1)(digit.repeat(64))).toBeLessThan(2 ** 31)
})

test('hashes that differ in few digits have different numbers', () => {
  const numberOf = hashNumberFrom(7)
  const hashes = Array.from({ length: 10_000 }, (_, n) => n.toString(16).padStart(64, '0'))
  expect(new Set(hashes.map(numberOf)).size).toBe(hashes.length)
})
