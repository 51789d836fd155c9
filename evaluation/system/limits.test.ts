/**
 * Limits between real processes. Bytes are counted by the peers; the assertion compares them with
 * the elapsed time, which a slow machine only lengthens.
 */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { hashFile } from '../../common/content/hash.ts'
import { aFile } from '../../common/testing/fixtures.ts'
import { allPeers } from '../../peer/api/pages.ts'
import { apiOf, type Cluster, startCluster } from './cluster-fixture.ts'
import { endOf } from './held-download.ts'
import { quickSettings } from './quick-settings.ts'
import { readMetric } from './read-metric.ts'
import { runTandem } from './run-tandem.ts'
import type { TandemProcess } from './tandem-process.ts'

const mebibyte = 2 ** 20
const name = 'large.bin'
const bytes = 24 * mebibyte
const rate = 1_000_000
const lookEveryMs = 20
/** The burst that accumulates while nothing is sent, and the largest piece read from a socket. */
const burstBytes = rate / 10 + mebibyte

interface World extends AsyncDisposable {
  readonly cluster: Cluster
  readonly source: TandemProcess
  readonly peer: TandemProcess
  readonly sha256: string
}

/** peer1 with a large file that the index knows, and peer2. */
async function aWorld(options: { factor: number; limits?: object }): Promise<World> {
  await using starting = new AsyncDisposableStack()
  const { factor, limits } = options
  const settings = { ...quickSettings, ...(limits && { limits: { ...limits } }) }
  const cluster = starting.use(await startCluster({ peers: 2, factor, settings }))
  const source = cluster.peer(1)
  const { sha256 } = await aFile(join(source.dataFolder, 'shared'), name, { bytes })
  using api = apiOf(source)
  await expect.poll(() => api.status()).toMatchObject({ contents: 1 })
  const stack = starting.move()
  const dispose = async (): Promise<void> => await stack.disposeAsync()
  return { cluster, source, peer: cluster.peer(2), sha256, [Symbol.asyncDispose]: dispose }
}

/** Lets `passedBytes` pass at `counter`, checking throughout that they do not exceed the rate. */
async function expectHeld(counter: () => Promise<number>, passedBytes: number): Promise<void> {
  const startMs = systemClock.monotonicMs()
  const startBytes = await counter()
  for (let passed = 0; passed < passedBytes; ) {
    passed = (await counter()) - startBytes
    const seconds = (systemClock.monotonicMs() - startMs) / 1000
    expect(passed).toBeLessThanOrEqual(rate * seconds + burstBytes)
    await systemClock.sleep(lookEveryMs)
  }
}

test('a download keeps to a limit that is set and lifted while it runs', async () => {
  await using world = await aWorld({ factor: 1 })
  const { source, peer, sha256 } = world
  const limits = async (at: TandemProcess, ...words: string[]): Promise<void> => {
    const typed = ['limits', ...words, '--api', at.apiUrl.origin]
    expect(await runTandem(typed)).toMatchObject({ code: 0 })
  }
  await limits(peer, 'set', 'download', '1MB/s')
  using api = apiOf(peer)
  const { id } = await api.startDownload({ name })
  const received = (): Promise<number> => readMetric(peer, 'tandem_peer_received_bytes_total')
  await expectHeld(received, 2 * mebibyte)

  // Not by commands: while those start on a busy machine, all of it might arrive.
  using sourceApi = apiOf(source)
  await sourceApi.changeLimits({ uploadBytesPerSecond: rate })
  await api.changeLimits({ downloadBytesPerSecond: null })
  const sent = (): Promise<number> => readMetric(source, 'tandem_peer_sent_bytes_total')
  await expectHeld(sent, 2 * mebibyte)
  expect((await api.download({ id, waitMs: 0 })).state).toBe('running')

  await limits(source, 'reset', 'upload')
  expect(await endOf(peer, { id })).toMatchObject({ state: 'done', result: { sha256, bytes } })
  const { content } = await hashFile(join(peer.dataFolder, 'downloaded', name))
  expect(content.sha256).toBe(sha256)
})

test('manual changes survive kill -9; the schedule applies without them', async () => {
  const schedule = [{ from: '00:00', to: '24:00', downloadsAtOnce: 2, connections: 100 }]
  await using cluster = await startCluster({ peers: 1, settings: { limits: { schedule } } })
  const peer = cluster.peer(1)
  using api = apiOf(peer)
  await api.changeLimits({ connections: 7 })
  await peer.kill('SIGKILL')
  await peer.start()
  const { limits, nextChange } = await api.limits()
  expect(limits.connections).toEqual({ value: 7, from: 'hand' })
  expect(limits.downloadsAtOnce).toMatchObject({ value: 2, from: 'schedule' })
  expect(nextChange).toBe(undefined)
})

test('replication has its own limit and counter, and downloads are not throttled by it', async () => {
  const limits = { replicationDownloadBytesPerSecond: rate }
  await using world = await aWorld({ factor: 2, limits })
  const { cluster, source, peer, sha256 } = world
  const replicated = (at: TandemProcess, what: string): Promise<number> =>
    readMetric(at, `tandem_peer_${what}_bytes_total{purpose="replication"}`)
  await expectHeld(() => replicated(peer, 'received'), mebibyte)
  expect(await replicated(source, 'sent')).toBeGreaterThan(0)

  const person = await cluster.startPeer('downloader')
  using api = apiOf(person)
  const { id } = await api.startDownload({ name, sha256 })
  expect(await endOf(person, { id })).toMatchObject({ state: 'done' })
  const asked = 'tandem_peer_received_bytes_total{purpose="download"}'
  expect(await readMetric(person, asked)).toBeGreaterThanOrEqual(bytes)
  expect(await readMetric(peer, asked)).toBe(0)
})

test('what a peer gives is changed while it runs, and the index knows immediately', async () => {
  // Heartbeats are so rare that only an immediate notice can explain what follows.
  const index = { ...quickSettings.index, heartbeatMs: 60_000, deadAfterMs: 300_000 }
  await using cluster = await startCluster({ peers: 1, settings: { ...quickSettings, index } })
  const owner = cluster.peer(1)
  const giver = await cluster.startPeer('peer2', { flags: ['--capacity', '0'] })
  const limits = async (...words: string[]): Promise<string> => {
    const ended = await runTandem(['limits', ...words, '--api', giver.apiUrl.href])
    expect(ended).toMatchObject({ code: 0 })
    return ended.stdout
  }
  await aFile(join(owner.dataFolder, 'shared'), name, { bytes: 1_000 })
  using api = apiOf(owner)
  await expect.poll(() => api.status()).toMatchObject({ noRoom: { contents: 1 } })
  const givenBytes = async (): Promise<number | undefined> =>
    (await allPeers(api)).find(({ peerId }) => peerId === 'peer2')?.capacityBytes

  expect(await limits('set', 'capacity', '2KB')).toMatch(/capacity +2\.00 KB +set manually/)
  await expect.poll(() => api.status()).toMatchObject({ belowFactor: 0 })
  expect(await givenBytes()).toBe(2_000)
  await giver.restart()
  await expect.poll(givenBytes).toBe(2_000)
  expect(await limits('reset', 'capacity')).toMatch(/capacity +0 B +--capacity/)
  await expect.poll(givenBytes).toBe(0)
  // It keeps what it has.
  expect(await api.status()).toMatchObject({ belowFactor: 0 })
})
