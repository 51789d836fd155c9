import { AssertionError } from 'node:assert'
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { seededRandom } from '../random.ts'
import { chunkRootOf } from './chunks.ts'
import { UnitHasher, unitBytes } from './unit-hasher.ts'

test.each([1, 2, 4.5, 6])('%d units in chunks of two', async (count) => {
  const bytes = seededRandom('units').bytes(count * unitBytes) as Buffer<ArrayBuffer>
  const hasher = new UnitHasher(2 * unitBytes)
  for (let start = 0; start < bytes.length; start += unitBytes)
    await hasher.put(bytes.subarray(start, start + unitBytes))

  const digest = (part: Buffer): Buffer => createHash('sha256').update(part).digest()
  const chunkStarts = Array.from({ length: Math.ceil(count / 2) }, (_, i) => i * 2 * unitBytes)
  const chunkList = Buffer.concat(
    chunkStarts.map((start) => digest(bytes.subarray(start, start + 2 * unitBytes))),
  )
  expect(await hasher.finish()).toEqual({
    content: {
      sha256: digest(bytes).toString('hex'),
      size: bytes.length,
      chunkRoot: chunkRootOf(chunkList),
    },
    chunkList,
  })
})

test('nothing comes after a unit that was not full', async () => {
  const hasher = new UnitHasher(unitBytes)
  await hasher.put(Buffer.alloc(10))
  await expect(hasher.put(Buffer.alloc(10))).rejects.toThrow(AssertionError)
})
