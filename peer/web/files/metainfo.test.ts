import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { aContent, chunkOf } from '../../../common/testing/contents.ts'
import { bencode, PieceHasher } from './metainfo.ts'

test('values are encoded according to BEP 3', () => {
  expect(bencode({ cow: 'moo', list: { size: 42 }, urls: ['a', 'b'] }).toString()).toBe(
    'd3:cow3:moo4:listd4:sizei42ee4:urlsl1:a1:bee',
  )
})

test('pieces are hashed however the bytes arrive', () => {
  const file = aContent(2 * 1024 * 1024 + 5)
  const expected = [0, 1, 2].map((piece) =>
    createHash('sha1').update(chunkOf(file.bytes, piece)).digest(),
  )
  for (const step of [1_000_003, 262_144, 5_000_000]) {
    const hasher = new PieceHasher(file.content.size)
    for (let start = 0; start < file.bytes.length; start += step)
      hasher.update(file.bytes.subarray(start, start + step))
    expect(hasher.finish().equals(Buffer.concat(expected))).toBe(true)
  }
})
