import fc from 'fast-check'
import { expect, test } from 'vitest'
import { aContent, chunkOf } from '../../common/testing/contents.ts'
import { ChunkCheck } from './chunk-check.ts'

const big = aContent(2 * 1_024 * 1_024 + 7)

function check(bytes: Buffer, cuts: readonly number[] = [], chunk = 2): boolean {
  const into = new ChunkCheck(big.content, chunk)
  into.begin(bytes.length)
  const ends = [...cuts.map((cut) => cut % bytes.length).toSorted((a, b) => a - b), bytes.length]
  let start = 0
  for (const end of ends) {
    into.write(bytes.subarray(start, end))
    start = end
  }
  return into.isTrue()
}

test('the chunk list and the chunk are true, however they are cut', () => {
  const shown = Buffer.concat([big.chunkList, chunkOf(big.bytes, 2)])
  fc.assert(
    fc.property(fc.array(fc.nat()), (cuts) => {
      expect(check(shown, cuts)).toBe(true)
    }),
  )
})

test('another chunk, another list, and too few or too many bytes are not', () => {
  const chunk = chunkOf(big.bytes, 2)
  const otherList = Buffer.from(big.chunkList)
  otherList.fill(7, 64)
  expect(check(Buffer.concat([big.chunkList, Buffer.alloc(chunk.length)]))).toBe(false)
  expect(check(Buffer.concat([otherList, chunk]))).toBe(false)
  const into = new ChunkCheck(big.content, 2)
  expect(() => into.begin(1)).toThrow('A shown chunk')
  expect([into.isRefused, into.isTrue()]).toEqual([true, false])
})
