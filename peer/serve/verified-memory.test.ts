/** The memory of many readers of large contents, whose bytes are all zero: no disk has them. */
import { expect, test } from 'vitest'
import { chunkBytesFor, chunkCountFor } from '../../common/content/chunks.ts'
import { sha256 } from '../../common/content/hash.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import type { OpenFiles } from './open-files.ts'
import type { ServedFile } from './served-contents.ts'
import type { UploadQueue } from './upload-queue.ts'
import { usedChunksBytesMax } from './verified-chunks.ts'
import { VerifiedReads } from './verified-reads.ts'

const mebibyte = 1024 * 1024
const { signal } = new AbortController()
const requester = { id: 'client', host: '127.0.0.1' }

async function readsOf(size: number): Promise<VerifiedReads> {
  const chunkBytes = chunkBytesFor(size)
  const hash = await sha256(Buffer.alloc(chunkBytes))
  const chunkList = Buffer.concat(Array.from({ length: chunkCountFor(size) }, () => hash))
  const handle = {
    read: async (into: Buffer, offset: number, length: number) => {
      into.fill(0, offset, offset + length)
      return { bytesRead: length }
    },
  }
  const file = { at: { name: 'f', path: '/f', root: '/' }, content: { size } } as ServedFile
  return new VerifiedReads({
    openFiles: {
      use: async () => ({ handle, [Symbol.dispose]: () => {} }),
    } as unknown as OpenFiles,
    contents: { first: () => file, find: () => [file], chunkList: () => chunkList },
    recheck: () => {},
    verify: () => {},
    clock: new FakeClock(),
    queue: {} as UploadQueue,
    uploads: { partBytes: () => Infinity, pass: () => undefined },
  })
}

test.each([2 * mebibyte, 4 * mebibyte])(
  'readers of chunks of %i bytes hold no more than may be in use, and others a unit each',
  async (chunkBytes) => {
    const size = (chunkBytes / mebibyte) * 16 * 1024 * mebibyte
    expect(chunkBytesFor(size)).toBe(chunkBytes)
    using reads = await readsOf(size)
    const range = { start: 0, bytes: size }
    const readers = Array.from({ length: 40 }, (_, index) =>
      reads.pieces({ sha256: `content ${index}`, range, requester, signal, isSent: false }),
    )
    const lengths = async (): Promise<number[]> => {
      const pieces = []
      for (const reader of readers) pieces.push(await reader.next())
      return pieces.map(({ value }) => (value as Uint8Array).length)
    }
    const [first, second] = [await lengths(), await lengths()]
    expect([first[0], first.at(-1)]).toEqual([chunkBytes, mebibyte])
    expect([second[0], second.at(-1)]).toEqual([chunkBytes, mebibyte])
    expect(reads.usedBytes).toBeLessThanOrEqual(usedChunksBytesMax)
    for (const reader of readers) await reader.return(undefined)
    expect(reads.usedBytes).toBe(0)
  },
)
