import { describe, expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { FoundContent } from '../../common/protocol/messages.ts'
import { aContent } from '../../common/testing/contents.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import type { DownloadFinder } from './content-watch.ts'
import { DownloadRecords } from './download-records.ts'
import { downloadsRemembered } from './downloads.ts'
import { DownloadWorld, one, source, two } from './testing/download-world.ts'

test('a download is looked up, fetched and moved into place', async () => {
  const world = new DownloadWorld()
  const { downloads, clock } = world
  const { id, ...begun } = downloads.start({ name: 'a.txt' })
  expect(begun).toEqual({
    name: 'a.txt',
    state: 'running',
    bytes: 0,
    size: 0,
    reusedBytes: 0,
    bytesPerSecond: 0,
    sources: [],
  })
  await world.settle()
  await clock.advance(2000)
  world.fetches[0]?.progress({ verifiedBytes: 500, reusedBytes: 100, sources: [] })
  expect(await downloads.wait(id, 0)).toMatchObject({
    state: 'running',
    bytes: 500,
    size: 1000,
    reusedBytes: 100,
    bytesPerSecond: expect.closeTo(250, 1) as unknown,
  })
  world.fetches[0]?.done()
  const { sha256 } = one
  expect(await downloads.wait(id, 1000)).toEqual({
    id,
    name: 'a.txt',
    state: 'done',
    bytes: 1000,
    size: 1000,
    reusedBytes: 100,
    bytesPerSecond: 0,
    sources: [],
    result: {
      name: 'a.txt',
      path: '/downloaded/a.txt',
      bytes: 1000,
      reusedBytes: 100,
      seconds: expect.closeTo(2) as unknown,
      sha256,
      sources: [{ peerId: 'p2', host: 'h2', port: 7101 }],
    },
  })
  expect(world.adopted).toEqual([`/partial/${sha256}`])
  // Without the reused bytes.
  const about450 = expect.closeTo(450, 1) as unknown
  expect(downloads.stats).toEqual({
    downloadBytesPerSecond: { count: 1, mean: about450, stdev: 0, min: about450, max: about450 },
    throughputBytesPerSecond: about450,
  })
})

test('the content that was asked for is taken', async () => {
  const world = new DownloadWorld()
  world.downloads.start({ name: 'a.txt', sha256: two.sha256 })
  await world.settle()
  expect(world.fetches.map(({ content }) => content.sha256)).toEqual([two.sha256])
})

test('a content that the name does not have is not found', async () => {
  const world = new DownloadWorld()
  const { sha256 } = aContent(3).content
  const { id } = world.downloads.start({ name: 'a.txt', sha256 })
  expect(await world.downloads.wait(id, 1000)).toMatchObject({
    state: 'failed',
    error: { code: 'CONTENT_NOT_FOUND', retryable: false, details: { sha256 } },
  })
})

describe('when peers differ about one content', () => {
  const truth = two
  const lie: FoundContent = { ...two, size: 3000, chunkRoot: one.sha256 }
  const lookup: DownloadFinder['lookup'] = async () => [lie, one, truth]
  const mismatch = new AppError('HASH_MISMATCH', { source: 'liar', what: 'it' })

  test('the next claim is tried when one proves wrong', async () => {
    const world = new DownloadWorld({ lookup })
    const { id } = world.downloads.start({ name: 'a.txt' })
    await world.settle()
    world.fetches[0]?.progress({ verifiedBytes: 2500, sources: [] })
    world.fetches[0]?.fail(mismatch)
    await world.settle()
    const { sha256, chunkRoot } = truth
    expect(world.fetches[1]?.content).toEqual({ sha256, size: 2000, chunkRoot })
    expect(await world.downloads.wait(id, 0)).toMatchObject({ bytes: 0, size: 2000 })
    world.fetches[1]?.done()
    const ended = await world.downloads.wait(id, 1000)
    expect(ended).toMatchObject({ state: 'done', size: 2000, result: { sha256, bytes: 2000 } })
  })

  test('what the last of them failed with is the answer', async () => {
    const world = new DownloadWorld({ lookup })
    const { id } = world.downloads.start({ name: 'a.txt', sha256: two.sha256 })
    await world.settle()
    world.fetches[0]?.fail(mismatch)
    await world.settle()
    world.fetches[1]?.fail(new AppError('NO_SOURCE', { name: 'a.txt', tried: 'p2' }))
    expect(await world.downloads.wait(id, 1000)).toMatchObject({ error: { code: 'NO_SOURCE' } })
    expect(world.fetches).toHaveLength(2)
  })

  test('a fault of this peer is no reason to try another', async () => {
    const world = new DownloadWorld({ lookup })
    const { id } = world.downloads.start({ name: 'a.txt' })
    await world.settle()
    world.fetches[0]?.fail(new AppError('DISK_FULL', { path: 'x', neededBytes: 3000 }))
    await world.settle()
    expect(await world.downloads.wait(id, 1000)).toMatchObject({ error: { code: 'DISK_FULL' } })
    expect(world.fetches).toHaveLength(1)
  })
})

test('what this peer has is copied and not fetched', async () => {
  const world = new DownloadWorld()
  world.held.add(one.sha256)
  const { id } = world.downloads.start({ name: 'a.txt' })
  const download = await world.downloads.wait(id, 1000)
  expect(download).toMatchObject({ state: 'done', bytes: 1000, result: { sources: [] } })
  expect(world.fetches).toEqual([])
  expect(world.downloads.stats.downloadBytesPerSecond.count).toBe(0)
})

test.each([
  new AppError('NAME_NOT_FOUND', { name: 'a.txt' }),
  new AppError('INDEX_UNREACHABLE', { address: 'index:7000' }),
])('a lookup that fails is the answer: $code', async (error) => {
  const world = new DownloadWorld({ lookup: () => Promise.reject(error) })
  const { id } = world.downloads.start({ name: 'a.txt' })
  const { code, message, retryable, details } = error
  expect(await world.downloads.wait(id, 1000)).toMatchObject({
    state: 'failed',
    error: { code, message, retryable, details },
  })
})

test('a fetched file that finds no place is removed', async () => {
  const error = new AppError('DISK_FAILED', { action: 'rename', path: 'x', reason: 'EIO' })
  const world = new DownloadWorld({ shelf: { adopt: () => Promise.reject(error) } })
  const { id } = world.downloads.start({ name: 'a.txt' })
  await world.settle()
  world.fetches[0]?.done()
  expect(await world.downloads.wait(id, 1000)).toMatchObject({ error: { code: 'DISK_FAILED' } })
  expect(world.discarded).toBe(1)
})

test('a bounded number runs, the others are queued', async () => {
  const world = new DownloadWorld({ downloadsAtOnce: 2 })
  const ids = ['a', 'b', 'c', 'd'].map((name) => world.downloads.start({ name }).id)
  await world.settle()
  expect(world.fetches.map(({ name }) => name)).toEqual(['a', 'b'])
  world.fetches[1]?.fail(new AppError('NO_SOURCE'))
  await world.settle()
  expect(world.fetches.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
  const states = await Promise.all(ids.map((id) => world.downloads.wait(id, 0)))
  expect(states.map(({ state }) => state)).toEqual(['running', 'failed', 'running', 'waiting'])
})

test('the number that may run can change: more start immediately, surplus ones finish', async () => {
  const world = new DownloadWorld({ downloadsAtOnce: 1 })
  for (const name of ['a', 'b', 'c', 'd']) world.downloads.start({ name })
  world.downloads.runAtOnce(3)
  await world.settle()
  expect(world.fetches.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
  world.downloads.runAtOnce(2)
  world.fetches[0]?.fail(new AppError('NO_SOURCE'))
  await world.settle()
  expect(world.downloads.counts).toMatchObject({ running: 2, waiting: 1 })
  world.fetches[1]?.fail(new AppError('NO_SOURCE'))
  await world.settle()
  expect(world.downloads.counts).toMatchObject({ running: 2, waiting: 0 })
})

test('the speed of a download that runs is what its sources send, before a chunk is whole', async () => {
  const world = new DownloadWorld()
  const { id } = world.downloads.start({ name: 'a' })
  await world.settle()
  const sources = [20_000, 30_000].map((bytesPerSecond) => ({ source, bytes: 1, bytesPerSecond }))
  world.fetches[0]?.progress({ verifiedBytes: 0, sources })
  expect((await world.downloads.wait(id, 0)).bytesPerSecond).toBe(50_000)
})

test('the same download asked for twice is one', async () => {
  const world = new DownloadWorld()
  const first = world.downloads.start({ name: 'a.txt' })
  await world.settle()
  const second = world.downloads.start({ name: './a.txt' })
  expect(second.id).toBe(first.id)
  world.fetches[0]?.done()
  await world.downloads.wait(first.id, 1000)
  expect(world.downloads.start({ name: 'a.txt' }).id).not.toBe(first.id)
})

test('the same content under the same name is fetched once, however it was asked for', async () => {
  const world = new DownloadWorld()
  const first = world.downloads.start({ name: 'a.txt' })
  const second = world.downloads.start({ name: 'a.txt', sha256: one.sha256 })
  expect(second.id).not.toBe(first.id)
  await world.settle()
  world.fetches[0]?.done()
  expect(await world.downloads.wait(second.id, 1000)).toMatchObject({ state: 'done' })
  expect(world.fetches.length).toBe(1)
})

test('waiting ends after a while, or with the one who waits', async () => {
  const world = new DownloadWorld()
  const { id } = world.downloads.start({ name: 'a.txt' })
  const waiting = world.downloads.wait(id, 500)
  await world.clock.advance(500)
  expect(await waiting).toMatchObject({ state: 'running' })
  const stop = new AbortController()
  const waitingToo = world.downloads.wait(id, 500, stop.signal)
  stop.abort(new Error('gone'))
  await expect(waitingToo).rejects.toThrow('gone')
  expect(world.clock.pending).toBe(0)
})

test('a running download is cancelled, and what waited takes its place', async () => {
  const world = new DownloadWorld({ downloadsAtOnce: 1 })
  const first = world.downloads.start({ name: 'a' })
  world.downloads.start({ name: 'b' })
  await world.settle()
  await world.downloads.cancel(first.id)
  const cancelled = { state: 'failed', error: { code: 'CANCELLED' } }
  expect(await world.downloads.wait(first.id, 0)).toMatchObject(cancelled)
  await world.settle()
  expect(world.fetches.map(({ name }) => name)).toEqual(['a', 'b'])
  await world.downloads.cancel(first.id)
  expect(await world.downloads.wait(first.id, 0)).toMatchObject(cancelled)
})

test('a waiting download is cancelled without having begun', async () => {
  const world = new DownloadWorld({ downloadsAtOnce: 1 })
  world.downloads.start({ name: 'a' })
  const { id } = world.downloads.start({ name: 'b' })
  await world.downloads.cancel(id)
  expect(await world.downloads.wait(id, 0)).toMatchObject({ error: { code: 'CANCELLED' } })
  world.fetches[0]?.done()
  await world.settle()
  expect(world.fetches.map(({ name }) => name)).toEqual(['a'])
})

test('an unknown download is not found', async () => {
  const { downloads } = new DownloadWorld()
  const notFound = { code: 'DOWNLOAD_NOT_FOUND', details: { id: 'x' } }
  await expect(downloads.wait('x', 0)).rejects.toMatchObject(notFound)
  await expect(downloads.cancel('x')).rejects.toMatchObject(notFound)
})

test('names are checked first', () => {
  const { downloads } = new DownloadWorld()
  expect(() => downloads.start({ name: '../a' })).toThrow(AppError)
})

test('only the last ones that ended are remembered', async () => {
  const world = new DownloadWorld({ downloadsAtOnce: 10 })
  world.held.add(one.sha256)
  const count = downloadsRemembered.user + 1
  const ids = Array.from({ length: count }, (_, i) => world.downloads.start({ name: `${i}` }).id)
  await world.downloads.wait(ids.at(-1) ?? '', 1000)
  await expect(world.downloads.wait(ids[0] ?? '', 0)).rejects.toMatchObject({
    code: 'DOWNLOAD_NOT_FOUND',
  })
  expect(await world.downloads.wait(ids[1] ?? '', 0)).toMatchObject({ state: 'done' })
})

test('those of the peer itself push out none of a user', async () => {
  const world = new DownloadWorld({ downloadsAtOnce: 10 })
  world.held.add(one.sha256)
  const user = world.downloads.start({ name: 'user' })
  await world.downloads.wait(user.id, 1000)
  const background = { startedBy: 'follow' as const, replacesOnly: [] }
  const ids = Array.from(
    { length: downloadsRemembered.background + 1 },
    (_, i) => world.downloads.start({ name: `${i}` }, background).id,
  )
  await world.downloads.wait(ids.at(-1) ?? '', 1000)
  const listed = world.downloads.list({ limit: 500 }).downloads.map(({ id }) => id)
  expect(listed).toEqual([user.id, ...ids.slice(1)])
})

test('there is a bound on those that wait', () => {
  const world = new DownloadWorld()
  for (let i = 0; i < limits.downloadsActiveMax; i += 1) world.downloads.start({ name: `${i}` })
  expect(() => world.downloads.start({ name: 'one more' })).toThrow(
    `already ${limits.downloadsActiveMax} downloads`,
  )
})

test('stopping ends all downloads', async () => {
  const world = new DownloadWorld({ downloadsAtOnce: 1 })
  const ids = ['a', 'b'].map((name) => world.downloads.start({ name }).id)
  await world.settle()
  await world.downloads[Symbol.asyncDispose]()
  for (const id of ids)
    expect(await world.downloads.wait(id, 0)).toMatchObject({ error: { code: 'STOPPING' } })
  expect(() => world.downloads.start({ name: 'c' })).toThrow('stopping')
})

describe('a background download', () => {
  const background = { startedBy: 'follow' } as const
  const wanted = { name: 'a.txt', sha256: two.sha256, wait: false }

  test('yields to one of a user, keeps what it has, and continues afterwards', async () => {
    const world = new DownloadWorld()
    const { downloads } = world
    const { id } = downloads.start(wanted, { ...background, replacesOnly: [] })
    await world.settle()
    const user = downloads.start({ name: 'b.txt' })
    await world.settle()
    expect(downloads.list({ limit: 9 }).downloads).toMatchObject([
      { id, state: 'waiting', startedBy: 'follow' },
      { id: user.id, state: 'running' },
    ])
    expect(world.forgotten).toEqual([])
    world.fetches[1]?.done()
    await world.settle()
    expect(world.fetches[2]).toMatchObject({ name: 'a.txt', content: { sha256: two.sha256 } })
    world.fetches[2]?.done()
    expect(await downloads.wait(id, 1000)).toMatchObject({ state: 'done' })
  })

  test('is another one than that of a user, and joins itself without resuming', async () => {
    const world = new DownloadWorld({ downloadsAtOnce: 1 })
    const { downloads } = world
    const { id } = downloads.start(wanted, { ...background, replacesOnly: [] })
    await world.settle()
    await downloads.pause(id)
    const again = downloads.start(wanted, { ...background, replacesOnly: [] })
    expect(again).toMatchObject({ id, state: 'paused' })
    expect(downloads.start(wanted).id).not.toBe(id)
  })

  test('says what it may replace, also in the next run of the peer', async () => {
    const records = new DownloadRecords(':memory:', { log: silentLog })
    const replacing: unknown[] = []
    const shelf = {
      copyLocal: async (_: string, __: unknown, options: unknown) =>
        void replacing.push(options) as undefined,
    }
    const first = new DownloadWorld({ records, shelf })
    first.downloads.start(wanted, { ...background, replacesOnly: [one.sha256] })
    await first.settle()
    await first.downloads[Symbol.asyncDispose]()
    const next = new DownloadWorld({ records, shelf })
    await next.settle()
    const replaced = { replacesOnly: [one.sha256] }
    expect(replacing).toEqual([replaced, replaced])
    expect(next.downloads.list({ limit: 9 }).downloads).toMatchObject([{ startedBy: 'follow' }])
  })
})
