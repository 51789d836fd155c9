import { rmSync } from 'node:fs'
import { link, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hashFile } from '../../common/content/hash.ts'
import { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import { type BulkSource, bytesSource } from '../../common/protocol/bulk.ts'
import { aContent, chunkOf } from '../../common/testing/contents.ts'
import { Fetcher } from './fetcher.ts'
import { aSwarm, nowhere } from './testing/swarm.ts'
import { workAtOnce } from './testing/work-at-once.ts'
import { fetchWindowBytes } from './transfer/chunk-plan.ts'

const mebibyte = 1024 * 1024
const fiveChunks = aContent(4 * mebibyte + 1)

test.each([0, 1, 1000, mebibyte - 1, mebibyte])(
  'a content of %i bytes is one chunk and needs no chunk list',
  async (size) => {
    const swarm = await aSwarm()
    const one = aContent(size)
    const source = await swarm.source({ peerId: 'p1', content: one })
    const fetched = await swarm.fetch(one, [source])
    expect((await readFile(fetched.partialPath)).equals(one.bytes)).toBe(true)
    expect(fetched.chunkList.equals(one.chunkList)).toBe(true)
    expect(fetched.sources).toEqual([source.source])
    expect(source.asked).toEqual([0])
    expect(source.chunkListsAsked).toBe(0)
    expect(source.connectionCount).toBe(1)
  },
)

test.each([mebibyte + 1, 2 * mebibyte, 20 * mebibyte, 20 * mebibyte + 77])(
  'each chunk of a content of %i bytes is asked for once',
  async (size) => {
    const swarm = await aSwarm()
    const many = aContent(size)
    const source = await swarm.source({ peerId: 'p1', content: many })
    const progress: number[] = []
    const fetched = await swarm.fetch(many, [source], {
      onProgress: ({ verifiedBytes }) => progress.push(verifiedBytes),
    })
    expect((await readFile(fetched.partialPath)).equals(many.bytes)).toBe(true)
    expect(fetched.chunkList.equals(many.chunkList)).toBe(true)
    expect(source.asked).toEqual([...Array(Math.ceil(size / mebibyte)).keys()])
    expect(source.chunkListsAsked).toBe(1)
    expect(progress).toEqual(progress.toSorted((a, b) => a - b))
    expect(progress.at(-1)).toBe(size)
    expect(swarm.receivedBytes).toBe(size + many.chunkList.length)
  },
)

test('a file that has another name, as one whose move was cut off, keeps its bytes there', async () => {
  const swarm = await aSwarm()
  const small = aContent(1000)
  const { sha256, chunkRoot } = small.content
  const partialPath = join(swarm.partialFolder, `${sha256}.${chunkRoot}`)
  const placed = join(swarm.partialFolder, '..', 'placed')
  await writeFile(partialPath, small.bytes)
  await link(partialPath, placed)
  await expect(swarm.fetch(small, [nowhere('p1')])).rejects.toMatchObject({ code: 'NO_SOURCE' })
  expect((await readFile(placed)).equals(small.bytes)).toBe(true)
})

test('no more chunks are requested than there are buffers', async () => {
  const swarm = await aSwarm()
  const many = aContent(40 * mebibyte)
  let onTheWay = 0
  let most = 0
  const source = await swarm.source({
    peerId: 'p1',
    content: many,
    read: (chunk) => {
      onTheWay += 1
      most = Math.max(most, onTheWay)
      const bytes = chunkOf(many.bytes, chunk)
      function* sent(): Generator<Buffer> {
        yield bytes
        onTheWay -= 1
      }
      return { bytes: bytes.length, pieces: sent() }
    },
  })
  await swarm.fetch(many, [source])
  expect(most).toBeLessThanOrEqual(fetchWindowBytes / mebibyte)
})

test('chunks may arrive in any order', async () => {
  const swarm = await aSwarm()
  let answerFirst = (): void => {}
  const source = await swarm.source({
    peerId: 'p1',
    content: fiveChunks,
    read: async (chunk) => {
      if (chunk === 0) await new Promise<void>((resolve) => (answerFirst = resolve))
      if (chunk === 3) answerFirst()
      return bytesSource(chunkOf(fiveChunks.bytes, chunk))
    },
  })
  const fetched = await swarm.fetch(fiveChunks, [source])
  expect((await readFile(fetched.partialPath)).equals(fiveChunks.bytes)).toBe(true)
})

test('without sources it says so', async () => {
  const swarm = await aSwarm()
  await expect(swarm.fetch(fiveChunks, [])).rejects.toMatchObject({
    code: 'NO_SOURCE',
    message: "No peer could send 'file' now. Tried: no peer, because none is known to have it.",
  })
})

test('of many sources that fail a few are named', async () => {
  const swarm = await aSwarm()
  const all = Array.from({ length: 8 }, (_, i) => ({ ...nowhere(`p${i}`), port: i + 1 }))
  await expect(swarm.fetch(fiveChunks, all)).rejects.toThrow(/p4 @ [^;]*; and 3 more\.$/)
})

test('a peer that has several copies is tried once', async () => {
  const swarm = await aSwarm()
  const script = { chunkList: () => Buffer.alloc(fiveChunks.chunkList.length) }
  const bad = await swarm.source({ peerId: 'p1', content: fiveChunks, ...script })
  const again = { ...bad.source, kind: 'downloaded' as const }
  await expect(swarm.fetch(fiveChunks, [bad, again])).rejects.toMatchObject({ code: 'NO_SOURCE' })
  expect(bad.chunkListsAsked).toBe(1)
})

test('a content larger than the disk is refused before any source is asked', async () => {
  const swarm = await aSwarm()
  const source = await swarm.source({ peerId: 'p1', content: fiveChunks })
  const size = limits.contentBytesMax
  const huge = { ...fiveChunks, content: { ...fiveChunks.content, size } }
  await expect(swarm.fetch(huge, [source])).rejects.toMatchObject({
    code: 'DISK_FULL',
    details: { path: swarm.partialFolder, neededBytes: size },
  })
  expect(source.connectionCount).toBe(0)
})

test('a disk that fails is not the fault of the source', async () => {
  const swarm = await aSwarm()
  await rm(swarm.partialFolder, { recursive: true })
  await writeFile(swarm.partialFolder, '')
  const source = await swarm.source({ peerId: 'p1', content: fiveChunks })
  await expect(swarm.fetch(fiveChunks, [source])).rejects.toMatchObject({ code: 'DISK_FAILED' })
})

test('a folder for partial files that is removed is made again, also while a fetch runs', async () => {
  const swarm = await aSwarm()
  const remove = (): void => rmSync(swarm.partialFolder, { recursive: true })
  remove()
  const read = (chunk: number): BulkSource => {
    if (chunk === 3) remove()
    return bytesSource(chunkOf(fiveChunks.bytes, chunk))
  }
  const source = await swarm.source({ peerId: 'p1', content: fiveChunks, read })
  await using fetched = await swarm.fetch(fiveChunks, [source], { keeps: true })
  expect((await hashFile(fetched.partialPath)).content).toEqual(fiveChunks.content)
  expect(swarm.receivedBytes).toBe(fiveChunks.bytes.length + fiveChunks.chunkList.length)
})

test('a fetch that is cancelled leaves nothing and gives no more work', async () => {
  const swarm = await aSwarm()
  const stop = new AbortController()
  const source = await swarm.source({ peerId: 'p1', content: fiveChunks })
  const reason = new AppError('CANCELLED', { what: 'It' })
  const fetching = swarm.fetch(fiveChunks, [source], {
    signal: stop.signal,
    onProgress: () => stop.abort(reason),
  })
  await expect(fetching).rejects.toBe(reason)
  expect(await readdir(swarm.partialFolder)).toEqual([])
  await expect(swarm.fetch(fiveChunks, [source], { signal: stop.signal })).rejects.toBe(reason)
})

test('several fetches from one peer use a connection each and leave them to the next', async () => {
  const swarm = await aSwarm()
  const allHaveAsked = Promise.withResolvers<void>()
  let asked = 0
  const read = async (chunk: number): Promise<BulkSource> => {
    if (chunk === 0) asked += 1
    if (asked === 3) allHaveAsked.resolve()
    await allHaveAsked.promise
    return bytesSource(chunkOf(fiveChunks.bytes, chunk))
  }
  const source = await swarm.source({ peerId: 'p1', content: fiveChunks, read })
  const fetchAll = async (): Promise<void> => {
    const fetched = await Promise.all([1, 2, 3].map(() => swarm.fetch(fiveChunks, [source])))
    expect(new Set(fetched.map(({ partialPath }) => partialPath)).size).toBe(3)
    await Promise.all(fetched.map((one) => one[Symbol.asyncDispose]()))
  }
  await fetchAll()
  await fetchAll()
  expect(swarm.pool.size).toBe(4)
  expect(await readdir(swarm.partialFolder)).toEqual([])
})

test('what an earlier run left is removed at the start', async () => {
  const swarm = await aSwarm()
  await writeFile(join(swarm.partialFolder, 'left over'), 'bytes')
  await swarm.restart()
  expect(await readdir(swarm.partialFolder)).toEqual([])
})

test('a folder for partial files that cannot be made is an AppError', async () => {
  const swarm = await aSwarm()
  const path = join(swarm.partialFolder, 'file')
  await writeFile(path, '')
  const opening = Fetcher.open(
    { partialFolder: join(path, 'below') },
    { ...swarm.taking, workers: workAtOnce() },
  )
  await expect(opening).rejects.toMatchObject({ code: 'DISK_FAILED' })
})
