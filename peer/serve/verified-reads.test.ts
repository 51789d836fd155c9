import { appendFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { seededRandom } from '../../common/random.ts'
import { aContent, type TestContent } from '../../common/testing/contents.ts'
import { damageFile } from '../../common/testing/damage-file.ts'
import { aServingPeer } from '../testing/serve-world.ts'
import type { Serving } from './start-serving.ts'

const mebibyte = 1024 * 1024
const requester = { id: 'client', host: '127.0.0.1' }
const { signal } = new AbortController()

function reading(serving: Serving, { content }: TestContent, start = 0, bytes = content.size) {
  const { sha256 } = content
  return serving.reads.pieces({ sha256, range: { start, bytes }, requester, signal })
}

async function bytesOf(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const found: Buffer[] = []
  for await (const piece of pieces) found.push(Buffer.from(piece))
  return Buffer.concat(found)
}

test.each([0, 1, mebibyte, 3 * mebibyte + 5])('a content of %i bytes is read', async (size) => {
  const world = await aServingPeer()
  const file = aContent(size)
  await world.share('file', file)
  await using serving = await world.serve()
  expect((await bytesOf(reading(serving, file))).equals(file.bytes)).toBe(true)
  expect(world.uploads.passedBytes.download).toBe(size)
  expect(world.sent.get(`client ${file.content.sha256}`) ?? 0).toBe(size)
})

test('any part of a content is read', async () => {
  const world = await aServingPeer()
  const file = aContent(4 * mebibyte + 17)
  await world.share('file', file)
  await using serving = await world.serve()
  const random = seededRandom('parts')
  for (let round = 0; round < 30; round += 1) {
    const start = Math.floor(random.fraction() * file.content.size)
    const bytes = 1 + Math.floor(random.fraction() ** 3 * (file.content.size - start))
    const read = await bytesOf(reading(serving, file, start, bytes))
    expect([start, read.equals(file.bytes.subarray(start, start + bytes))]).toEqual([start, true])
  }
})

test('readers in step share what is read from the disk, and all get it whole', async () => {
  const world = await aServingPeer()
  const file = aContent(5 * mebibyte + 1)
  await world.share('file', file)
  await using serving = await world.serve()
  const all = await Promise.all(Array.from({ length: 8 }, () => bytesOf(reading(serving, file))))
  expect(all.map((bytes) => bytes.equals(file.bytes))).toEqual(all.map(() => true))
})

test('bytes that changed without a trace are not sent, and the file is verified', async () => {
  const world = await aServingPeer()
  const file = aContent(4 * mebibyte)
  await world.share('file', file)
  await damageFile(world.path('file'), 2 * mebibyte + 3)
  await using serving = await world.serve()
  const sent: Buffer[] = []
  const read = async (): Promise<void> => {
    for await (const piece of reading(serving, file)) sent.push(Buffer.from(piece))
  }
  await expect(read()).rejects.toMatchObject({ code: 'CONTENT_CHANGED' })
  expect(Buffer.concat(sent).equals(file.bytes.subarray(0, 2 * mebibyte))).toBe(true)
  expect(world.verified).toContain(file.content.sha256)
})

test('what was read before is not trusted after the file has rotted', async () => {
  const world = await aServingPeer()
  const file = aContent(2 * mebibyte)
  await world.share('file', file)
  await using serving = await world.serve()
  await bytesOf(reading(serving, file))
  await damageFile(world.path('file'), mebibyte + 3)
  await world.clock.advance(10_000)
  await expect(bytesOf(reading(serving, file))).rejects.toMatchObject({ code: 'CONTENT_CHANGED' })
})

test('another file of the same content stands in for one that changed', async () => {
  const world = await aServingPeer()
  const file = aContent(2 * mebibyte)
  await world.share('one', file)
  await world.share('two', file)
  await appendFile(world.path('one'), 'more')
  await using serving = await world.serve()
  expect((await bytesOf(reading(serving, file))).equals(file.bytes)).toBe(true)
  expect(world.rechecked).toContain('one')
})

test('a content that was withdrawn meanwhile is not sent to its end', async () => {
  const world = await aServingPeer()
  const file = aContent(4 * mebibyte)
  const shared = await world.share('file', file)
  await using serving = await world.serve()
  const pieces = reading(serving, file)
  await pieces.next()
  world.withdraw(shared)
  await expect(bytesOf(pieces)).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
})

test('an unknown content is not found', async () => {
  const world = await aServingPeer()
  await using serving = await world.serve()
  const read = bytesOf(reading(serving, aContent(5)))
  await expect(read).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
})
