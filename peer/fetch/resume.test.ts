import {
  mkdir,
  readdir,
  readFile,
  rmdir,
  stat,
  statfs,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { chunkHashAt } from '../../common/content/chunks.ts'
import { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import { type BulkSource, bytesSource } from '../../common/protocol/bulk.ts'
import { aContent, chunkOf } from '../../common/testing/contents.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { DiskRoom } from './disk/disk-room.ts'
import { PartialFile } from './disk/partial-file.ts'
import { partialKeptMs } from './disk/partial-folder.ts'
import { aSwarm, type Swarm } from './testing/swarm.ts'
import { workAtOnce } from './testing/work-at-once.ts'

const mebibyte = 1024 * 1024
const chunkCount = 8
const dependencies = { workers: workAtOnce() }
const eight = aContent(chunkCount * mebibyte - 3)
const { content, chunkList, bytes } = eight

/** Serves the first chunks and refuses the others. */
function upTo(end: number): (chunk: number) => BulkSource {
  return (chunk) => {
    if (chunk < end) return bytesSource(chunkOf(bytes, chunk))
    throw new AppError('CONTENT_CHANGED', { name: 'its file' })
  }
}

/** A swarm in which a fetch got the first chunks and was given up, and was restarted. */
async function interrupted(end: number): Promise<Swarm> {
  const swarm = await aSwarm()
  const source = await swarm.source({ peerId: 'p1', content: eight, read: upTo(end) })
  await expect(swarm.fetch(eight, [source], { keeps: true })).rejects.toMatchObject({
    code: 'NO_SOURCE',
  })
  await swarm.restart()
  return swarm
}

test('a fetch resumes where an earlier run was ended', async () => {
  const swarm = await interrupted(5)
  const source = await swarm.source({ peerId: 'p2', content: eight })
  const progress: number[] = []
  const fetched = await swarm.fetch(eight, [source], {
    keeps: true,
    onProgress: ({ verifiedBytes }) => progress.push(verifiedBytes),
  })
  expect((await readFile(fetched.partialPath)).equals(bytes)).toBe(true)
  expect(fetched.chunkList.equals(chunkList)).toBe(true)
  expect(source.asked).toEqual([5, 6, 7])
  expect(source.chunkListsAsked).toBe(0)
  expect(progress[0]).toBe(5 * mebibyte)
  await fetched[Symbol.asyncDispose]()
  expect(await readdir(swarm.partialFolder)).toEqual([])
})

test('a complete file that was not put into place needs no source', async () => {
  const swarm = await aSwarm()
  const source = await swarm.source({ peerId: 'p1', content: eight })
  const fetched = await swarm.fetch(eight, [source], { keeps: true })
  await swarm.restart()
  const again = await swarm.fetch(eight, [], { keeps: true })
  expect(again.partialPath).toBe(fetched.partialPath)
  expect((await readFile(again.partialPath)).equals(bytes)).toBe(true)
})

test('a complete file that found no place is there for the next fetch', async () => {
  const swarm = await aSwarm()
  const source = await swarm.source({ peerId: 'p1', content: eight })
  {
    await using fetched = await swarm.fetch(eight, [source], { keeps: true })
    fetched.keep()
  }
  await using again = await swarm.fetch(eight, [], { keeps: true })
  expect((await readFile(again.partialPath)).equals(bytes)).toBe(true)
})

test('the partial data of a cancelled fetch is removed', async () => {
  const swarm = await aSwarm()
  const stop = new AbortController()
  const source = await swarm.source({ peerId: 'p1', content: eight })
  const fetching = swarm.fetch(eight, [source], {
    keeps: true,
    signal: stop.signal,
    onProgress: () => stop.abort(new AppError('CANCELLED', { what: 'It' })),
  })
  await expect(fetching).rejects.toMatchObject({ code: 'CANCELLED' })
  expect(await readdir(swarm.partialFolder)).toEqual([])
})

test('two simultaneous fetches of one content do not disturb each other', async () => {
  const swarm = await interrupted(3)
  const source = await swarm.source({ peerId: 'p2', content: eight })
  const both = await Promise.all(
    [1, 2].map(async () => await swarm.fetch(eight, [source], { keeps: true })),
  )
  for (const { partialPath } of both) expect((await readFile(partialPath)).equals(bytes)).toBe(true)
  for (const fetched of both) await fetched[Symbol.asyncDispose]()
  expect(await readdir(swarm.partialFolder)).toEqual([])
})

test('bytes of an earlier run that only one peer vouched for are hashed as a whole', async () => {
  const swarm = await interrupted(4)
  const [name] = (await readdir(swarm.partialFolder)).filter((one) => !one.endsWith('.journal'))
  const path = join(swarm.partialFolder, name ?? '')
  const damaged = await readFile(path)
  damaged[5] = (damaged[5] ?? 0) ^ 1
  await writeFile(path, damaged)
  const source = await swarm.source({ peerId: 'p2', content: eight })
  await expect(swarm.fetch(eight, [source], { keeps: true })).rejects.toMatchObject({
    code: 'HASH_MISMATCH',
  })
  expect(await readdir(swarm.partialFolder)).toEqual([])
})

test('a chunk root that two peers vouch for is believed, downloaded copies vouch for nothing', async () => {
  const swarm = await aSwarm()
  const other = aContent(content.size, 'other')
  const lie = { ...other, content: { ...other.content, sha256: content.sha256 } }
  const one = await swarm.source({ peerId: 'p1', content: lie })
  const two = await swarm.source({ peerId: 'p2', content: lie })
  const downloaded = { ...two.source, kind: 'downloaded' as const }
  const mismatch = { code: 'HASH_MISMATCH' }
  await expect(swarm.fetch(lie, [one, downloaded])).rejects.toMatchObject(mismatch)
  await expect(swarm.fetch(lie, [one, two], { hashesWhole: true })).rejects.toMatchObject(mismatch)
  await using fetched = await swarm.fetch(lie, [one, two])
  expect((await stat(fetched.partialPath)).size).toBe(content.size)
})

test('what is left of a content is forgotten on demand, and after a week', async () => {
  const swarm = await interrupted(4)
  expect((await readdir(swarm.partialFolder)).length).toBe(2)
  await swarm.restart()
  expect((await readdir(swarm.partialFolder)).length).toBe(2)
  await swarm.fetcher.forget(content)
  expect(await readdir(swarm.partialFolder)).toEqual([])
  const old = await interrupted(4)
  const at = (old.clock.nowMs() - partialKeptMs) / 1000
  for (const name of await readdir(old.partialFolder))
    await utimes(join(old.partialFolder, name), at, at)
  await old.restart()
  expect(await readdir(old.partialFolder)).toEqual([])
})

async function withChunks(path: string, bootId: string, chunks: readonly number[]): Promise<void> {
  await using file = await PartialFile.open(
    { path, content, bootId, isJournalled: true },
    dependencies,
  )
  await file.begin(chunkList)
  for (const chunk of chunks)
    await file.put(
      chunk,
      Buffer.copyBytesFrom(chunkOf(bytes, chunk)),
      chunkHashAt(chunkList, chunk),
    )
  file.keep()
}

async function verifiedIn(path: string, bootId: string): Promise<number[]> {
  await using file = await PartialFile.open(
    { path, content, bootId, isJournalled: true },
    dependencies,
  )
  file.keep()
  return [...Array(chunkCount).keys()].filter((chunk) => file.verified.has(chunk))
}

test('verified chunks are hashed again only when the machine has restarted', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'partial')
  await withChunks(path, 'first boot', [6, 1, 2])
  const damaged = await readFile(path)
  damaged[mebibyte] = (damaged[mebibyte] ?? 0) ^ 1
  await writeFile(path, damaged)
  expect(await verifiedIn(path, 'first boot')).toEqual([1, 2, 6])
  expect(await verifiedIn(path, 'second boot')).toEqual([2, 6])
  expect(await verifiedIn(path, 'second boot')).toEqual([2, 6])
})

test('chunks that the file has lost do not count', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'partial')
  await withChunks(path, 'boot', [0, 1, 2])
  await truncate(path, 2 * mebibyte + 5)
  expect(await verifiedIn(path, 'boot')).toEqual([0, 1])
})

test('room is promised once', async () => {
  await using folder = await temporaryFolder()
  const room = new DiskRoom()
  const half = limits.contentBytesMax
  await expect(room.reserve(folder.path, half)).rejects.toMatchObject({
    code: 'DISK_FULL',
    details: { path: folder.path, neededBytes: half },
  })
  using first = await room.reserve(folder.path, 1)
  first.onWritten(1)
  first.onWritten(1)
  using _ = await room.reserve(folder.path, mebibyte)
})

test('of two that ask for more than half of the room at the same time one gets it', async () => {
  await using folder = await temporaryFolder()
  const room = new DiskRoom()
  const { bavail, bsize } = await statfs(folder.path)
  const most = Math.floor(0.6 * bavail * bsize)
  const answers = await Promise.allSettled([
    room.reserve(folder.path, most),
    room.reserve(folder.path, most),
  ])
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
})

test('a full disk that refuses to resume costs no partial data', async () => {
  const swarm = await interrupted(5)
  const before = await readdir(swarm.partialFolder)
  const source = await swarm.source({ peerId: 'p2', content: eight })
  // A folder is where the new journal would be created: it fails like a full disk.
  const [dataName] = before.toSorted()
  await mkdir(join(swarm.partialFolder, `${dataName}.journal.new`))
  await expect(swarm.fetch(eight, [source], { keeps: true })).rejects.toMatchObject({
    code: 'DISK_FAILED',
  })
  await rmdir(join(swarm.partialFolder, `${dataName}.journal.new`))
  expect(await readdir(swarm.partialFolder)).toEqual(before)
  await swarm.fetch(eight, [source], { keeps: true })
  expect(source.asked).toEqual([5, 6, 7])
})

test('a fetch that resumes does not say that it waits before it has tried a source', async () => {
  const swarm = await interrupted(5)
  const source = await swarm.source({ peerId: 'p2', content: eight })
  const waits: (string | undefined)[] = []
  await swarm.fetch(eight, [source], {
    keeps: true,
    onProgress: ({ waitingFor }) => waits.push(waitingFor),
  })
  expect(new Set(waits)).toEqual(new Set([undefined]))
})
