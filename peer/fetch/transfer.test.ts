import { expect, test } from 'vitest'
import { ChunkSet } from '../../common/content/chunk-set.ts'
import { AppError } from '../../common/errors.ts'
import { aContent, chunkOf } from '../../common/testing/contents.ts'
import type { ChunkSource } from './peer-source.ts'
import { Transfer } from './transfer.ts'

test('a disk that fills up is reported as such, and the source is let go', async () => {
  const { content, bytes, chunkList } = aContent(10 * 1024 * 1024)
  const full = new AppError('DISK_FULL', { path: '/', neededBytes: 1 })
  let written = 0
  const file = {
    verified: new ChunkSet(10),
    verifiedBytes: 0,
    read: () => Promise.reject(full),
    write: () => (++written > 3 ? Promise.reject(full) : Promise.resolve()),
  }
  const reasons: unknown[] = []
  const source: ChunkSource = {
    label: 'p1',
    chunkList: async () => chunkList,
    read: async (chunk, into) => {
      if (reasons.length > 0) throw new AppError('SOURCE_FAILED')
      chunkOf(bytes, chunk).copy(into)
    },
    giveUp: (reason) => reasons.push(reason),
  }
  const transfer = new Transfer({ content, name: 'file', file, onProgress: () => {} })
  await expect(transfer.takeFrom(source)).rejects.toBe(full)
  expect(reasons[0]).toBe(full)
  expect(transfer.isComplete).toBe(false)
})
