/**
 * Crowds of connections that request much and read nothing, from one host and from many: neither
 * index nor peer may use more than 500 MB, and well-behaved clients are answered meanwhile.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { deadlines } from '../../common/limits.ts'
import { aFile } from '../../common/testing/fixtures.ts'
import { apiOf, type Cluster, startCluster } from './cluster-fixture.ts'
import { frameOf, peakMegabytes, startCrowd } from './crowd.ts'
import { quickSettings } from './quick-settings.ts'
import { RawConnection } from './raw-connection.ts'

const megabytesMax = 500
const mebibyte = 2 ** 20
const fileBytes = 8 * mebibyte

let cluster: Cluster
let sha256 = ''

beforeAll(async () => {
  cluster = await startCluster({
    peers: 2,
    factor: 1,
    // A download of the large file then lasts longer than the tests.
    settings: { ...quickSettings, limits: { uploadBytesPerSecond: 100_000 } },
    prepare: async (peerId, folder) => {
      if (peerId !== 'peer1') return
      sha256 = (await aFile(folder, 'large.bin', { bytes: fileBytes })).sha256
      for (let i = 0; i < 500; i += 1) await writeFile(join(folder, longName(i)), `${i}`)
    },
  })
}, 90_000)

afterAll(async () => await cluster[Symbol.asyncDispose]())

/** A page of these fills a third of a frame. */
function longName(i: number): string {
  return `${'long-name-'.repeat(20)}${i}`
}

function requests(type: string, body: object): Buffer {
  return Buffer.concat(Array.from({ length: 64 }, (_, i) => frameOf({ id: 2 + i, type, body })))
}

/** How long an honest client waits for an answer, in ms. */
async function answeredMs(port: number, type: string, body: Readonly<Record<string, unknown>>) {
  const startMs = systemClock.monotonicMs()
  await using connection = await RawConnection.dial(port)
  await connection.request('hello', { protocol: 'tandem/1', role: 'client' })
  const reply = await connection.request(type, body)
  expect(reply.error).toBeUndefined()
  return systemClock.monotonicMs() - startMs
}

interface Service {
  readonly slowestMs: number
  readonly megabytes: number
}

/** Sends requests repeatedly for a while, then measures the process. */
async function serviceOf(process: 'index' | 'peer'): Promise<Service> {
  const target = process === 'index' ? cluster.index : cluster.peer(2)
  let slowestMs = 0
  for (let time = 0; time < 3; time += 1) {
    const ms =
      process === 'index'
        ? await answeredMs(target.port, 'lookup', { name: 'large.bin' })
        : await answeredMs(target.port, 'chunks', { sha256 })
    slowestMs = Math.max(slowestMs, ms)
  }
  return { slowestMs, megabytes: await peakMegabytes(target) }
}

function isGood({ slowestMs, megabytes }: Service): boolean {
  return slowestMs < deadlines.requestMs && megabytes < megabytesMax
}

test('the cluster is ready', async () => {
  using api = apiOf(cluster.peer(1))
  await expect.poll(() => api.status(), { timeout: 30_000 }).toMatchObject({ contents: 501 })
})

test.each([{ hosts: 1 }, { hosts: 100 }])(
  'an index keeps no unknown fields, from $hosts hosts',
  async ({ hosts }) => {
    const unknown = Array.from({ length: 20_000 }, () => [])
    const sent = requests('search', { query: 'zz', limit: 500, unknown })
    await using _ = await startCrowd(cluster.index.port, { count: 12, hosts }, sent)
    expect(await serviceOf('index')).toSatisfy(isGood)
  },
  60_000,
)

test.each([{ hosts: 1 }, { hosts: 100 }])(
  'an index keeps little for 200 readers that read nothing, from $hosts hosts',
  async ({ hosts }) => {
    const sent = requests('search', { query: '', limit: 500 })
    await using _ = await startCrowd(cluster.index.port, { count: 200, hosts }, sent)
    expect(await serviceOf('index')).toSatisfy(isGood)
  },
  60_000,
)

test('an index keeps little of frames that do not end', async () => {
  const frame = frameOf({ id: 2, type: 'lookup', body: { name: 'x', unknown: 'y'.repeat(1e6) } })
  const most = frame.subarray(0, frame.length - 10)
  await using _ = await startCrowd(cluster.index.port, { count: 200, hosts: 20 }, most)
  expect(await serviceOf('index')).toSatisfy(isGood)
}, 60_000)

test('an index keeps little for 1,000 clients that look up much and read nothing', async () => {
  // What earlier crowds left for the garbage collector would be counted, too.
  await cluster.index.restart()
  const some = requests('lookup', { name: longName(7) })
  const sent = Buffer.concat(Array.from({ length: 40 }, () => some))
  await using _ = await startCrowd(cluster.index.port, { count: 1_000, hosts: 100 }, sent)
  expect(await serviceOf('index')).toSatisfy(isGood)
}, 60_000)

test.each([
  { count: 4_094, hosts: 1 },
  { count: 10_000, hosts: 100 },
])(
  '$count idle clients of $hosts hosts do not keep a peer from coming back, nor a client out',
  async (clients) => {
    await using crowd = await startCrowd(cluster.index.port, clients)
    const peer = cluster.peer(1)
    await peer.kill('SIGKILL')
    await peer.start()
    using api = apiOf(peer)
    const live = { peers: { live: 2 } }
    await expect.poll(() => api.status(), { timeout: 30_000 }).toMatchObject(live)
    // A client of the crowd's own host gets the place of one that has been silent for `slotIdleMs`.
    const service = (): Promise<Service | undefined> => serviceOf('index').catch(() => undefined)
    await expect
      .poll(service, { timeout: 30_000 })
      .toSatisfy((found: Service | undefined) => found !== undefined && isGood(found))
    expect(crowd.openCount()).toBeGreaterThan(4_000)
  },
  120_000,
)

test('a peer keeps little memory for clients that wait for chunks', async () => {
  using api = apiOf(cluster.peer(2))
  await api.startDownload({ name: 'large.bin' })
  await expect
    .poll(async () => await answeredMs(cluster.peer(2).port, 'chunks', { sha256 }).catch(() => -1))
    .toBeGreaterThan(0)
  const sent = requests('chunks', { sha256, beyond: 7 })
  await using _ = await startCrowd(cluster.peer(2).port, { count: 1_500, hosts: 100 }, sent)
  // This machine cannot be expected to answer so many quickly.
  expect((await serviceOf('peer')).megabytes).toBeLessThan(megabytesMax)
}, 60_000)

test('a peer keeps little for 200 readers that read nothing', async () => {
  const sent = requests('read', { sha256, chunk: 0 })
  await using _ = await startCrowd(cluster.peer(1).port, { count: 200, hosts: 20 }, sent)
  expect(await serviceOf('peer')).toSatisfy(isGood)
  expect(await peakMegabytes(cluster.peer(1))).toBeLessThan(megabytesMax)
}, 60_000)
