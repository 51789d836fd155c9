import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ChunkSet } from './chunk-set.ts'

test('behaves as a set of numbers does', () => {
  const steps = fc.array(fc.record({ chunk: fc.nat(40), adds: fc.boolean() }))
  fc.assert(
    fc.property(steps, fc.integer({ min: 41, max: 64 }), (changes, chunkCount) => {
      const chunks = new ChunkSet(chunkCount)
      const model = new Set<number>()
      for (const { chunk, adds } of changes) {
        if (adds) chunks.add(chunk)
        else chunks.delete(chunk)
        if (adds) model.add(chunk)
        else model.delete(chunk)
      }
      const all = Array.from({ length: chunkCount }, (_, chunk) => chunk)
      expect(all.filter((chunk) => chunks.has(chunk))).toEqual(all.filter((c) => model.has(c)))
      expect(chunks.size).toBe(model.size)
      for (const from of all)
        expect(chunks.firstMissing(from)).toBe(all.find((c) => c >= from && !model.has(c)))
    }),
  )
})

test('is full when nothing is missing', () => {
  const chunks = new ChunkSet(17)
  for (let chunk = 0; chunk < 17; chunk += 1) {
    expect(chunks.isFull).toBe(false)
    chunks.add(chunk)
  }
  expect(chunks.isFull).toBe(true)
  expect(chunks.firstMissing()).toBeUndefined()
})

test('a chunk that the content does not have is a mistake of the caller', () => {
  expect(() => new ChunkSet(8).has(8)).toThrow('falsy')
  expect(() => new ChunkSet(9).add(9)).toThrow('falsy')
})

test('crosses the wire as a bitmap', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 70 }), fc.array(fc.nat(69)), (chunkCount, added) => {
      const chunks = new ChunkSet(chunkCount)
      for (const chunk of added) if (chunk < chunkCount) chunks.add(chunk)
      const back = ChunkSet.fromBitmap(chunkCount, chunks.toBitmap())
      expect(back?.size).toBe(chunks.size)
      expect(back?.toBitmap()).toBe(chunks.toBitmap())
    }),
  )
})

test.each([
  ['too short', 9, 'gA=='],
  ['too long', 8, 'gIA='],
  ['a chunk too many', 7, 'AQ=='],
  ['not base64', 8, 'g=!?'],
])('a bitmap that is %s is none', (_, chunkCount, bitmap) => {
  expect(ChunkSet.fromBitmap(chunkCount, bitmap)).toBeUndefined()
})
