import { AssertionError } from 'node:assert'
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { limits } from '../limits.ts'
import {
  chunkBytesFor,
  chunkCountFor,
  chunkHashAt,
  chunkRange,
  chunkRootOf,
  hashBytes,
} from './chunks.ts'

const mebibyte = 2 ** 20
const gibibyte = 2 ** 30

test.each([
  [0, mebibyte, 1],
  [1, mebibyte, 1],
  [mebibyte, mebibyte, 1],
  [mebibyte + 1, mebibyte, 2],
  [16 * gibibyte, mebibyte, 16_384],
  [16 * gibibyte + 1, 2 * mebibyte, 8_193],
  [32 * gibibyte, 2 * mebibyte, 16_384],
  [limits.contentBytesMax, 512 * mebibyte, 16_384],
])('a content of %i bytes has chunks of %i bytes, %i of them', (size, chunkBytes, count) => {
  expect(chunkBytesFor(size)).toBe(chunkBytes)
  expect(chunkCountFor(size)).toBe(count)
})

test.each([-1, 0.5, Number.NaN, limits.contentBytesMax + 1])('%d is not a size', (size) => {
  expect(() => chunkBytesFor(size)).toThrow(AssertionError)
})

const anySize = fc.integer({ min: 0, max: limits.contentBytesMax })

test('chunks lie end to end, are full but for the last, and are never too many', () => {
  const position = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  fc.assert(
    fc.property(anySize, position, (size, where) => {
      const count = chunkCountFor(size)
      const index = Math.floor(where * count)
      const { start, bytes } = chunkRange(size, index)
      expect(count).toBeLessThanOrEqual(limits.chunksMax)
      expect(start).toBe(index * chunkBytesFor(size))
      expect(start + bytes).toBe(Math.min(size, start + chunkBytesFor(size)))
      expect(bytes > 0 || size === 0).toBe(true)
    }),
  )
})

test('the chunk size is the smallest that does', () => {
  fc.assert(
    fc.property(anySize, (size) => {
      const half = chunkBytesFor(size) / 2
      expect(half < limits.chunkBytesMin || half * limits.chunksMax < size).toBe(true)
    }),
  )
})

describe('a range of chunks', () => {
  test('is that of its first and last', () => {
    expect(chunkRange(2.5 * mebibyte, 1, 2)).toEqual({ start: mebibyte, bytes: 1.5 * mebibyte })
    expect(chunkRange(0, 0)).toEqual({ start: 0, bytes: 0 })
  })

  test.each([
    [-1, 1],
    [0, 0],
    [0, 4],
    [3, 1],
  ])('from %i on, %i of three do not exist', (index, count) => {
    expect(() => chunkRange(2.5 * mebibyte, index, count)).toThrow(AssertionError)
  })
})

describe('a chunk list', () => {
  const one = Buffer.alloc(hashBytes, 1)
  const two = Buffer.alloc(hashBytes, 2)

  test('of one chunk has that hash as its root', () => {
    expect(chunkRootOf(one)).toBe('01'.repeat(hashBytes))
  })

  test('of several has its own hash as its root', () => {
    const list = Buffer.concat([one, two])
    expect(chunkRootOf(list)).toBe(createHash('sha256').update(list).digest('hex'))
    expect(chunkHashAt(list, 1)).toEqual(two)
  })

  test('is whole hashes, at least one', () => {
    expect(() => chunkRootOf(Buffer.alloc(0))).toThrow(AssertionError)
    expect(() => chunkRootOf(Buffer.alloc(hashBytes + 1))).toThrow(AssertionError)
    expect(() => chunkHashAt(one, 1)).toThrow(AssertionError)
  })
})
