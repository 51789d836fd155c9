import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ChunkSet } from '../../../common/content/chunk-set.ts'
import { chunkBytesFor, chunkCountFor } from '../../../common/content/chunks.ts'
import { limits } from '../../../common/limits.ts'
import type { ChunksHeld } from '../source/chunk-source.ts'
import {
  chunksAtOnceFor,
  chunkToAskAgain,
  expectedMs,
  fetchWindowBytes,
  nextChunkBefore,
  nextChunks,
  ranksFrom,
  readsInFlightFor,
  readsPerSourceMax,
  swarmWindowChunks,
} from './chunk-plan.ts'

function chunkSet(chunkCount: number, chunks: readonly number[]): ChunkSet {
  const set = new ChunkSet(chunkCount)
  for (const chunk of chunks) if (chunk < chunkCount) set.add(chunk)
  return set
}

test('a reader is given the first chunk that the source has, of those it wants by now', () => {
  const taken = chunkSet(10, [0, 1, 3])
  expect(nextChunkBefore(10, taken, undefined)).toBe(2)
  expect(nextChunkBefore(2, taken, undefined)).toBeUndefined()
  expect(nextChunkBefore(6, taken, chunkSet(10, [1, 5, 7]))).toBe(5)
  expect(nextChunkBefore(5, taken, chunkSet(10, [1, 5, 7]))).toBeUndefined()
  expect(nextChunkBefore(10, chunkSet(10, [...Array(10).keys()]), undefined)).toBeUndefined()
})

/**
 * Sources with any chunks, asked in any order, each answer coming or failing at any time: no chunk is
 * requested from two sources at the same time, none of a source that lacks it, each that arrived is never asked again, and the
 * plan ends with exactly the chunks that the sources have together.
 */
test('any sources together give each of their chunks exactly once', () => {
  const source = fc.oneof(fc.constant(undefined), fc.uniqueArray(fc.nat(39)))
  const outcomes = fc.infiniteStream(fc.record({ place: fc.nat(), comes: fc.boolean() }))
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.array(source, { minLength: 1, maxLength: 5 }),
      outcomes,
      (chunkCount, haves, steps) => {
        const chunksHeld: ChunksHeld[] = haves.map((have) => have && chunkSet(chunkCount, have))
        const partial = chunksHeld.flatMap((one) => one ?? [])
        const rankOf = ranksFrom(chunkCount)
        const taken = new ChunkSet(chunkCount)
        const asked: { chunk: number; by: number }[] = []
        const came: number[] = []
        for (const { place, comes } of steps) {
          const by = place % chunksHeld.length
          const chunk = nextChunks({ taken, own: chunksHeld[by], partial, rankOf })[0]
          const isWrong =
            chunk !== undefined &&
            (came.includes(chunk) ||
              asked.some((one) => one.chunk === chunk) ||
              chunksHeld[by]?.has(chunk) === false)
          expect(isWrong).toBe(false)
          if (chunk !== undefined) {
            taken.add(chunk)
            asked.push({ chunk, by })
          }
          const [ended] =
            comes || asked.length > 3 ? asked.splice(place % (asked.length || 1), 1) : []
          if (ended !== undefined && comes) came.push(ended.chunk)
          else if (ended !== undefined) taken.delete(ended.chunk)
          const isOver = chunksHeld.every(
            (own) => nextChunks({ taken, own, partial, rankOf })[0] === undefined,
          )
          if (isOver && asked.length === 0) break
        }
        const all = [...Array(chunkCount).keys()]
        const union = all.filter((chunk) => chunksHeld.some((own) => own?.has(chunk) !== false))
        expect(came.toSorted((a, b) => a - b)).toEqual(union)
      },
    ),
    { numRuns: 300 },
  )
})

test('chunks are asked for in order when all are equally rare', () => {
  const taken = chunkSet(3, [0, 1])
  expect(nextChunks({ taken: taken, own: undefined, partial: [] })[0]).toBe(2)
  taken.delete(0)
  expect(nextChunks({ taken: taken, own: undefined, partial: [] })[0]).toBe(0)
  expect(nextChunks({ taken: chunkSet(1, [0]), own: undefined, partial: [] })[0]).toBeUndefined()
})

test('the rarest chunk comes first', () => {
  const a = chunkSet(4, [0, 1, 3])
  const b = chunkSet(4, [0, 3])
  const none = new ChunkSet(4)
  expect(nextChunks({ taken: none, own: undefined, partial: [a, b] })[0]).toBe(2)
  expect(nextChunks({ taken: none, own: a, partial: [a, b] })[0]).toBe(1)
  expect(nextChunks({ taken: none, own: b, partial: [a, b] })[0]).toBe(0)
})

test('equally rare chunks are ordered differently for each download, once others download too', () => {
  const others = [new ChunkSet(64)]
  const orderFor = (seed: number): number[] => {
    const taken = new ChunkSet(64)
    const choice = { taken, own: undefined, partial: others, rankOf: ranksFrom(seed) }
    const next = (): number => nextChunks(choice)[0] ?? -1
    return Array.from({ length: 64 }, () => {
      const chunk = next()
      taken.add(chunk)
      return chunk
    })
  }
  const [one, other] = [orderFor(1), orderFor(2)]
  const inOrder = [...Array(64).keys()]
  expect(one.toSorted((a, b) => a - b)).toEqual(inOrder)
  expect(one.slice(0, 8).filter((chunk) => other.slice(0, 8).includes(chunk)).length).toBeLessThan(
    4,
  )
})

test('a source that has all leaves others what they have and can give now', () => {
  const none = new ChunkSet(3)
  const peer = chunkSet(3, [0, 1])
  expect(nextChunks({ taken: none, own: undefined, partial: [peer], idle: [peer] })[0]).toBe(2)
  const taken = chunkSet(3, [2])
  expect(nextChunks({ taken, own: undefined, partial: [peer], idle: [peer] })[0]).toBeUndefined()
  expect(nextChunks({ taken, own: undefined, partial: [peer] })[0]).toBe(0)
})

test('of a large content, the rarest of the next chunks is taken, and what only a source far behind has', () => {
  const count = 4 * swarmWindowChunks
  const far = chunkSet(count, [count - 1])
  const others = [far, chunkSet(count, [0])]
  const first = nextChunks({ taken: new ChunkSet(count), own: undefined, partial: others })[0] ?? -1
  expect(first).toBe(1)
  expect(nextChunks({ taken: new ChunkSet(count), own: far, partial: others })[0]).toBe(count - 1)
})

test('at the end the chunk that would arrive last is requested again, if that is much faster', () => {
  const elsewhere = [
    { chunk: 1, leftMs: 500 },
    { chunk: 2, leftMs: Number.POSITIVE_INFINITY },
    { chunk: 3, leftMs: 900 },
  ]
  expect(chunkToAskAgain(elsewhere, undefined, 100)).toBe(2)
  expect(chunkToAskAgain(elsewhere, chunkSet(4, [1, 3]), 100)).toBe(3)
  expect(chunkToAskAgain(elsewhere, chunkSet(4, [1, 3]), 450)).toBeUndefined()
  expect(chunkToAskAgain([], undefined, 0)).toBeUndefined()
})

test('more is requested simultaneously from a fast source far away than from a slow one nearby', () => {
  const chunkBytes = limits.chunkBytesMin
  const reads = (bytesPerMs: number | undefined, delayMs: number): number =>
    readsInFlightFor({ bytesPerMs, delayMs }, chunkBytes)
  expect(reads(undefined, 0)).toBe(limits.readsPerSourceMin)
  expect(reads(1_000, 1)).toBe(limits.readsPerSourceMin)
  expect(reads(125_000, 50)).toBe(10)
  expect(reads(1_000_000, 500)).toBe(readsPerSourceMax)
})

test('a source that has stopped is expected never, an unknown one soon', () => {
  expect(expectedMs({ bytesPerMs: 0, delayMs: 5 }, 1)).toBe(Number.POSITIVE_INFINITY)
  expect(expectedMs({ bytesPerMs: undefined, delayMs: 5 }, 1)).toBe(5)
  expect(expectedMs({ bytesPerMs: 10, delayMs: 5 }, 100)).toBe(15)
})

test('the window is bounded and never empty', () => {
  fc.assert(
    fc.property(
      fc.maxSafeNat().map((size) => size % limits.contentBytesMax),
      (size) => {
        const chunks = chunksAtOnceFor(size)
        expect(chunks).toBeGreaterThanOrEqual(1)
        expect(chunks).toBeLessThanOrEqual(chunkCountFor(size))
        const windowBytes = Math.max(fetchWindowBytes, chunkBytesFor(size))
        expect(chunks * chunkBytesFor(size)).toBeLessThanOrEqual(windowBytes)
      },
    ),
  )
})
