import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ChunkSet } from '../../common/content/chunk-set.ts'
import { chunkBytesFor, chunkCountFor } from '../../common/content/chunks.ts'
import { limits } from '../../common/limits.ts'
import { nextChunk, readsInFlightFor } from './plan.ts'

test('every chunk is asked for until it comes, and never by two at once', () => {
  const outcomes = fc.infiniteStream(fc.record({ lane: fc.nat(7), comes: fc.boolean() }))
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), outcomes, (chunkCount, steps) => {
      const taken = new ChunkSet(chunkCount)
      const inFlight = new Map<number, number>()
      const came: number[] = []
      for (const { lane, comes } of steps) {
        const chunk = inFlight.get(lane)
        inFlight.delete(lane)
        if (chunk !== undefined && comes) came.push(chunk)
        if (chunk !== undefined && !comes) taken.delete(chunk)
        const next = nextChunk(taken)
        expect([...inFlight.values(), ...came]).not.toContain(next)
        if (next === undefined && inFlight.size === 0) break
        if (next !== undefined) {
          taken.add(next)
          inFlight.set(lane, next)
        }
      }
      expect(came.toSorted((a, b) => a - b)).toEqual([...Array(chunkCount).keys()])
    }),
    { numRuns: 200 },
  )
})

test('chunks are asked for in order', () => {
  const taken = new ChunkSet(3)
  taken.add(0)
  taken.add(1)
  expect(nextChunk(taken)).toBe(2)
  taken.delete(0)
  expect(nextChunk(taken)).toBe(0)
})

test('the window is bounded and never empty', () => {
  fc.assert(
    fc.property(
      fc.maxSafeNat().map((size) => size % limits.contentBytesMax),
      (size) => {
        const reads = readsInFlightFor(size)
        expect(reads).toBeGreaterThanOrEqual(1)
        expect(reads).toBeLessThanOrEqual(chunkCountFor(size))
        const windowBytes = Math.max(limits.fetchWindowBytes, chunkBytesFor(size))
        expect(reads * chunkBytesFor(size)).toBeLessThanOrEqual(windowBytes)
      },
    ),
  )
})
