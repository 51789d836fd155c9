import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { AppError } from '../../../common/errors.ts'
import { limits } from '../../../common/limits.ts'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import { silentLog } from '../../../common/testing/silent-log.ts'
import type { Download } from '../../api/download-shapes.ts'
import { FakeLive } from '../../testing/fake-live.ts'
import { FakePeerApi } from '../../testing/fake-peer-api.ts'
import { fakeVitals } from '../../testing/fake-vitals.ts'
import { PageStream } from '../../testing/page-stream.ts'
import { startWeb, type WebServer } from '../web-server.ts'

async function open({ address }: WebServer, headers = {}, query = ''): Promise<PageStream> {
  return await PageStream.open(`http://127.0.0.1:${address.port}`, headers, query)
}

async function setUp() {
  const clock = new FakeClock()
  const startedMs = clock.nowMs()
  const live = new FakeLive()
  live.silentMs = () => clock.nowMs() - startedMs
  const api = new FakePeerApi({ clock })
  const web = await startWeb(
    { address: { host: '127.0.0.1', port: 0 }, allowedHosts: [] },
    { api: api.api, vitals: fakeVitals(), live: live.sources, clock, log: silentLog },
  )
  /** Lets time and sockets pass until a condition holds. */
  const until = async (isMet: () => boolean): Promise<void> => {
    for (let turns = 0; !isMet(); turns++) {
      if (turns > 20_000) throw new Error('it never happened')
      if (turns % 20 === 19) await clock.advance(100)
      await turn()
    }
  }
  return {
    clock,
    startedMs,
    live,
    api,
    web,
    until,
    [Symbol.asyncDispose]: () => web[Symbol.asyncDispose](),
  }
}

const peerRow = (peerId: string, fields: object = {}): FakeLive['peers'][number] => ({
  peerId,
  host: '127.0.0.1',
  port: 7_100,
  state: 'live',
  copies: 1,
  bytes: 2,
  freeBytes: 3,
  silentMs: 0,
  ...fields,
})

const download = (id: string, fields: Partial<Download> = {}): Download => ({
  id,
  name: id,
  state: 'running',
  bytes: 0,
  reusedBytes: 0,
  size: 9,
  bytesPerSecond: 0,
  sources: [],
  ...fields,
})

/** How many rows the events of a kind have had so far. */
function rowsOf(page: PageStream, event: 'downloads' | 'peers'): number {
  const events = page.of(event) as { readonly changed: readonly unknown[] }[]
  return events.reduce((count, { changed }) => count + changed.length, 0)
}

describe('a page', () => {
  test('is told who it is talking to, and the present state', async () => {
    await using world = await setUp()
    const { live, web, until } = world
    live.peers = [peerRow('peer1'), peerRow('peer2')]
    live.downloads.rows = [download('d1')]
    using page = await open(web)
    await until(() => page.of('files').length > 1 && page.of('peers').length > 0)
    expect(page.headers['content-type']).toBe('text/event-stream')
    expect(page.of('hello')).toEqual([{ peerId: 'peer1', startedMs: Math.round(world.startedMs) }])
    expect(page.received[0]?.event).toBe('hello')
    expect(page.of('status')).toEqual([live.status])
    expect(page.of('peers')).toMatchObject([
      { changed: [{ peerId: 'peer1' }, { peerId: 'peer2' }], removed: [] },
    ])
    expect(page.of('downloads').at(-1)).toEqual({ changed: live.downloads.rows, removed: [] })
    using second = await open(web)
    await until(() => second.of('files').length > 0)
    expect(second.of('peers')).toEqual(page.of('peers'))
    expect(second.of('status')).toEqual([live.status])
    expect(second.of('downloads')).toEqual([{ changed: live.downloads.rows, removed: [] }])
  })

  test('is told what changes, and nothing else', async () => {
    await using world = await setUp()
    const { live, web, until } = world
    live.peers = [peerRow('peer1'), peerRow('peer2'), peerRow('peer3')]
    using page = await open(web)
    await until(() => page.of('peers').length > 0 && page.of('status').length > 0)
    live.peers = [peerRow('peer1'), peerRow('peer3', { state: 'dead' })]
    live.status = { contents: 7 }
    live.change('peers', 'status')
    await until(() => page.of('peers').length > 1 && page.of('status').length > 1)
    expect(page.of('peers')).toHaveLength(2)
    expect(page.of('peers')[1]).toMatchObject({
      changed: [{ peerId: 'peer3', state: 'dead' }],
      removed: ['peer2'],
    })
    expect(page.of('status')[1]).toEqual({ contents: 7 })
    const { length } = page.received
    live.change('peers', 'status')
    await world.clock.advance(30_000)
    await until(() => page.comments > 0)
    expect(page.received).toHaveLength(length)
  })

  test('gets the progress of downloads', async () => {
    await using world = await setUp()
    const { live, web, until } = world
    using page = await open(web)
    await until(() => page.of('downloads').length > 0)
    live.downloads.rows = [download('d1', { bytes: 1 })]
    await until(() => page.of('downloads').length > 1)
    live.downloads.rows = [download('d1', { bytes: 5 })]
    await until(() => page.of('downloads').length > 2)
    expect(page.of('downloads').slice(1)).toEqual([
      { changed: [download('d1', { bytes: 1 })], removed: [] },
      { changed: [download('d1', { bytes: 5 })], removed: [] },
    ])
  })

  test('is told which downloads are no longer listed, and others never hear of them', async () => {
    await using world = await setUp()
    const { live, web, until } = world
    using page = await open(web)
    await until(() => page.of('downloads').length > 0)
    live.downloads.rows = [download('d1'), download('d2')]
    await until(() => page.of('downloads').length > 1)
    live.downloads.rows = [download('d2'), download('d3')]
    live.downloads.version += 1
    await until(() => page.of('downloads').length > 2)
    expect(page.of('downloads')[2]).toEqual({ changed: [download('d3')], removed: ['d1'] })
    using second = await open(web)
    await until(() => second.of('downloads').length > 0)
    expect(second.of('downloads')).toEqual([{ changed: live.downloads.rows, removed: [] }])
  })

  test('gets a long list in several events, whose rows are all of it', async () => {
    await using world = await setUp()
    const { live, web, until } = world
    const rows = Array.from({ length: 10_000 }, (_, index) =>
      download(`d${index}`, { name: `${index} ${'n'.repeat(1_000)}` }),
    )
    live.downloads.rows = rows
    using page = await open(web)
    await until(() => rowsOf(page, 'downloads') === rows.length)
    using second = await open(web)
    await until(() => rowsOf(second, 'downloads') === rows.length)
    for (const { received } of [page, second]) {
      const events = received.filter(({ event }) => event === 'downloads')
      const sizes = events.map(({ data }) => JSON.stringify(data).length)
      expect(Math.max(...sizes)).toBeLessThan(70_000)
      const changed = events.flatMap(({ data }) => (data as { changed: Download[] }).changed)
      expect(changed).toEqual(rows)
    }
    expect([page.isClosed, second.isClosed]).toEqual([false, false])
  })

  test('is told how long a peer has been silent, also if that was nothing new to others', async () => {
    await using world = await setUp()
    const { live, web, until, clock, startedMs } = world
    live.peers = [peerRow('peer1', { state: 'dead' })]
    using first = await open(web)
    await until(() => first.of('peers').length > 0)
    await clock.advance(60_000)
    using second = await open(web)
    await until(() => second.of('peers').length > 0)
    const [{ changed }] = second.of('peers') as [{ changed: { silentMs: number }[] }]
    expect(changed[0]?.silentMs).toBeGreaterThan(clock.nowMs() - startedMs - 10_000)
  })

  test('sees what the peer sends and receives, until nothing is', async () => {
    await using world = await setUp()
    const { live, web, until } = world
    using page = await open(web)
    await until(() => page.of('transfers').length > 0)
    const transfer = {
      direction: 'in',
      purpose: 'download',
      peerId: 'peer2',
      count: 1,
      size: 9,
    } as const
    live.running = [{ ...transfer, bytes: 1, bytesPerSecond: 1 }]
    await until(() => page.of('transfers').length > 1)
    live.running = []
    await until(() => page.of('transfers').length > 2)
    await world.clock.advance(10_000)
    expect(page.of('transfers')).toEqual([[], [{ ...transfer, bytes: 1, bytesPerSecond: 1 }], []])
  })

  test('gets queries and samples as they are recorded', async () => {
    await using world = await setUp()
    const { live, web, until } = world
    {
      using page = await open(web)
      await until(() => page.of('status').length > 0)
      live.listener?.onQueries([{ what: 'a' }, { what: 'b' }])
      live.listener?.onSample({ timeMs: 1 })
      await until(() => page.of('sample').length > 0)
      expect(page.of('query')).toEqual([{ what: 'a' }, { what: 'b' }])
    }
    await until(() => live.listener === undefined)
  })

  test('sees changes of this peer that the index knows nothing of', async () => {
    await using world = await setUp()
    const { live, web, until } = world
    using page = await open(web)
    await until(() => page.of('status').length > 0)
    live.local = { problems: 1 }
    live.status = { contents: 0, peer: { problems: 1 } }
    await until(() => page.of('status').length > 1)
    expect(page.of('status')[1]).toEqual(live.status)
  })

  test('is told when the index is away, and when it is back', async () => {
    await using world = await setUp()
    const { live, web, until } = world
    using page = await open(web)
    await until(() => page.of('status').length > 0)
    live.setAbsence(new AppError('INDEX_UNREACHABLE', { address: '127.0.0.1:7000' }))
    await until(() => page.of('status').length > 1)
    expect(page.of('status')[1]).toMatchObject({ code: 'INDEX_UNREACHABLE', status: 503 })
    using other = await open(web)
    await until(() => other.of('status').length > 0)
    expect(other.of('status')[0]).toMatchObject({ code: 'INDEX_UNREACHABLE' })
    live.setAbsence(undefined)
    live.happen('a')
    await until(() => page.of('status').length > 2 && page.of('happened').length > 0)
    expect(page.of('status')[2]).toEqual(live.status)
  })
})

describe('events', () => {
  test('carry their cursor, and a page that was away gets those that it missed, once', async () => {
    await using world = await setUp()
    const { live, web, until } = world
    live.happen('before')
    using staying = await open(web)
    using leaving = await open(web)
    await until(() => staying.of('status').length > 0 && live.asked.events > 1)
    live.happen('one')
    await until(() => leaving.of('happened').length > 0)
    leaving.close()
    live.happen('two')
    live.happen('three')
    await until(() => staying.of('happened').length === 3)
    using returned = await open(web, { 'last-event-id': 'a-2' }, '?after=a-1')
    live.happen('four')
    await until(() => returned.of('happened').length === 3 && staying.of('happened').length === 4)
    live.happen('five')
    await until(() => returned.of('happened').length > 3 && staying.of('happened').length > 4)
    const ids = (page: PageStream): (string | undefined)[] =>
      page.received.filter(({ event }) => event === 'happened').map(({ id }) => id)
    expect(ids(staying)).toEqual(['a-2', 'a-3', 'a-4', 'a-5', 'a-6'])
    expect(ids(returned)).toEqual(['a-3', 'a-4', 'a-5', 'a-6'])
  })

  test('can be continued from the address, also while the index is away', async () => {
    await using world = await setUp()
    const { live, web, until } = world
    live.happen('one')
    live.happen('two')
    live.setAbsence(new AppError('INDEX_UNREACHABLE', { address: '127.0.0.1:7000' }))
    using page = await open(web, {}, '?after=a-1')
    await until(() => page.of('status').length > 0)
    live.setAbsence(undefined)
    await until(() => page.of('happened').length > 0)
    expect(page.of('happened')).toMatchObject([{ name: 'two' }])
  })

  test('that are too many are left out, and the page is told', async () => {
    await using world = await setUp()
    const { live, web, until } = world
    for (let count = 0; count < 1_001; count++) live.happen('x')
    using page = await open(web, {}, '?after=a-0')
    await until(() => page.of('missed').length > 0)
    live.happen('new')
    await until(() => page.of('happened').length > 0)
    expect(page.of('happened')).toMatchObject([{ name: 'new' }])
  })

  test('remain a JSON page for those that accept no stream', async () => {
    await using world = await setUp()
    using page = await open(world.web, { accept: '*/*' })
    expect(page.headers['content-type']).toContain('application/json')
  })

  test('are not streamed after something that is no cursor', async () => {
    await using world = await setUp()
    using page = await open(world.web, {}, '?after=x')
    expect(page.status).toBe(400)
  })
})

describe('many pages', () => {
  test('cost what one costs', async () => {
    await using world = await setUp()
    const { live, web, until } = world
    const pages = await Promise.all(Array.from({ length: 100 }, () => open(web)))
    await until(() => pages.every((page) => page.of('status').length > 0))
    const before = { ...live.asked }
    live.status = { contents: 1 }
    live.change('status')
    await until(() => pages.every((page) => page.of('status').length > 1))
    expect(live.asked.status - before.status).toBeLessThan(3)
    expect(live.asked.changes - before.changes).toBe(1)
    for (const page of pages) page.close()
  })

  test('are bounded', async () => {
    await using world = await setUp()
    const { web } = world
    const pages = await Promise.all(Array.from({ length: limits.liveClientsMax }, () => open(web)))
    using refused = await open(web)
    expect(refused.status).toBe(503)
    for (const page of pages) page.close()
  })

  test('do not wait for one that does not read, which is disconnected', async () => {
    await using world = await setUp()
    const { live, web, until } = world
    using reader = await open(web)
    using stalled = await open(web)
    stalled.stopReading()
    for (let version = 1; version <= 30; version++) {
      live.peers = Array.from({ length: 3_000 }, (_, index) =>
        peerRow(`p${index}`, { host: `${version}-${'h'.repeat(200)}` }),
      )
      live.change('peers')
      await until(() => rowsOf(reader, 'peers') === 3_000 * version)
    }
    stalled.goOnReading()
    await until(() => stalled.isClosed)
    expect(rowsOf(stalled, 'peers')).toBeLessThan(30 * 3_000)
    expect(reader.isClosed).toBe(false)
  })

  test('keep the peer busy only while they are open', async () => {
    await using world = await setUp()
    const { live, web, until, clock } = world
    const { pending } = clock
    const page = await open(web)
    await until(() => page.of('status').length > 0)
    expect(clock.pending).toBeGreaterThan(pending)
    page.close()
    await until(() => clock.pending === pending)
    const before = { ...live.asked }
    await clock.advance(60_000)
    expect(live.asked).toEqual(before)
  })
})

test('closing the server ends the stream immediately', async () => {
  const world = await setUp()
  using page = await open(world.web)
  await world.until(() => page.of('status').length > 0)
  await world.web[Symbol.asyncDispose]()
  await world.until(() => page.isClosed)
  expect(page.of('status')).toHaveLength(1)
})
