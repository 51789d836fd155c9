import { expect, test } from 'vitest'
import { sha256 } from '../../common/content/hash.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import type { OpenFiles } from './open-files.ts'
import type { ServedFile } from './served-contents.ts'
import { usedChunksBytesMax, VerifiedChunks, type WantedChunk } from './verified-chunks.ts'

const chunkBytes = 4 * 1024 * 1024

async function aWorld() {
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
  const chunks = new VerifiedChunks({
    openFiles,
    recheck: () => {},
    verify: () => {},
    contents: { first: () => file, find: () => [file], chunkList: () => undefined },
    clock: new FakeClock(),
  })
  const wanted = (index: number): WantedChunk => {
    const range = { start: index * chunkBytes, bytes: chunkBytes }
    return { sha256: 'content', range, hash }
  }
  return { bytes, chunks, read, wanted }
}

test('idle chunks are bounded by their bytes, whatever their size', async () => {
  const { bytes, read, wanted, ...world } = await aWorld()
  using chunks = world.chunks
  const use = async (index: number): Promise<void> => {
    using chunk = await chunks.use(wanted(index))
    expect(chunk.bytes.equals(bytes)).toBe(true)
  }
  for (const index of [0, 1, 2, 3, 4]) await use(index)
  for (const index of [4, 3, 2, 1]) await use(index)
  expect(read).toEqual([0, 1, 2, 3, 4])
  await use(0)
  expect(read).toEqual([0, 1, 2, 3, 4, 0])
})

test('there is room for as many bytes as may be in use, and for what is in use already', async () => {
  const { wanted, ...world } = await aWorld()
  using chunks = world.chunks
  using used = new DisposableStack()
  const most = usedChunksBytesMax / chunkBytes
  for (let index = 0; index < most; index += 1) {
    expect(chunks.hasRoomFor(wanted(index))).toBe(true)
    used.use(await chunks.use(wanted(index)))
  }
  expect(chunks.hasRoomFor(wanted(most))).toBe(false)
  expect(chunks.hasRoomFor(wanted(0))).toBe(true)
  used.use(await chunks.use(wanted(0)))
  used.dispose()
  expect([chunks.usedBytes, chunks.hasRoomFor(wanted(most))]).toEqual([0, true])
})
