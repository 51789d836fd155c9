import { appendFile, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import { expect, test, vi } from 'vitest'
import { chunkCountFor, chunkRange } from '../../common/content/chunks.ts'
import { limits } from '../../common/limits.ts'
import { BufferPool } from '../../common/protocol/buffer-pool.ts'
import { BufferSink } from '../../common/protocol/bulk.ts'
import { unboundedAccount } from '../../common/protocol/byte-budget.ts'
import type { Connection } from '../../common/protocol/connection.ts'
import { aContent, chunkOf } from '../../common/testing/contents.ts'
import { aServingPeer, readChunk } from '../testing/serve-world.ts'
import { piecesOf } from './file-bytes.ts'
import { OpenFiles } from './open-files.ts'
import { serveHandlers } from './serve-handlers.ts'
import { SmallFiles } from './small-files.ts'
import { UploadQueue } from './upload-queue.ts'

const mebibyte = 1024 * 1024

test('a content is served by chunk, and the sent bytes are counted', async () => {
  const world = await aServingPeer()
  const big = aContent(3 * mebibyte + 5)
  const { sha256, size, chunkRoot } = big.content
  await world.share('big.bin', big)
  await using serving = await world.serve()
  const connection = await world.dial(serving)

  const list = new BufferSink(mebibyte)
  const reply = await connection.request('chunk-list', { sha256 }, { into: list })
  expect(reply).toMatchObject({ size, chunkRoot })
  expect(list.received.equals(big.chunkList)).toBe(true)
  expect(await connection.request('chunks', { sha256 })).toEqual({ size, count: 4 })

  expect((await readChunk(connection, sha256, 1)).equals(chunkOf(big.bytes, 1))).toBe(true)
  expect((await readChunk(connection, sha256, 0)).equals(chunkOf(big.bytes, 0))).toBe(true)
  expect((await readChunk(connection, sha256, 3)).length).toBe(5)
  expect(world.uploads.passedBytes.download).toBe(4 * 32 + 2 * mebibyte + 5)
  expect([...world.sent.values()]).toEqual([2 * mebibyte + 5])
  expect(serving.connectionCount).toBe(1)
})

test('a requester is who it has proven to be, although its hello does not say so', async () => {
  const world = await aServingPeer()
  const one = aContent(5)
  await world.share('one', one)
  await using serving = await world.serve()
  world.proven = { role: 'reader', id: 'ci', generation: 1, isAuthority: false }
  await readChunk(await world.dial(serving), one.content.sha256)
  expect([...world.sent.keys()]).toEqual([`ci ${one.content.sha256}`])
})

test.each([0, 1, mebibyte, mebibyte + 1])('a file of %i bytes is served whole', async (size) => {
  const world = await aServingPeer()
  const one = aContent(size)
  await world.share('one', one)
  await using serving = await world.serve()
  const connection = await world.dial(serving)
  const chunks = Array.from({ length: chunkCountFor(size) }, (_, chunk) =>
    readChunk(connection, one.content.sha256, chunk),
  )
  expect(Buffer.concat(await Promise.all(chunks)).equals(one.bytes)).toBe(true)
})

test('many connections read at the same time', async () => {
  const world = await aServingPeer()
  const big = aContent(2 * mebibyte)
  await world.share('big.bin', big)
  await using serving = await world.serve()
  const connections = await Promise.all(Array.from({ length: 20 }, () => world.dial(serving)))
  const all = connections.flatMap((connection) =>
    [0, 1, 0, 1].map(async (chunk) => {
      const bytes = await readChunk(connection, big.content.sha256, chunk)
      return bytes.equals(chunkOf(big.bytes, chunk))
    }),
  )
  expect(await Promise.all(all)).toEqual(all.map(() => true))
})

test('connections beyond the limit are refused, and open ones stay', async () => {
  const world = await aServingPeer()
  await using serving = await world.serve()
  const connections = [await world.dial(serving), await world.dial(serving)]
  world.connectionsMax = 1
  const refused = { code: 'TOO_MANY_CONNECTIONS', details: { max: 1 } }
  await expect(world.dial(serving)).rejects.toMatchObject(refused)
  expect(connections.map(({ isOpen }) => isOpen)).toEqual([true, true])
})

test('bytes for replication are counted separately', async () => {
  const world = await aServingPeer()
  const one = aContent(10)
  const { sha256 } = one.content
  await world.share('one', one)
  await using serving = await world.serve()
  const connection = await world.dial(serving)
  const request = { sha256, chunk: 0, for: 'replication' as const }
  await connection.request('read', request, { into: new BufferSink(10) })
  await connection.request(
    'chunk-list',
    { sha256, for: 'replication' },
    { into: new BufferSink(32) },
  )
  expect(world.uploads.passedBytes).toEqual({ download: 0, replication: 42 })
})

test('throttled bytes for a peer that has left are dropped, and take nothing from others', async () => {
  const world = await aServingPeer()
  const { content } = await world.share('large', aContent(mebibyte))
  const small = await world.share('small', aContent(10))
  await using serving = await world.serve()
  world.uploads.setRates({ all: 50_000, replication: 50_000 })
  await world.uploads.pass(250_000, 'download')
  const { calls, results } = vi.spyOn(world.uploads, 'pass').mock
  for (let visit = 0; visit < 2 * limits.uploadsAtOnceMin; visit += 1) {
    const visitor = await world.dial(serving)
    const left = expect(readChunk(visitor, content.sha256)).rejects.toThrow('ended')
    await expect.poll(() => calls.length).toBe(visit + 1)
    visitor.destroy()
    await left
    await expect(results.at(-1)?.value).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
  }
  const reading = readChunk(await world.dial(serving), small.content.sha256)
  await expect.poll(() => calls.length).toBe(2 * limits.uploadsAtOnceMin + 1)
  await world.clock.advance(5_000)
  expect((await reading).length).toBe(10)
  expect(world.uploads.passedBytes.download).toBe(250_000 + 10)
  expect(world.rechecked).toEqual([])
})

test('a chunk beyond the end is refused', async () => {
  const world = await aServingPeer()
  const { content } = await world.share('small', aContent(10))
  await using serving = await world.serve()
  const connection = await world.dial(serving)
  const failure = { code: 'CHUNK_OUT_OF_RANGE', details: { chunks: 1, chunk: 1 } }
  await expect(readChunk(connection, content.sha256, 1)).rejects.toMatchObject(failure)
})

test('an unknown content is not found', async () => {
  const world = await aServingPeer()
  await using serving = await world.serve()
  const connection = await world.dial(serving)
  const { sha256 } = aContent(10).content
  const notFound = { code: 'CONTENT_NOT_FOUND', details: { sha256 } }
  await expect(readChunk(connection, sha256)).rejects.toMatchObject(notFound)
  await expect(connection.request('chunks', { sha256 })).rejects.toMatchObject(notFound)
  const into = new BufferSink(mebibyte)
  await expect(connection.request('chunk-list', { sha256 }, { into })).rejects.toMatchObject(
    notFound,
  )
})

test.each<[string, string, (path: string) => Promise<void>]>([
  ['appended to', 'CONTENT_CHANGED', async (path) => await appendFile(path, 'more')],
  ['cut short', 'CONTENT_CHANGED', async (path) => await truncate(path, 3)],
  ['touched', 'CONTENT_CHANGED', async (path) => await utimes(path, 1, 1)],
  ['replaced by another', 'CONTENT_CHANGED', async (path) => await replace(path)],
  ['removed', 'CONTENT_NOT_FOUND', async (path) => await rm(path)],
])('no byte of a file that was %s is sent', async (_, code, change) => {
  const world = await aServingPeer()
  const { content } = await world.share('file', aContent(10))
  await change(world.path('file'))
  await using serving = await world.serve()
  const connection = await world.dial(serving)
  await expect(readChunk(connection, content.sha256)).rejects.toMatchObject({ code })
  expect(world.rechecked).toEqual(['file'])
  expect(world.uploads.passedBytes.download).toBe(0)
})

async function replace(path: string): Promise<void> {
  await writeFile(`${path}.new`, Buffer.alloc(10))
  await rename(`${path}.new`, path)
}

test('a file that changes while it is open is detected at the next read', async () => {
  const world = await aServingPeer()
  const { content } = await world.share('file', aContent(10))
  await using serving = await world.serve()
  const connection = await world.dial(serving)
  await readChunk(connection, content.sha256)
  await appendFile(world.path('file'), 'more')
  await expect(readChunk(connection, content.sha256)).rejects.toMatchObject({
    code: 'CONTENT_CHANGED',
  })
})

test('another copy of the content replaces one that changed', async () => {
  const world = await aServingPeer()
  const one = aContent(10)
  await world.share('first', one)
  await world.share('second', one)
  await rm(world.path('first'))
  await using serving = await world.serve()
  const connection = await world.dial(serving)
  expect((await readChunk(connection, one.content.sha256)).equals(one.bytes)).toBe(true)
  expect(world.rechecked).toEqual(['first'])
})

test('a file that shrinks while it is sent fails its read, and is rechecked', async () => {
  const world = await aServingPeer()
  const file = await world.share('big', aContent(mebibyte))
  const { contents, recheck } = world.contents()
  await using openFiles = new OpenFiles(world)
  const buffers = new BufferPool({ bufferBytes: mebibyte / 16 })
  const sending = {
    purpose: 'download',
    signal: new AbortController().signal,
    account: unboundedAccount,
  } as const
  const { sha256, size } = file.content
  const pieces = piecesOf(sha256, () => contents.find(sha256), chunkRange(size, 0), sending, {
    openFiles,
    buffers,
    recheck,
    uploads: world.uploads,
  })
  expect((await pieces.next()).done).toBe(false)
  await truncate(world.path('big'), 0)
  const rest = (async () => {
    for await (const _ of pieces);
  })()
  await expect(rest).rejects.toMatchObject({ code: 'CONTENT_CHANGED' })
  expect(world.rechecked).toEqual(['big'])
})

async function readMany(connection: Connection, ...sha256s: string[]) {
  const into = new BufferSink(8 * mebibyte)
  const { contents } = await connection.request('read-many', { sha256s }, { into })
  return { contents, bytes: into.received }
}

test('many small contents are read together, in the requested order, with an error for each that cannot be', async () => {
  const world = await aServingPeer()
  const small = Array.from({ length: 100 }, (_, number) => aContent(number * 37, 'small'))
  for (const [number, one] of small.entries()) await world.share(`small ${number}`, one)
  const big = aContent(mebibyte + 1)
  await world.share('big', big)
  await using serving = await world.serve()
  const connection = await world.dial(serving)

  const asked = [...small.toReversed(), small[7], aContent(3, 'nobody has it'), big]
  const sha256s = asked.map((one) => one?.content.sha256 ?? '')
  const { contents, bytes } = await readMany(connection, ...sha256s)

  const given = [...small.toReversed(), small[7]].map((one) => one?.bytes ?? Buffer.alloc(0))
  expect(contents).toEqual([
    ...given.map(({ length }) => ({ size: length })),
    { error: 'CONTENT_NOT_FOUND' },
    { error: 'TOO_LARGE' },
  ])
  expect(bytes.equals(Buffer.concat(given))).toBe(true)
  expect(world.uploads.passedBytes.download).toBe(bytes.length)
})

test('the small contents of one read are bounded', async () => {
  const world = await aServingPeer()
  const contents = Array.from({ length: 5 }, (_, number) => aContent(mebibyte, `large ${number}`))
  for (const [number, one] of contents.entries()) await world.share(`large ${number}`, one)
  await using serving = await world.serve()
  const sha256s = contents.map(({ content }) => content.sha256)
  const read = await readMany(await world.dial(serving), ...sha256s)
  expect(read.contents.at(-1)).toEqual({ error: 'TOO_LARGE' })
  expect(read.bytes.length).toBe(4 * mebibyte)
})

test('among small contents, too, another copy replaces one that changed', async () => {
  const world = await aServingPeer()
  const [one, two] = [aContent(10), aContent(11)]
  await world.share('first', one)
  await world.share('second', one)
  await world.share('changed', two)
  await rm(world.path('first'))
  await appendFile(world.path('changed'), 'more')
  await using serving = await world.serve()
  const connection = await world.dial(serving)
  const read = await readMany(connection, one.content.sha256, two.content.sha256)
  expect(read).toEqual({
    contents: [{ size: 10 }, { error: 'CONTENT_CHANGED' }],
    bytes: one.bytes,
  })
  expect(world.rechecked.toSorted()).toEqual(['changed', 'first'])
})

test('stopping ends the connections', async () => {
  const world = await aServingPeer()
  const serving = await world.serve()
  const connection = await world.dial(serving)
  await serving[Symbol.asyncDispose]()
  expect(connection.isOpen).toBe(false)
  await serving[Symbol.asyncDispose]()
})

test('a file that is found damaged is no longer sent, not even to replies that wait', async () => {
  const world = await aServingPeer()
  const big = aContent(2 * mebibyte)
  const { sha256 } = big.content
  const file = await world.share('big.bin', big)
  const { contents, smallReader, recheck } = world.contents()
  await using openFiles = new OpenFiles(world)
  const serving = {
    contents,
    openFiles,
    recheck,
    downloads: { find: () => undefined },
    smallFiles: new SmallFiles({ contents, smallReader, recheck }),
    queue: new UploadQueue(world),
    buffers: new BufferPool({ bufferBytes: mebibyte }),
    uploads: world.uploads,
    clock: world.clock,
  }
  const { read } = serveHandlers(serving)
  const reader = { id: 'reader', host: 'h', account: unboundedAccount }
  const { signal } = new AbortController()
  const sendFirst = async (chunk: number): Promise<unknown> => {
    const answer = await read({ sha256, chunk }, reader, signal)
    const [piece] = 'bulk' in answer ? [answer.bulk.pieces] : []
    return async () => await Array.fromAsync(piece ?? [])
  }
  const [good, waiting] = [await sendFirst(0), await sendFirst(1)] as (() => Promise<unknown[]>)[]
  expect(await good?.()).toHaveLength(1)
  world.withdraw(file)
  await expect(waiting?.()).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
  await expect(sendFirst(1)).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
})
