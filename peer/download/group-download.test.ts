import { readdir } from 'node:fs/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { bytesSource } from '../../common/protocol/bulk.ts'
import type { MatchedFile, Source } from '../../common/protocol/messages.ts'
import { seededRandom } from '../../common/random.ts'
import { aContent, chunkOf, type TestContent } from '../../common/testing/contents.ts'
import type { ScriptedSource } from '../../common/testing/scripted-source.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import type { Download, DownloadRequest } from '../api/download-shapes.ts'
import { aSwarm, nowhere, type Swarm } from '../fetch/testing/swarm.ts'
import { DownloadRecords } from './download-records.ts'
import { Downloads } from './downloads.ts'
import type { GroupFinder } from './group-download.ts'
import { groupWaitingMax } from './group-download.ts'
import { MemoryShelf } from './testing/memory-shelf.ts'

const mebibyte = 1024 * 1024

interface Shared {
  readonly content: TestContent
  sources: Source[]
}

/** Files that others share, and a peer that downloads them into memory. */
class GroupWorld {
  readonly swarm: Swarm
  readonly shared = new Map<string, Shared>()
  readonly shelf = new MemoryShelf()
  readonly downloads: Downloads
  pageRows = 1_000
  /** Once the first page was listed. */
  isIndexAway = false

  constructor(swarm: Swarm) {
    this.swarm = swarm
    this.downloads = new Downloads(
      { downloadsAtOnce: 2 },
      {
        fetcher: swarm.fetcher,
        finder: this.#finder(),
        shelf: this.shelf,
        folder: '/downloaded',
        records: new DownloadRecords(':memory:', { log: silentLog }),
        clock: swarm.clock,
        random: seededRandom('group'),
        log: silentLog,
      },
    )
    onTestFinished(async () => await this.downloads[Symbol.asyncDispose]())
  }

  share(name: string, content: TestContent, ...sources: Source[]): void {
    this.shared.set(name, { content, sources })
  }

  /** Small files from one source, which gives what is shared; returns it. */
  async shareSmall(count: number, peerId = 'p1'): Promise<ScriptedSource> {
    const source = await this.source(peerId)
    for (let number = 0; number < count; number += 1)
      this.share(`d/${number}`, aContent(number, 'small'), source.source)
    return source
  }

  async source(peerId: string, content = aContent(1)): Promise<ScriptedSource> {
    const bytesOf = (sha256: string): Buffer | undefined =>
      [...this.shared.values()].find((one) => one.content.content.sha256 === sha256)?.content.bytes
    return await this.swarm.source({
      peerId,
      content,
      readMany: (sha256s) => sha256s.map((one) => bytesOf(one) ?? { error: 'CONTENT_NOT_FOUND' }),
    })
  }

  start(request: Partial<DownloadRequest> = {}): Download {
    return this.downloads.start({ name: 'd/**', pattern: true, ...request })
  }

  async end({ id }: Download): Promise<Download> {
    return await this.downloads.wait(id, 3_600_000)
  }

  #matched(name: string): MatchedFile[] {
    const found = this.shared.get(name)
    return found === undefined
      ? []
      : [{ name, ...found.content.content, sources: [...found.sources] }]
  }

  #finder(): GroupFinder {
    return {
      lookup: async (name) => {
        const found = this.#matched(name)
        if (found.length === 0) throw new AppError('NAME_NOT_FOUND', { name })
        return found
      },
      match: async ({ after = '' }) => {
        if (after !== '' && this.isIndexAway)
          throw new AppError('INDEX_UNREACHABLE', { address: 'index' })
        const names = [...this.shared.keys()].toSorted().filter((name) => name > after)
        const page = names.slice(0, this.pageRows)
        const next = names.length > page.length ? page.at(-1) : undefined
        const files = page.flatMap((name) => this.#matched(name))
        return next === undefined ? { files } : { files, next }
      },
    }
  }

  /** Whether all that is shared is placed, byte for byte. */
  get isComplete(): boolean {
    return [...this.shared].every(([name, { content }]) =>
      content.bytes.equals(this.shelf.files.get(name) ?? Buffer.from('none')),
    )
  }
}

async function aWorld(): Promise<GroupWorld> {
  return new GroupWorld(await aSwarm())
}

test('small and large files of many pages are fetched, each once', async () => {
  const world = await aWorld()
  world.pageRows = 100
  await world.shareSmall(550)
  const large = aContent(2 * mebibyte + 1)
  const source = await world.source('p2', large)
  world.share('d/large', large, source.source)
  const ended = await world.end(world.start())
  expect(ended).toMatchObject({
    state: 'done',
    name: 'd/**',
    files: { total: 551, done: 551, failed: 0, isListed: true, folder: '/downloaded' },
  })
  expect(ended.bytes).toBe(ended.size)
  expect(world.isComplete).toBe(true)
  expect(source.asked).toEqual([0, 1, 2])
})

test('the room for small files is given back before large ones need theirs', async () => {
  const world = await aWorld()
  await world.shareSmall(5)
  let reservedBytes = 0
  vi.spyOn(world.swarm.fetcher, 'reserve').mockImplementation(async (bytes) => {
    reservedBytes += bytes
    return { onWritten: () => {}, [Symbol.dispose]: () => void (reservedBytes -= bytes) }
  })
  const large = aContent(2 * mebibyte)
  const reservedThen: number[] = []
  const source = await world.swarm.source({
    peerId: 'p2',
    content: large,
    chunkList: () => {
      reservedThen.push(reservedBytes)
      return large.chunkList
    },
  })
  world.share('d/large', large, source.source)
  expect(await world.end(world.start())).toMatchObject({ state: 'done', files: { done: 6 } })
  expect(reservedThen).toEqual([2 * mebibyte])
})

test('what is there is not fetched, and what is held elsewhere is not fetched either', async () => {
  const world = await aWorld()
  await world.shareSmall(10)
  const there = aContent(3, 'small')
  world.shelf.files.set('d/3', there.bytes)
  const held = aContent(4, 'small')
  world.shelf.elsewhere.set(held.content.sha256, held.bytes)
  // Bytes that differ from the catalog are fetched again.
  world.shelf.elsewhere.set(aContent(5, 'small').content.sha256, Buffer.alloc(5))
  expect(await world.end(world.start())).toMatchObject({ state: 'done', files: { done: 10 } })
  expect(world.isComplete).toBe(true)
  expect(world.swarm.receivedBytes).toBe(45 - 3 - 4)
})

test('files that cannot be had or placed are named, and all others are there', async () => {
  const world = await aWorld()
  await world.shareSmall(20)
  world.share('d/lost', aContent(9, 'lost'), nowhere('gone'))
  world.share('d/nobody', aContent(9, 'nobody'))
  world.shelf.blocked.add('d/7')
  const ended = await world.end(world.start({ wait: false }))
  expect(ended).toMatchObject({
    state: 'failed',
    error: { code: 'FILES_FAILED', details: { files: 22, failed: 3 } },
    files: { total: 22, done: 19, failed: 3 },
  })
  const failures = ended.files?.failures.map(({ name, error }) => `${name} ${error.code}`)
  expect(failures?.toSorted()).toEqual([
    'd/7 NAME_BLOCKED',
    'd/lost NO_SOURCE',
    'd/nobody NO_SOURCE',
  ])
})

test('a full disk pauses it immediately, though the next page waits for the index', async () => {
  const world = await aWorld()
  await world.shareSmall(5)
  Object.assign(world, { pageRows: 2, isIndexAway: true })
  world.shelf.isDiskFull = true
  const started = world.start()
  const state = (): Download | undefined => world.downloads.list({ limit: 9 }).downloads.at(-1)
  await expect.poll(state).toMatchObject({ state: 'paused', error: { code: 'DISK_FULL' } })
  world.shelf.isDiskFull = false
  world.isIndexAway = false
  world.downloads.resume(started.id)
  expect(await world.end(started)).toMatchObject({ state: 'done', files: { done: 5 } })
})

test('files without a source wait, and are fetched when one appears', async () => {
  const world = await aWorld()
  await world.shareSmall(20)
  const lost = aContent(9, 'lost')
  world.share('d/lost', lost, nowhere('gone'))
  const started = world.start()
  const now = (): Download | undefined =>
    world.downloads.list({ limit: 9 }).downloads.find(({ id }) => id === started.id)
  await expect.poll(now).toMatchObject({ state: 'running', files: { done: 20 } })
  await expect.poll(now).toHaveProperty('waitingFor')
  const source = await world.source('p2')
  world.share('d/lost', lost, source.source)
  await world.swarm.clock.advance(2_000)
  const ended = world.end(started)
  expect(await ended).toMatchObject({ state: 'done', files: { total: 21, done: 21, failed: 0 } })
  expect(world.isComplete).toBe(true)
})

test('many files without a source hold up no others, and are fetched when one appears', async () => {
  const world = await aWorld()
  world.pageRows = 500
  const lost = Array.from({ length: groupWaitingMax + 700 }, (_, number) => `a/${number}`)
  for (const [number, name] of lost.entries())
    world.share(name, aContent(number, 'lost'), nowhere('gone'))
  await world.shareSmall(20)
  const started = world.start({ name: '**' })
  const now = (): Download | undefined =>
    world.downloads.list({ limit: 9 }).downloads.find(({ id }) => id === started.id)
  await expect.poll(now).toMatchObject({ files: { total: 1_720, done: 20, isListed: true } })
  await expect.poll(now).toHaveProperty('waitingFor')

  const source = await world.source('p2')
  for (const name of lost.slice(5)) world.shared.get(name)?.sources.push(source.source)
  await world.swarm.clock.advance(2_000)
  await expect.poll(now).toMatchObject({ files: { total: 1_720, done: 1_715, failed: 0 } })
  await expect.poll(now).toHaveProperty('waitingFor')
  for (const name of lost) world.shared.get(name)?.sources.push(source.source)
  await world.swarm.clock.advance(2_000)
  const ended = await world.end(started)
  expect(ended).toMatchObject({ state: 'done', files: { total: 1_720, done: 1_720, failed: 0 } })
  expect(ended.bytes).toBe(ended.size)
  expect(world.isComplete).toBe(true)
})

test('the progress of a source covers small files and large ones together', async () => {
  const world = await aWorld()
  const small = await world.shareSmall(20)
  const large = aContent(2 * mebibyte)
  const held = Promise.withResolvers<void>()
  const source = await world.swarm.source({
    peerId: 'p2',
    content: large,
    read: async (chunk) => {
      if (chunk === 1) await held.promise
      return bytesSource(chunkOf(large.bytes, chunk))
    },
  })
  world.share('d/large', large, source.source)
  const started = world.start()
  const told = async (): Promise<unknown> => {
    await world.swarm.clock.advance(10)
    const { sources } = await world.downloads.wait(started.id, 0)
    return sources.map(({ peerId, bytes }) => [peerId, bytes])
  }
  await expect.poll(told).toEqual([
    [small.source.peerId, 190],
    ['p2', mebibyte],
  ])
  held.resolve()
  expect(await world.end(started)).toMatchObject({ state: 'done', sources: [] })
})

test('a liar is blamed, and what it lied about is fetched elsewhere', async () => {
  const world = await aWorld()
  const good = await world.shareSmall(20)
  const liar = await world.swarm.source({
    peerId: 'liar',
    content: aContent(1),
    readMany: (sha256s) => sha256s.map(() => Buffer.from('lie')),
  })
  for (const file of world.shared.values()) file.sources = [liar.source, good.source]
  expect(await world.end(world.start())).toMatchObject({ state: 'done', files: { done: 20 } })
  expect(world.isComplete).toBe(true)
  expect(world.swarm.blamed).toEqual(['liar'])
})

test('it is paused, resumed and cancelled like any other', async () => {
  const world = await aWorld()
  await world.shareSmall(20)
  world.share('d/lost', aContent(9, 'lost'), nowhere('gone'))
  const started = world.start()
  const state = (): Download | undefined => world.downloads.list({ limit: 9 }).downloads.at(-1)
  await expect.poll(state).toHaveProperty('waitingFor')
  expect(await world.downloads.pause(started.id)).toMatchObject({ state: 'paused' })
  expect(world.downloads.resume(started.id)).toMatchObject({ state: 'running' })
  await expect.poll(state).toMatchObject({ files: { done: 20 } })
  await world.downloads.cancel(started.id)
  expect(state()).toMatchObject({ state: 'failed', error: { code: 'CANCELLED' } })
  expect(world.shelf.files.size).toBe(20)
})

test('nothing is left of a large file when it is cancelled while it is paused', async () => {
  const world = await aWorld()
  const large = aContent(2 * mebibyte)
  const { promise: held, resolve: onEnd } = Promise.withResolvers<void>()
  onTestFinished(() => onEnd())
  const source = await world.swarm.source({
    peerId: 'p2',
    content: large,
    read: async (chunk) => {
      if (chunk === 1) await held
      return bytesSource(chunkOf(large.bytes, chunk))
    },
  })
  world.share('d/large', large, source.source)
  const { id } = world.start()
  const bytes = async (): Promise<number> => {
    await world.swarm.clock.advance(10)
    return (await world.downloads.wait(id, 0)).bytes
  }
  await expect.poll(bytes).toBe(mebibyte)
  await world.downloads.pause(id)
  expect(await readdir(world.swarm.partialFolder)).toHaveLength(2)
  await world.downloads.cancel(id)
  expect(await readdir(world.swarm.partialFolder)).toEqual([])
})

test('nothing matches', async () => {
  const world = await aWorld()
  expect(await world.end(world.start())).toMatchObject({
    state: 'failed',
    error: { code: 'NO_MATCH', details: { pattern: 'd/**' } },
  })
})

test('a name that no file has is that of a folder, if there is one', async () => {
  const world = await aWorld()
  const named = { name: 'd', pattern: false }
  expect(await world.end(world.start(named))).toMatchObject({ error: { code: 'NAME_NOT_FOUND' } })
  await world.shareSmall(3)
  expect(await world.end(world.start(named))).toMatchObject({ state: 'done', files: { done: 3 } })
})

test('a folder that was replaced by a file of its name is downloaded as that file', async () => {
  const world = await aWorld()
  world.share('d/lost', aContent(9, 'lost'), nowhere('gone'))
  const started = world.start({ name: 'd', pattern: false })
  const state = (): Download | undefined => world.downloads.list({ limit: 9 }).downloads.at(-1)
  await expect.poll(state).toHaveProperty('waitingFor')
  await world.downloads.pause(started.id)
  const file = aContent(7, 'file')
  const source = await world.source('p2', file)
  world.share('d', file, source.source)
  world.downloads.resume(started.id)
  const ended = await world.end(started)
  expect(ended).toMatchObject({ state: 'done', bytes: 7, size: 7 })
  expect(ended).not.toHaveProperty('files')
})
