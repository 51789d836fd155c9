import { rm } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { ChunkSet } from '../../common/content/chunk-set.ts'
import { deadlines } from '../../common/limits.ts'
import { BufferPool } from '../../common/protocol/buffer-pool.ts'
import { BufferSink } from '../../common/protocol/bulk.ts'
import { unboundedAccount } from '../../common/protocol/byte-budget.ts'
import { aContent, chunkOf } from '../../common/testing/contents.ts'
import { aDownload, aServingPeer, readChunk } from '../testing/serve-world.ts'
import { chunksGroupMs } from './more-chunks.ts'
import { OpenFiles } from './open-files.ts'
import { serveHandlers } from './serve-handlers.ts'
import type { ServedFile } from './served-contents.ts'
import { UploadQueue } from './upload-queue.ts'

const mebibyte = 1024 * 1024

test('a download serves the chunks that it has, and refuses those that it lacks', async () => {
  const world = await aServingPeer()
  const whole = aContent(3 * mebibyte)
  const { sha256, size } = whole.content
  const download = await aDownload(world, whole)
  download.gain(1)
  await using serving = await world.serve()
  const connection = await world.dial(serving)

  const { bitmap } = await connection.request('chunks', { sha256 })
  expect(bitmap).toBe(download.verified.toBitmap())
  const list = new BufferSink(mebibyte)
  await connection.request('chunk-list', { sha256 }, { into: list })
  expect(list.received.equals(whole.chunkList)).toBe(true)
  expect((await readChunk(connection, sha256, 1)).equals(chunkOf(whole.bytes, 1))).toBe(true)
  const missing = { code: 'CHUNK_MISSING', retryable: true }
  await expect(readChunk(connection, sha256, 0)).rejects.toMatchObject(missing)

  // It moves to its place: readers find it there, and in between no file is blamed.
  await world.share('whole.bin', whole)
  await rm(world.path('partial'))
  expect((await readChunk(connection, sha256, 2)).equals(chunkOf(whole.bytes, 2))).toBe(true)
  world.downloads.delete(sha256)
  expect(await connection.request('chunks', { sha256 })).toEqual({ size, count: 3 })
  expect(world.rechecked).toEqual([])
})

test('of several accepted chunks the one sent the fewest times is sent, and the reply names it', async () => {
  const world = await aServingPeer()
  const whole = aContent(3 * mebibyte)
  const { sha256 } = whole.content
  await world.share('whole.bin', whole)
  await using serving = await world.serve()
  const connection = await world.dial(serving)
  const read = async (chunk: number, or: number[]): Promise<number> => {
    const into = new BufferSink(2 * mebibyte)
    const reply = await connection.request('read', { sha256, chunk, or }, { into })
    const sent = reply.chunk ?? chunk
    expect(into.received.subarray(0, mebibyte).equals(chunkOf(whole.bytes, sent))).toBe(true)
    return sent
  }
  expect([await read(0, [1]), await read(0, [1]), await read(0, [1, 2])]).toEqual([0, 1, 2])
  await expect(read(0, [3])).rejects.toMatchObject({ code: 'CHUNK_OUT_OF_RANGE' })
})

test('chunks that a download lacks are not read from it when the files of the catalog are gone', async () => {
  const world = await aServingPeer()
  const whole = aContent(2 * mebibyte)
  const { sha256 } = whole.content
  await world.share('gone.bin', whole)
  await rm(world.path('gone.bin'))
  const download = await aDownload(world, whole)
  download.gain(1)
  await using serving = await world.serve()
  const connection = await world.dial(serving)
  await expect(readChunk(connection, sha256, 0)).rejects.toMatchObject({
    code: 'CONTENT_NOT_FOUND',
  })
  expect((await readChunk(connection, sha256, 1)).equals(chunkOf(whole.bytes, 1))).toBe(true)
  expect(world.rechecked).toContain('gone.bin')
})

test('a download that moves into its place before the bytes leave is read there', async () => {
  const world = await aServingPeer()
  const whole = aContent(2 * mebibyte)
  const { sha256 } = whole.content
  const download = await aDownload(world, whole)
  download.gain(1)
  const files: ServedFile[] = []
  await using openFiles = new OpenFiles(world)
  const { read } = serveHandlers({
    contents: {
      first: () => files[0],
      find: () => files,
      isServed: () => true,
      chunkList: () => undefined,
    },
    downloads: { find: (hash) => world.downloads.get(hash) },
    openFiles,
    smallFiles: { outcomes: () => Promise.reject(new Error('nobody asks for them')) },
    queue: new UploadQueue(world),
    buffers: new BufferPool({ bufferBytes: mebibyte }),
    recheck: () => {},
    uploads: world.uploads,
    clock: world.clock,
  })
  const { signal } = new AbortController()
  const reader = { id: 'reader', host: 'h', account: unboundedAccount }
  const answer = await read({ sha256, chunk: 1 }, reader, signal)
  files.push(await world.share('whole.bin', whole))
  await rm(world.path('partial'))
  world.downloads.delete(sha256)
  const sent: Uint8Array[] = []
  for await (const piece of 'bulk' in answer ? answer.bulk.pieces : [])
    sent.push(Buffer.from(piece))
  expect(Buffer.concat(sent).equals(chunkOf(whole.bytes, 1))).toBe(true)
})

test('a download whose file is gone lacks its chunks', async () => {
  const world = await aServingPeer()
  const whole = aContent(2 * mebibyte)
  const download = await aDownload(world, whole)
  download.gain(0, 1)
  await rm(world.path('partial'))
  await using serving = await world.serve()
  const connection = await world.dial(serving)
  const failure = readChunk(connection, whole.content.sha256, 0)
  await expect(failure).rejects.toMatchObject({ code: 'CHUNK_MISSING' })
  expect(world.rechecked).toEqual([])
})

test('a request for more chunks waits for them and reports those that arrive together', async () => {
  const world = await aServingPeer()
  const whole = aContent(5 * mebibyte)
  const { sha256 } = whole.content
  const download = await aDownload(world, whole)
  await using serving = await world.serve()
  const connection = await world.dial(serving)
  const sizeBeyond = async (beyond: number): Promise<number | undefined> => {
    const { bitmap = '' } = await connection.request('chunks', { sha256, beyond })
    return ChunkSet.fromBitmap(5, bitmap)?.size
  }
  const first = sizeBeyond(0)
  await world.clock.advance(deadlines.chunksWaitMs / 2)
  download.gain(3)
  await world.clock.advance(chunksGroupMs / 2)
  download.gain(1)
  await world.clock.advance(chunksGroupMs / 2)
  expect(await first).toBe(2)
  // Nothing more comes: it is told so before it could take the silence for a failure.
  const second = sizeBeyond(2)
  await world.clock.advance(deadlines.chunksWaitMs)
  expect(await second).toBe(2)
  // Those that were withdrawn, and that of a download which has ended, leave nothing behind.
  const stop = new AbortController()
  const withdrawn = connection.request('chunks', { sha256, beyond: 2 }, { signal: stop.signal })
  stop.abort(new Error('enough'))
  await expect(withdrawn).rejects.toThrow('enough')
  const third = expect(sizeBeyond(2)).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
  await world.clock.advance(1)
  world.downloads.delete(sha256)
  download.gain()
  await world.clock.advance(chunksGroupMs)
  await third
})
