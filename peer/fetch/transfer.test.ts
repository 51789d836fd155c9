import { expect, test } from 'vitest'
import { ChunkSet } from '../../common/content/chunk-set.ts'
import { AppError } from '../../common/errors.ts'
import { BufferPool } from '../../common/protocol/buffer-pool.ts'
import { seededRandom } from '../../common/random.ts'
import { aContent, chunkOf } from '../../common/testing/contents.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import type { ChunkSource } from './peer-source.ts'
import { Transfer } from './transfer.ts'

test('a disk that fills up is reported as such, and the source is let go', async () => {
  const { content, bytes, chunkList } = aContent(10 * 1024 * 1024)
  const full = new AppError('DISK_FULL', { path: '/', neededBytes: 1 })
  let written = 0
  const verified = new ChunkSet(10)
  const file = {
    verified,
    chunkList: undefined,
    begin: async () => {},
    put: async (chunk: number, { buffer: memory }: Buffer<ArrayBuffer>) => {
      written += 1
      if (written > 3) throw full
      verified.add(chunk)
      return { isGood: true, memory }
    },
  }
  const source: ChunkSource = {
    label: 'p1',
    pace: { bytesPerMs: 1, delayMs: 0, bytesOwed: 0 },
    chunkList: async () => chunkList,
    holdings: async () => undefined,
    read: async (chunk, into) => void chunkOf(bytes, chunk).copy(into),
  }
  const clock = new FakeClock()
  const transfer = new Transfer(
    { content, name: 'file', file, digest: undefined, onProgress: () => {} },
    { clock, buffers: new BufferPool({ bufferBytes: 2 ** 20 }), random: seededRandom('transfer') },
  )
  await expect(transfer.takeFrom(source, new AbortController().signal)).rejects.toBe(full)
  expect(transfer.isComplete).toBe(false)
})
