/** What an open page sees of a real cluster, and that it is no burden. */
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import type { HttpPeer } from '../../peer/api/http-peer.ts'
import { PageStream } from '../../peer/testing/page-stream.ts'
import { apiOf, type Cluster, startCluster } from './cluster-fixture.ts'
import { quickSettings } from './quick-settings.ts'
import { runTandem } from './run-tandem.ts'

const pages = 100
/** For what a busy machine does late; on an idle one everything is there within a second. */
const patience = { timeout: 60_000, interval: 20 }

let cluster: Cluster
let apis: HttpPeer[]

beforeAll(async () => {
  const index = { ...quickSettings.index, heartbeatMs: 500, deadAfterMs: 60_000 }
  const settings = { ...quickSettings, index }
  cluster = await startCluster({ peers: 2, factor: 2, settings })
  apis = cluster.peers.map(apiOf)
})

afterAll(async () => {
  for (const api of apis) api[Symbol.dispose]()
  await cluster[Symbol.asyncDispose]()
})

const api = (number: number): HttpPeer => apis[number - 1] as HttpPeer

async function pageAt(number: number, headers: object = {}): Promise<PageStream> {
  const page = await PageStream.open(cluster.peer(number).apiUrl.origin, headers)
  const hasState = (): boolean => page.of('peers').length > 0 && page.of('status').length > 0
  await expect.poll(hasState, patience).toBe(true)
  return page
}

async function push(number: number, name: string, bytes = 1_000): Promise<void> {
  async function* text(): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(bytes, name)
  }
  await api(number).push({ name, bytes: text(), replace: false, wait: false })
}

/** Polls until the page has been sent such an event, and prints how long that took. */
async function seen(
  page: PageStream,
  what: string,
  event: string,
  matches: (data: never) => boolean,
): Promise<void> {
  const startMs = systemClock.monotonicMs()
  await expect
    .poll(() => page.of(event).some((data) => matches(data as never)), {
      ...patience,
      message: `${what}: ${event}`,
    })
    .toBe(true)
  const ms = Math.round(systemClock.monotonicMs() - startMs)
  console.log(`${what}: on the page after ${ms} ms`)
}

interface PeersChange {
  readonly changed: readonly { readonly peerId: string; readonly state: string }[]
}
const isPeer =
  (peerId: string, ...states: string[]) =>
  ({ changed }: PeersChange): boolean =>
    changed.some((row) => row.peerId === peerId && states.includes(row.state))

test('a file shared elsewhere, its copy here, and the transfer', async () => {
  using page = await pageAt(1)
  const files = page.of('files').length
  await push(2, 'shared elsewhere.txt')
  await seen(page, 'a shared file', 'files', () => page.of('files').length > files)
  await seen(
    page,
    'its copy',
    'happened',
    ({ kind, peerId, name }: { kind: string; peerId: string; name?: string }) =>
      kind === 'copied' && peerId === 'peer1' && name === 'shared elsewhere.txt',
  )
  const received = async (): Promise<unknown> =>
    (await api(1).history({ limit: 50, direction: 'in' })).transfers
  await expect
    .poll(received, patience)
    .toMatchObject([
      { name: 'shared elsewhere.txt', from: [{ peerId: 'peer2', bytes: 1_000 }], to: 'peer1' },
    ])
  const sent = async (): Promise<unknown> =>
    (await api(1).history({ peer: 'all', limit: 50, direction: 'out' })).transfers
  await expect
    .poll(sent, patience)
    .toMatchObject([{ at: 'peer2', to: 'peer1', name: 'shared elsewhere.txt', bytes: 1_000 }])
})

test('a download here, and the query that it makes', async () => {
  await push(2, 'wanted.bin', 3_000_000)
  await expect
    .poll(
      () =>
        api(1)
          .lookup({ name: 'wanted.bin' })
          .then(
            () => true,
            () => false,
          ),
      patience,
    )
    .toBe(true)
  using page = await pageAt(1)
  const { id } = await api(1).startDownload({ name: 'wanted.bin' })
  interface Rows {
    readonly changed: readonly { readonly id: string; readonly state: string }[]
  }
  await seen(page, 'a download', 'downloads', ({ changed }: Rows) =>
    changed.some((row) => row.id === id && row.state === 'done'),
  )
  await seen(
    page,
    'its lookup',
    'query',
    ({ what, by }: { what: string; by: string }) => what === 'wanted.bin' && by === 'download',
  )
})

test('a peer that is killed and returns', async () => {
  using page = await pageAt(1)
  await cluster.peer(2).kill('SIGKILL')
  await seen(page, 'a killed peer', 'peers', isPeer('peer2', 'suspect', 'dead'))
  const before = page.of('peers').length
  await cluster.peer(2).start()
  const isBack = (): boolean =>
    page
      .of('peers')
      .slice(before)
      .some((data) => isPeer('peer2', 'live')(data as PeersChange))
  await expect.poll(isBack, patience).toBe(true)
})

test(`${pages} pages, one of which does not read, all see what happens`, async () => {
  const { port } = cluster.peer(1).apiUrl
  const stalled = connect(Number(port), '127.0.0.1').on('error', () => {})
  stalled.write('GET /api/events HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/event-stream\r\n\r\n')
  stalled.pause()
  const open = await Promise.all(Array.from({ length: pages }, () => pageAt(1)))
  await push(2, 'seen by all.txt')
  const happened = (page: PageStream): boolean =>
    page.of('happened').some((data) => (data as { name?: string }).name === 'seen by all.txt')
  await expect.poll(() => open.filter(happened).length, patience).toBe(pages)
  for (const page of open) page.close()
  stalled.destroy()
})

test('a peer that is killed: the page resumes, and the history is still there', async () => {
  const page = await pageAt(1)
  await push(2, 'before the end.txt')
  const names = (one: PageStream): unknown[] =>
    one.of('happened').map((data) => (data as { name?: string }).name)
  await expect.poll(() => names(page), patience).toContain('before the end.txt')
  const last = page.received.findLast(({ event }) => event === 'happened')?.id
  const rows = async (): Promise<unknown[]> =>
    (await api(1).history({ limit: 500, direction: 'in' })).transfers
  await expect
    .poll(rows, patience)
    .toContainEqual(expect.objectContaining({ name: 'before the end.txt' }))
  const before = await rows()
  await cluster.peer(1).kill('SIGKILL')
  await expect.poll(() => page.isClosed, patience).toBe(true)
  await push(2, 'meanwhile.txt')
  await cluster.peer(1).start()
  using again = await pageAt(1, { 'last-event-id': last ?? '' })
  await expect.poll(() => names(again), patience).toContain('meanwhile.txt')
  expect(names(again)).not.toContain('before the end.txt')
  expect(await rows()).toEqual(expect.arrayContaining(before))
  const { code, stdout } = await runTandem(['history', '--api', cluster.peer(1).apiUrl.origin])
  expect(code).toBe(0)
  expect(stdout).toContain('before the end.txt')
  expect(join(cluster.peer(1).dataFolder, '.tandem')).toBeTruthy()
})
