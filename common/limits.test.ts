import { expect, test } from 'vitest'
import { hashBytes } from './content/chunks.ts'
import { deadlines, limits } from './limits.ts'
import { shutdownMs } from './run-process.ts'

test('every bound is a positive whole number', () => {
  for (const [name, bound] of [...Object.entries(limits), ...Object.entries(deadlines)])
    expect(Number.isSafeInteger(bound) && bound > 0, name).toBe(true)
})

test('a chunk list fits a frame, and a name of one segment fits a name', () => {
  expect(limits.chunksMax * hashBytes).toBeLessThanOrEqual(limits.frameBodyBytesMax)
  expect(limits.nameSegmentBytesMax).toBeLessThanOrEqual(limits.nameBytesMax)
})

test('the largest content has chunks of a whole number of mebibytes below 1 GiB', () => {
  const chunkBytes = limits.contentBytesMax / limits.chunksMax
  expect(chunkBytes % limits.chunkBytesMin).toBe(0)
  expect(chunkBytes).toBeLessThan(2 ** 30)
})

test('an orderly close fits into a shutdown, and a dial into a request', () => {
  expect(deadlines.closeMs).toBeLessThan(shutdownMs)
  expect(deadlines.dialMs).toBeLessThan(deadlines.requestMs)
})
