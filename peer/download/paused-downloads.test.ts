import { expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { downloadsStarvedMax } from './download-queue.ts'
import { DownloadWorld, one, source } from './testing/download-world.ts'

test('a paused download keeps its partial data and continues when it is resumed', async () => {
  const world = new DownloadWorld({ downloadsAtOnce: 1 })
  const { downloads } = world
  const { id } = downloads.start({ name: 'a' })
  downloads.start({ name: 'b' })
  await world.settle()
  expect(world.fetches[0]).toMatchObject({ keeps: true, waits: true })
  expect(await downloads.pause(id)).toMatchObject({ state: 'paused', error: { code: 'PAUSED' } })
  await world.settle()
  expect(world.fetches.map(({ name }) => name)).toEqual(['a', 'b'])
  expect(downloads.counts).toMatchObject({ paused: 1, running: 1, waiting: 0 })
  expect(await downloads.wait(id, 60_000)).toMatchObject({ state: 'paused' })
  expect(downloads.resume(id)).toMatchObject({ state: 'waiting' })
  world.fetches[1]?.done()
  await world.settle()
  world.fetches[2]?.done()
  expect(await downloads.wait(id, 1000)).toMatchObject({ state: 'done' })
})

test('a queued download can be paused, and asking for it again resumes it', async () => {
  const world = new DownloadWorld({ downloadsAtOnce: 1 })
  const { downloads } = world
  downloads.start({ name: 'a' })
  const { id } = downloads.start({ name: 'b' })
  expect(await downloads.pause(id)).toMatchObject({ state: 'paused' })
  expect(await downloads.pause(id)).toMatchObject({ state: 'paused' })
  expect(downloads.start({ name: 'b' })).toMatchObject({ id, state: 'waiting' })
  expect(downloads.list({ limit: 9 }).downloads.map(({ name, state }) => [name, state])).toEqual([
    ['a', 'running'],
    ['b', 'waiting'],
  ])
})

test('a full disk pauses a download and says why', async () => {
  const world = new DownloadWorld()
  const { id } = world.downloads.start({ name: 'a' })
  await world.settle()
  world.fetches[0]?.fail(new AppError('DISK_FULL', { path: '/data', neededBytes: 5 }))
  await world.settle()
  expect(await world.downloads.wait(id, 0)).toMatchObject({
    state: 'paused',
    error: { code: 'DISK_FULL', details: { neededBytes: 5 } },
  })
})

test('a fetched file that finds no room in its place is kept for the next try', async () => {
  const adopt = async (): Promise<never> => {
    throw new AppError('DISK_FULL', { path: '/data', neededBytes: 5 })
  }
  const world = new DownloadWorld({ shelf: { adopt } })
  const { id } = world.downloads.start({ name: 'a' })
  await world.settle()
  world.fetches[0]?.done()
  await world.settle()
  expect(await world.downloads.wait(id, 0)).toMatchObject({ state: 'paused' })
  expect([world.kept, world.discarded]).toEqual([1, 1])
})

test('the partial data of a cancelled download is removed, also when it was paused', async () => {
  const world = new DownloadWorld()
  const { id } = world.downloads.start({ name: 'a' })
  await world.settle()
  await world.downloads.pause(id)
  await world.downloads.cancel(id)
  expect(await world.downloads.wait(id, 0)).toMatchObject({ error: { code: 'CANCELLED' } })
  expect(world.forgotten).toEqual([one.sha256])
  expect(world.records.all()).toEqual([])
})

test('a starved download says so and takes no place from others', async () => {
  const world = new DownloadWorld({ downloadsAtOnce: 1 })
  const { id } = world.downloads.start({ name: 'a' })
  world.downloads.start({ name: 'b' })
  await world.settle()
  world.fetches[0]?.progress({ verifiedBytes: 7, sources: [], waitingFor: 'p2 is away' })
  await world.settle()
  expect(await world.downloads.wait(id, 0)).toMatchObject({ bytes: 7, waitingFor: 'p2 is away' })
  expect(world.fetches.map(({ name }) => name)).toEqual(['a', 'b'])
  world.fetches[1]?.done()
  await world.settle()
  world.fetches[0]?.progress({ verifiedBytes: 8, sources: [fed] })
  expect((await world.downloads.wait(id, 0)).sources).toEqual([
    { peerId: 'p2', host: 'h2', port: 7101, bytes: 9, bytesPerSecond: 3 },
  ])
})

/** A source that sends something. */
const fed = { source, bytes: 9, bytesPerSecond: 3 }

/** A download that was starved while another took its place, and is sent something now. */
async function outOfTurn(): Promise<{ world: DownloadWorld; id: string }> {
  const world = new DownloadWorld({ downloadsAtOnce: 1 })
  const { id } = world.downloads.start({ name: 'a' })
  world.downloads.start({ name: 'b' })
  world.downloads.start({ name: 'c' })
  await world.settle()
  world.fetches[0]?.progress({ verifiedBytes: 7, sources: [], waitingFor: 'p2 is away' })
  await world.settle()
  // Only asked: it may send nothing.
  world.fetches[0]?.progress({ verifiedBytes: 7, sources: [{ ...fed, bytes: 0 }] })
  expect((await world.downloads.wait(id, 0)).state).toBe('running')
  world.fetches[0]?.progress({ verifiedBytes: 7, sources: [fed] })
  await world.settle()
  return { world, id }
}

test('a starved download that is sent something has the next place that is free', async () => {
  const { world, id } = await outOfTurn()
  expect((await world.downloads.wait(id, 0)).state).toBe('waiting')
  expect(world.downloads.counts.running).toBe(1)
  world.fetches[1]?.fail(new AppError('NO_SOURCE'))
  await world.settle()
  expect(world.fetches.map(({ name }) => name)).toEqual(['a', 'b', 'a'])
  world.fetches[2]?.done()
  expect(await world.downloads.wait(id, 1000)).toMatchObject({ state: 'done' })
})

test('one that lost its place is paused and cancelled like any other', async () => {
  const { world, id } = await outOfTurn()
  expect(await world.downloads.pause(id)).toMatchObject({ state: 'paused' })
  world.fetches[1]?.fail(new AppError('NO_SOURCE'))
  await world.settle()
  expect(world.fetches.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
  await world.downloads.cancel(id)
  expect(await world.downloads.wait(id, 0)).toMatchObject({ error: { code: 'CANCELLED' } })
})

test('one is paused, cancelled or stopped just as it loses its place', async () => {
  const feed = async (): Promise<{ world: DownloadWorld; id: string }> => {
    const world = new DownloadWorld({ downloadsAtOnce: 1 })
    const { id } = world.downloads.start({ name: 'a' })
    world.downloads.start({ name: 'b' })
    await world.settle()
    world.fetches[0]?.progress({ verifiedBytes: 7, sources: [], waitingFor: 'p2 is away' })
    await world.settle()
    world.fetches[0]?.progress({ verifiedBytes: 7, sources: [fed] })
    return { world, id }
  }
  const one = await feed()
  expect(await one.world.downloads.pause(one.id)).toMatchObject({ state: 'paused' })
  const two = await feed()
  await two.world.downloads.cancel(two.id)
  expect(await two.world.downloads.wait(two.id, 0)).toMatchObject({ error: { code: 'CANCELLED' } })
  const three = await feed()
  await three.world.downloads[Symbol.asyncDispose]()
  const stopped = { state: 'failed', error: { code: 'STOPPING' } }
  expect(await three.world.downloads.wait(three.id, 0)).toMatchObject(stopped)
  expect(three.world.records.all().map(({ isPaused }) => isPaused)).toEqual([false, false])
})

test('a download that must not wait passes that on to its fetch', async () => {
  const world = new DownloadWorld()
  world.downloads.start({ name: 'a', wait: false })
  await world.settle()
  expect(world.fetches[0]?.waits).toBe(false)
  expect(await world.fetches[0]?.moreSources?.(new AbortController().signal)).toEqual([source])
})

test('one that must not wait does not join one that waits', async () => {
  const world = new DownloadWorld()
  const { id } = world.downloads.start({ name: 'a' })
  await world.settle()
  expect(world.downloads.start({ name: 'a', wait: false })).toMatchObject({ id })
  world.fetches[0]?.progress({ verifiedBytes: 7, sources: [], waitingFor: 'p2 is away' })
  expect(() => world.downloads.start({ name: 'a', wait: false })).toThrow(
    "No peer could send 'a' now. Tried: p2 is away.",
  )
  expect(world.downloads.start({ name: 'a' })).toMatchObject({ id })
})

test('one that must not wait never says that it does', async () => {
  const world = new DownloadWorld()
  const { id } = world.downloads.start({ name: 'a', wait: false })
  await world.settle()
  world.fetches[0]?.progress({ verifiedBytes: 7, sources: [], waitingFor: 'p2 is away' })
  expect(await world.downloads.wait(id, 0)).not.toHaveProperty('waitingFor')
})

test('downloads that had not ended are resumed in the next run, even without an index', async () => {
  const before = new DownloadWorld({ downloadsAtOnce: 1 })
  const first = before.downloads.start({ name: 'a' })
  const second = before.downloads.start({ name: 'b', wait: false })
  await before.settle()
  await before.downloads.pause(second.id)
  const records = before.records
  await before.downloads[Symbol.asyncDispose]()
  expect(records.all()).toMatchObject([
    { id: first.id, content: { sha256: one.sha256 }, isPaused: false },
    { id: second.id, request: { name: 'b', wait: false }, isPaused: true },
  ])
  const lookup = (): never => {
    throw new AppError('INDEX_UNREACHABLE', { address: 'index:7000' })
  }
  const after = new DownloadWorld({ records, lookup })
  await after.settle()
  const { sources: _, ...content } = one
  expect(after.fetches).toMatchObject([{ name: 'a', content, sources: [], waits: true }])
  expect(after.downloads.list({ limit: 9 }).downloads).toMatchObject([
    { id: first.id, state: 'running' },
    { id: second.id, state: 'paused' },
  ])
  after.fetches[0]?.done()
  await after.settle()
  expect(records.all().map(({ id }) => id)).toEqual([second.id])
})

test('a download that is cancelled while it is being paused ends', async () => {
  const world = new DownloadWorld()
  const { id } = world.downloads.start({ name: 'a' })
  await world.settle()
  const pausing = world.downloads.pause(id)
  await world.downloads.cancel(id)
  await pausing
  expect(await world.downloads.wait(id, 0)).toMatchObject({ error: { code: 'CANCELLED' } })
  expect(world.forgotten).toEqual([one.sha256])
  expect(world.records.all()).toEqual([])
})

test('the partial data of a cancelled download is kept for another one of the same content', async () => {
  const world = new DownloadWorld()
  const { id } = world.downloads.start({ name: 'a' })
  const other = world.downloads.start({ name: 'b' })
  await world.settle()
  await world.downloads.pause(other.id)
  await world.downloads.cancel(id)
  expect(world.forgotten).toEqual([])
  await world.downloads.cancel(other.id)
  expect(world.forgotten).toEqual([one.sha256])
})

test('a call that waits for a download returns immediately when it is paused', async () => {
  const world = new DownloadWorld()
  const { id } = world.downloads.start({ name: 'a' })
  await world.settle()
  const waiting = world.downloads.wait(id, 60_000)
  await world.downloads.pause(id)
  expect(await waiting).toMatchObject({ state: 'paused' })
})

test('records that a full disk refuses stop no download', async () => {
  const refuse = (): never => {
    throw new Error('database or disk is full')
  }
  const records = { all: () => [], put: refuse, remove: refuse }
  const world = new DownloadWorld({ downloadsAtOnce: 1, records })
  const { id } = world.downloads.start({ name: 'a' })
  const next = world.downloads.start({ name: 'b' })
  await world.settle()
  world.fetches[0]?.fail(new AppError('DISK_FULL', { path: '/data', neededBytes: 5 }))
  expect(await world.downloads.wait(id, 1000)).toMatchObject({ state: 'paused' })
  await world.settle()
  world.fetches[1]?.done()
  expect(await world.downloads.wait(next.id, 1000)).toMatchObject({ state: 'done' })
})

test('downloads that an earlier run had not begun wait for an unreachable index', async () => {
  const earlier = new DownloadWorld({ downloadsAtOnce: 1 })
  earlier.downloads.start({ name: 'a' })
  const { id } = earlier.downloads.start({ name: 'b' })
  await earlier.settle()
  await earlier.downloads[Symbol.asyncDispose]()
  let isAway = true
  const lookup = async () => {
    if (isAway) throw new AppError('INDEX_UNREACHABLE', { address: 'index:7000' })
    return [one]
  }
  const { records } = earlier
  const world = new DownloadWorld({ downloadsAtOnce: 2, records, lookup })
  await world.clock.advance(60_000)
  const { state, waitingFor } = await world.downloads.wait(id, 0)
  expect([state, waitingFor]).toEqual(['running', expect.stringContaining('index:7000')])
  isAway = false
  await world.clock.advance(10_000)
  expect(world.fetches.map(({ name }) => name)).toEqual(['a', 'b'])
})

test('the number of starved downloads that run is bounded', async () => {
  const world = new DownloadWorld({ downloadsAtOnce: 2 })
  for (let number = 0; number < 2 * downloadsStarvedMax; number += 1)
    world.downloads.start({ name: `file ${number}` })
  for (let round = 0; round <= downloadsStarvedMax; round += 1) {
    await world.settle()
    for (const fetch of world.fetches)
      fetch.progress({ verifiedBytes: 0, sources: [], waitingFor: 'p2' })
  }
  await world.settle()
  expect(world.downloads.counts.running).toBe(2 + downloadsStarvedMax)
})
