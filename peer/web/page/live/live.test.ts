import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { FakeClock } from '../../../../common/testing/fake-clock.ts'
import { Client } from '../api/client.ts'
import { Live } from './live.ts'
import type { Download } from './live-types.ts'

/** A peer that streams, that only answers, or that is away. */
class FakePeer {
  state: 'streams' | 'answers' | 'away' | 'wants token' = 'streams'
  downloads: object[] = []
  /** The reply of the next call waits for it. */
  held: Promise<void> | undefined
  readonly resumedAfter: (string | null)[] = []
  #stream: ReadableStreamDefaultController<Uint8Array> | undefined

  readonly fetch = async (url: string, init: RequestInit): Promise<Response> => {
    if (this.state === 'away') throw new TypeError('connection refused')
    if (this.state === 'wants token')
      return Response.json({ code: 'TOKEN_REQUIRED', detail: 'Token?' }, { status: 401 })
    if (url === '/api/events') return this.#answerEvents(init)
    if (url === '/api/downloads' || url.startsWith('/api/downloads?')) {
      const { downloads } = this
      await this.held
      if (init.signal?.aborted === true) throw new DOMException('', 'AbortError')
      return Response.json(downloads)
    }
    if (url === '/api/transfers') return Response.json([])
    if (url === '/api/peers') return Response.json([{ peerId: 'peer2' }])
    return Response.json({ contents: 1, peer: { peerId: 'peer1' } })
  }

  send(text: string): void {
    this.#stream?.enqueue(new TextEncoder().encode(text))
  }

  event(type: string, data: object, id?: string): void {
    this.send(
      `event: ${type}\ndata: ${JSON.stringify(data)}\n${id === undefined ? '' : `id: ${id}\n`}\n`,
    )
  }

  cut(): void {
    this.#stream?.close()
    this.#stream = undefined
  }

  #answerEvents({ headers, signal }: RequestInit): Response {
    if (this.state === 'answers') return Response.json({ events: [] })
    this.resumedAfter.push(new Headers(headers).get('last-event-id'))
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#stream = controller
        signal?.addEventListener('abort', () =>
          controller.error(new DOMException('', 'AbortError')),
        )
      },
    })
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  }
}

interface World extends Disposable {
  readonly peer: FakePeer
  readonly live: Live
  readonly clock: FakeClock
  readonly asked: { token: number }
}

async function world(state: FakePeer['state'] = 'streams'): Promise<World> {
  const [peer, clock, asked] = [new FakePeer(), new FakeClock(), { token: 0 }]
  peer.state = state
  const onTokenRequired = (): void => {
    asked.token += 1
  }
  const client = new Client({ fetch: peer.fetch, onTokenRequired })
  const live = new Live({ client, clock, random: () => 0 })
  live.start()
  await settle()
  return { peer, live, clock, asked, [Symbol.dispose]: () => live.stop() }
}

/** Lets all replies arrive that need no time. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await turn()
}

const ids = (live: Live): string[] => [...live.downloads.value.keys()]

test('events become the state of the page', async () => {
  using given = await world()
  const { peer, live } = given
  const heard: unknown[] = []
  live.on('happened', (data, id) => heard.push([data, id]))
  peer.event('hello', { peerId: 'peer1' })
  peer.event('peers', { changed: [{ peerId: 'peer2' }, { peerId: 'peer3' }], removed: [] })
  peer.event('peers', { changed: [], removed: ['peer3'] })
  peer.event('downloads', { changed: [{ id: 'd0' }, { id: 'd1' }], removed: [] })
  peer.event('downloads', { changed: [{ id: 'd2' }], removed: ['d0'] })
  peer.event('happened', { kind: 'peer-dead' }, '17')
  const version = live.filesVersion.value
  peer.event('files', { version: 4 })
  await settle()
  expect(live.connection.value).toEqual({ state: 'live' })
  expect(live.peerId.value).toBe('peer1')
  expect([...(live.peers.value?.keys() ?? [])]).toEqual(['peer2'])
  expect(ids(live)).toEqual(['d1', 'd2'])
  expect(heard).toEqual([[{ kind: 'peer-dead' }, '17']])
  expect(live.filesVersion.value).toBeGreaterThan(version)
})

test('an index that does not answer leaves the last status', async () => {
  using given = await world()
  const { peer, live } = given
  peer.event('status', { contents: 5 })
  peer.event('status', { code: 'INDEX_UNREACHABLE', status: 503, detail: 'The index is away.' })
  await settle()
  expect(live.status.value?.contents).toBe(5)
  expect(live.clusterFailure.value).toBe('The index is away.')
  peer.event('status', { contents: 6 })
  await settle()
  expect(live.clusterFailure.value).toBe('')
})

test('a peer that restarts is out of date until it is back, and the stream is resumed', async () => {
  using given = await world()
  const { peer, live, clock } = given
  peer.event('hello', { peerId: 'peer1' })
  peer.event('downloads', { changed: [{ id: 'd1' }], removed: [] })
  peer.event('happened', {}, '17')
  await settle()
  peer.state = 'away'
  const sinceMs = clock.nowMs()
  peer.cut()
  await settle()
  expect(live.connection.value).toEqual({ state: 'stale', sinceMs })
  await clock.advance(60_000)
  await settle()
  expect(live.connection.value).toEqual({ state: 'stale', sinceMs })
  peer.state = 'streams'
  await clock.advance(10_000)
  await settle()
  peer.event('hello', { peerId: 'peer1' })
  peer.event('downloads', { changed: [{ id: 'd9' }], removed: [] })
  await settle()
  expect(live.connection.value).toEqual({ state: 'live' })
  expect(peer.resumedAfter.at(-1)).toBe('17')
  expect(ids(live)).toEqual(['d9'])
})

test('a retry does not wait for the back-off', async () => {
  using given = await world('away')
  const { peer, live } = given
  expect(live.connection.value).toMatchObject({ state: 'stale' })
  peer.state = 'streams'
  live.retry()
  await settle()
  peer.event('hello', { peerId: 'peer1' })
  await settle()
  expect(live.connection.value).toEqual({ state: 'live' })
})

test('without a stream the peer is asked every few seconds', async () => {
  using given = await world('answers')
  const { peer, live, clock } = given
  expect(live.connection.value).toEqual({ state: 'polling' })
  expect([live.peerId.value, live.status.value?.contents]).toEqual(['peer1', 1])
  peer.downloads = [{ id: 'd1' }]
  await clock.advance(3_000)
  await settle()
  expect(ids(live)).toEqual(['d1'])
})

test('what only the stream tells is asked again without one', async () => {
  using given = await world('answers')
  const { live, clock } = given
  const { value: polls } = live.polls
  expect(live.transfers.value).toEqual([])
  await clock.advance(3_000)
  await settle()
  expect(live.polls.value).toBe(polls + 1)
})

test('an answer does not replace what the stream has told meanwhile', async () => {
  using given = await world()
  const { peer, live } = given
  const row = (state: string, id = 'd1'): Download => ({ id, state }) as Download
  peer.event('downloads', { changed: [row('running')], removed: [] })
  await settle()
  const answer = Promise.withResolvers<Download>()
  const noted = live.noteDownload(answer.promise)
  const { promise, resolve } = Promise.withResolvers<void>()
  peer.held = promise
  peer.downloads = [row('running')]
  const refreshed = live.refreshDownloads()
  peer.event('downloads', { changed: [row('done')], removed: [] })
  await settle()
  answer.resolve(row('running'))
  resolve()
  await Promise.all([noted, refreshed])
  expect(live.downloads.value.get('d1')?.state).toBe('done')
  await live.noteDownload(Promise.resolve(row('waiting', 'd2')))
  expect(ids(live)).toEqual(['d1', 'd2'])
})

test('an answer to a page that has been hidden is out of date', async () => {
  using given = await world('answers')
  const { peer, live, clock } = given
  const { promise, resolve } = Promise.withResolvers<void>()
  peer.held = promise
  peer.downloads = [{ id: 'old' }]
  await clock.advance(3_000)
  await settle()
  live.stop()
  peer.state = 'streams'
  live.start()
  await settle()
  peer.event('hello', { peerId: 'peer1' })
  peer.event('downloads', { changed: [{ id: 'new' }], removed: [] })
  await settle()
  resolve()
  await settle()
  expect(live.connection.value).toEqual({ state: 'live' })
  expect(ids(live)).toEqual(['new'])
})

test('a peer that ends each stream immediately is not asked all the time', async () => {
  using given = await world()
  const { peer, clock } = given
  for (let ms = 0; ms < 60_000; ms += 100) {
    peer.event('hello', { peerId: 'peer1' })
    await settle()
    peer.cut()
    await settle()
    await clock.advance(100)
    await settle()
  }
  expect(peer.resumedAfter.length).toBeLessThan(20)
})

test('a stream that is silent for too long is dead', async () => {
  using given = await world()
  const { peer, clock } = given
  peer.send(': comment\n\n')
  await settle()
  await clock.advance(39_000)
  peer.send(': comment\n\n')
  await settle()
  await clock.advance(39_000)
  await settle()
  expect(peer.resumedAfter).toHaveLength(1)
  await clock.advance(2_000)
  await settle()
  await clock.advance(5_000)
  await settle()
  expect(peer.resumedAfter).toHaveLength(2)
})

test('a page that is hidden for long disconnects, and is current when it is back', async () => {
  using given = await world()
  const { peer, live, clock } = given
  peer.event('hello', { peerId: 'peer1' })
  live.onVisible(false)
  await clock.advance(20_000)
  live.onVisible(true)
  await clock.advance(19_000)
  await settle()
  expect(live.connection.value).toEqual({ state: 'live' })
  peer.send(': comment\n\n')
  await settle()
  live.onVisible(false)
  await clock.advance(30_000)
  await settle()
  expect(peer.resumedAfter).toHaveLength(1)
  live.onVisible(true)
  await settle()
  expect(peer.resumedAfter).toHaveLength(2)
})

test('a missing token is asked for once, and nothing is tried meanwhile', async () => {
  using given = await world('wants token')
  const { peer, live, clock, asked } = given
  await clock.advance(60_000)
  await settle()
  expect(asked.token).toBe(1)
  peer.state = 'streams'
  live.retry()
  await settle()
  expect(peer.resumedAfter).toHaveLength(1)
})
