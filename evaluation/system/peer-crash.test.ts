/** Peers are killed in the middle of a download: the one that sends, and the one that receives. */
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { limits } from '../../common/limits.ts'
import { aFile } from '../../common/testing/fixtures.ts'
import type { Download } from '../../peer/api.ts'
import { apiOf, type Cluster, startCluster } from './cluster-fixture.ts'
import { downloadAndHash } from './download-check.ts'
import { behindGate, Gate } from './gate.ts'
import { quickSettings } from './quick-settings.ts'
import { readMetric } from './read-metric.ts'
import type { TandemProcess } from './tandem-process.ts'

const name = 'large.bin'
const bytes = 32 * 2 ** 20
/** Where the transfer is held: in its middle. */
const passedBytes = 10 * 2 ** 20

/** peer1 with a large file and a gate before it, and `others` without either. */
async function startGated({ others, factor }: { others: number; factor: number }) {
  await using starting = new AsyncDisposableStack()
  const cluster = starting.use(await startCluster({ peers: 0, factor, settings: quickSettings }))
  const source = await cluster.startPeer('peer1', behindGate)
  const gate = starting.use(await Gate.before(source))
  for (let number = 2; number <= others + 1; number++) await cluster.startPeer(`peer${number}`)
  const file = await aFile(join(source.dataFolder, 'shared'), name, { bytes })
  using api = apiOf(source)
  await expect.poll(() => api.status()).toMatchObject({ contents: 1, belowFactor: 0 })
  const stack = starting.move()
  return { cluster, source, gate, file, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** A download of the large file through `peer`, of which some has come and the rest is held back. */
async function startHeldDownload(peer: TandemProcess, gate: Gate): Promise<Download> {
  using api = apiOf(peer)
  gate.closeAfter(passedBytes)
  const { id } = await api.startDownload({ name })
  await gate.blocked
  await expect.poll(async () => (await api.download(id, 0)).bytes).toBeGreaterThan(0)
  const download = await api.download(id, 0)
  expect(download.state).toBe('running')
  expect(download.bytes).toBeLessThan(bytes)
  return download
}

async function endOf(peer: TandemProcess, { id }: Pick<Download, 'id'>): Promise<Download> {
  using api = apiOf(peer)
  return await api.download(id, 30_000)
}

/** What a peer has in the folder that its user sees, and what unfinished things it keeps. */
async function leftBehind({ dataFolder }: TandemProcess): Promise<Record<string, string[]>> {
  const list = async (folder: string): Promise<string[]> => await readdir(join(dataFolder, folder))
  return {
    downloaded: await list('downloaded'),
    unfinished: [...(await list('.tandem/partial')), ...(await list('.tandem/incoming'))],
  }
}

/** The peer that has no copy yet, of three. */
async function strangerIn(cluster: Cluster): Promise<TandemProcess> {
  using api = apiOf(cluster.peer(1))
  const { files } = await api.lookup(name)
  const keepers = files.flatMap(({ sources }) => sources.map(({ peerId }) => peerId))
  const stranger = cluster.peers.find((peer) => !keepers.includes(peer.name))
  assert(stranger !== undefined)
  return stranger
}

test('a source that is killed is replaced by another, and what had come is kept', async () => {
  await using world = await startGated({ others: 2, factor: 2 })
  const { cluster, source, gate, file } = world
  const stranger = await strangerIn(cluster)
  const before = await readMetric(stranger, 'tandem_peer_received_bytes_total')
  const download = await startHeldDownload(stranger, gate)
  await source.kill('SIGKILL')

  const ended = await endOf(stranger, download)
  expect(ended).toMatchObject({ state: 'done', result: { sha256: file.sha256, bytes } })
  expect(ended.result?.sources).toHaveLength(2)
  const received = (await readMetric(stranger, 'tandem_peer_received_bytes_total')) - before
  expect(received).toBeLessThan(bytes + limits.fetchWindowBytes + 2 ** 20)
  expect(await downloadAndHash(stranger, { name })).toMatchObject({ sha256OnDisk: file.sha256 })

  await source.start()
  gate.open()
  using api = apiOf(source)
  await expect.poll(() => api.status()).toMatchObject({ peers: { live: 3 }, belowFactor: 0 })
  expect((await api.list({ kind: 'shared', limit: 10 })).files).toMatchObject([{ name }])
  const sources = (await api.lookup(name)).files[0]?.sources.map(({ peerId }) => peerId)
  expect(sources).toContain('peer1')
})

test('without another source the download says so, keeps what it has, and goes on when the source is back', async () => {
  await using world = await startGated({ others: 1, factor: 1 })
  const { cluster, source, gate, file } = world
  const downloader = cluster.peer(2)
  const download = await startHeldDownload(downloader, gate)
  await source.kill('SIGKILL')

  using api = apiOf(downloader)
  await expect
    .poll(async () => (await api.download(download.id, 0)).waitingFor)
    .toContain('peer1 @ 127.0.0.2')
  expect((await leftBehind(downloader))['unfinished']).toHaveLength(2)

  await source.start()
  gate.open()
  const ended = await endOf(downloader, download)
  expect(ended).toMatchObject({ state: 'done', result: { sha256: file.sha256, bytes } })
  const received = await readMetric(downloader, 'tandem_peer_received_bytes_total')
  expect(received).toBeLessThan(bytes + limits.fetchWindowBytes)
  expect(await leftBehind(downloader)).toEqual({ downloaded: [name], unfinished: [] })
})

test('a download that shall not wait fails without a source and says why', async () => {
  await using world = await startGated({ others: 1, factor: 1 })
  const { cluster, source, gate } = world
  using api = apiOf(cluster.peer(2))
  gate.closeAfter(passedBytes)
  const { id } = await api.startDownload({ name, wait: false })
  await gate.blocked
  await source.kill('SIGKILL')
  const { state, error } = await api.download(id, 30_000)
  expect([state, error?.code, error?.retryable]).toEqual(['failed', 'NO_SOURCE', true])
  expect(error?.message).toContain('peer1 @ 127.0.0.2')
})

test('a downloader that is killed goes on by itself with the chunks that it lacks', async () => {
  await using world = await startGated({ others: 1, factor: 1 })
  const { cluster, gate, file } = world
  const downloader = cluster.peer(2)
  const { id, bytes: verifiedBytes } = await startHeldDownload(downloader, gate)
  await downloader.kill('SIGKILL')
  expect((await leftBehind(downloader))['downloaded']).toEqual([])

  gate.open()
  await downloader.start()
  const ended = await endOf(downloader, { id })
  expect(ended).toMatchObject({ state: 'done', result: { sha256: file.sha256, bytes } })
  const received = await readMetric(downloader, 'tandem_peer_received_bytes_total')
  expect(received).toBeLessThanOrEqual(bytes - verifiedBytes + 2 ** 20)
  expect(await leftBehind(downloader)).toEqual({ downloaded: [name], unfinished: [] })
})
