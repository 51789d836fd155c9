/**
 * Downloads resume: real processes are killed at about a third of a large file, where a gate in
 * front of the source holds it, and bytes sent twice are counted.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hashFile } from '../../common/content/hash.ts'
import { apiOf } from './cluster-fixture.ts'
import {
  endOf,
  type GatedWorld,
  heldDownload,
  inFlightBytesMax,
  leftBehind,
  name,
  startDownloadHeldBy,
  startGated,
  startHeldDownload,
  startSources,
} from './held-download.ts'
import { readMetric } from './read-metric.ts'
import { runTandem } from './run-tandem.ts'
import type { TandemProcess } from './tandem-process.ts'

const bytes = 96 * 2 ** 20
const passedBytes = bytes / 3

async function receivedBy(peer: TandemProcess): Promise<number> {
  return await readMetric(peer, 'tandem_peer_received_bytes_total')
}

async function sentBy(peer: TandemProcess): Promise<number> {
  return await readMetric(peer, 'tandem_peer_sent_bytes_total')
}

/** The download succeeded, its file is correct, and nothing else is left of it. */
async function expectWhole(peer: TandemProcess, id: string, sha256: string): Promise<void> {
  const ended = await endOf(peer, { id })
  expect(ended).toMatchObject({ state: 'done', result: { sha256, bytes } })
  const { content } = await hashFile(join(peer.dataFolder, 'downloaded', name))
  expect(content.sha256).toBe(sha256)
  expect(await leftBehind(peer)).toEqual({ downloaded: [name], unfinished: [] })
}

/** A download at peer2 that is held at a third. */
async function startThird(): Promise<
  GatedWorld & { downloader: TandemProcess; id: string; verified: number }
> {
  const world = await startGated({ others: 1, factor: 1, bytes })
  const downloader = world.cluster.peer(2)
  const { id, bytes: verified } = await startHeldDownload(downloader, world.gate, passedBytes)
  return { ...world, downloader, id, verified }
}

test('a killed downloader resumes by itself with the missing chunks', async () => {
  await using world = await startThird()
  const { downloader, gate, file, id, verified } = world
  await downloader.kill('SIGKILL')
  expect((await leftBehind(downloader)).downloaded).toEqual([])

  gate.open()
  await downloader.start()
  await expectWhole(downloader, id, file.sha256)
  expect(await receivedBy(downloader)).toBeLessThanOrEqual(bytes - verified)
})

test('a downloader that returns while the index is away waits, and resumes when the index is back', async () => {
  await using world = await startThird()
  const { cluster, downloader, gate, file, id, verified } = world
  await cluster.index.kill('SIGKILL')
  await downloader.kill('SIGKILL')
  gate.open()
  await downloader.start()
  using api = apiOf(downloader)
  await expect
    .poll(async () => (await api.download({ id, waitMs: 0 })).waitingFor)
    .toContain('index')

  await cluster.index.start()
  await expectWhole(downloader, id, file.sha256)
  expect(await receivedBy(downloader)).toBeLessThanOrEqual(bytes - verified)
})

test('an index that is gone half-way holds up nothing', async () => {
  await using world = await startThird()
  const { cluster, downloader, gate, file, id } = world
  await cluster.index.kill('SIGKILL')
  gate.open()
  await expectWhole(downloader, id, file.sha256)
  expect(cluster.index.isRunning).toBe(false)
})

test('without another source the download says so, keeps its partial data, and resumes when the source is back', async () => {
  await using world = await startThird()
  const { downloader, source, gate, file, id } = world
  await source.kill('SIGKILL')
  using api = apiOf(downloader)
  await expect
    .poll(async () => (await api.download({ id, waitMs: 0 })).waitingFor)
    .toContain('peer1 @ 127.0.0.2')
  const { stdout } = await runTandem(['downloads', '--api', downloader.apiUrl.origin])
  expect(stdout).toContain('peer1 @ 127.0.0.2')
  expect((await leftBehind(downloader)).unfinished).toHaveLength(2)

  gate.open()
  await source.start()
  await expectWhole(downloader, id, file.sha256)
  expect(await receivedBy(downloader)).toBeLessThanOrEqual(bytes + inFlightBytesMax)
})

test('a download is paused, resumed and cancelled from the command line, and leaves nothing behind', async () => {
  await using world = await startThird()
  const { downloader, gate, id, verified } = world
  const answerTo = async (...words: string[]): Promise<unknown> => {
    const { stdout } = await runTandem([...words, '--json', '--api', downloader.apiUrl.origin])
    return JSON.parse(stdout)
  }
  expect(await answerTo('pause', name)).toMatchObject({ id, state: 'paused' })
  expect((await leftBehind(downloader)).unfinished).toHaveLength(2)
  await downloader.restart()
  expect(await answerTo('downloads')).toMatchObject([{ id, state: 'paused' }])

  gate.closeAfter(passedBytes)
  expect(await answerTo('resume', id)).toMatchObject({ id })
  await heldDownload(downloader, gate, { id, passedBytes: verified + passedBytes })
  expect(await answerTo('cancel', name)).toMatchObject({ id, error: { code: 'CANCELLED' } })
  expect(await leftBehind(downloader)).toEqual({ downloaded: [], unfinished: [] })
  await downloader.restart()
  expect(await answerTo('downloads')).toEqual([])
})

test('of two sources both send; when one is killed half-way the other sends the rest', async () => {
  await using world = await startSources(2, bytes)
  const { sources, downloader, sha256 } = world
  const id = await startDownloadHeldBy(world, passedBytes)
  const [first, second] = sources.map(({ peer }) => peer)
  assert(first !== undefined && second !== undefined)
  expect(await sentBy(first)).toBeGreaterThan(passedBytes / 2)
  await first.kill('SIGKILL')
  sources[1]?.gate.open()
  await expectWhole(downloader, id, sha256)
  const { result } = await endOf(downloader, { id })
  expect(result?.sources.map(({ peerId }) => peerId).toSorted()).toEqual(['peer1', 'peer2'])
  expect(await sentBy(second)).toBeLessThanOrEqual(bytes - passedBytes + 2 * inFlightBytesMax)
  expect(await receivedBy(downloader)).toBeLessThanOrEqual(bytes + 2 * inFlightBytesMax)
})
