import { expect, test } from 'vitest'
import { sha256 } from '../../common/content/hash.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import type { OpenFiles } from './open-files.ts'
import type { ServedFile } from './served-contents.ts'
import { VerifiedChunks } from './verified-chunks.ts'

const chunkBytes = 4 * 1024 * 1024

test('idle chunks are bounded by their bytes, whatever their size', async () => {
  const file = { at: { name: 'f', path: '/f', root: '/' } } as ServedFile
  const bytes = Buffer.alloc(chunkBytes)
  const hash = await sha256(bytes)
  const read: number[] = []
  const handle = {
    read: async (into: Buffer, offset: number, length: number, position: number) => {
      read.push(position / chunkBytes)
      into.fill(0, offset, offset + length)
      return { bytesRead: length }
    },
  }
  const openFiles = {
    use: async () => ({ handle, [Symbol.dispose]: () => {} }),
  } as unknown as OpenFiles
  using chunks = new VerifiedChunks({
    openFiles,
    recheck: () => {},
    verify: () => {},
    contents: { first: () => file, find: () => [file], chunkList: () => undefined },
    clock: new FakeClock(),
  })
  const use = async (index: number): Promise<void> => {
    const range = { start: index * chunkBytes, bytes: chunkBytes }
    using chunk = await chunks.use({ sha256: 'content', range, hash })
    expect(chunk.bytes.equals(bytes)).toBe(true)
  }
  for (const index of [0, 1, 2, 3, 4]) await use(index)
  for (const index of [4, 3, 2, 1]) await use(index)
  expect(read).toEqual([0, 1, 2, 3, 4])
  await use(0)
  expect(read).toEqual([0, 1, 2, 3, 4, 0])
})
