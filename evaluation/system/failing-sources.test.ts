/** Sources that stall, slow down, vanish, or have another file by now. */
import assert from 'node:assert/strict'

import { join } from 'node:path'
import { expect, test } from 'vitest'
import { aFile } from '../../common/testing/fixtures.ts'
import { apiOf } from './cluster-fixture.ts'
import { downloadAndHash } from './download-check.ts'
import {
  endOf,
  inFlightBytesMax,
  leftBehind,
  name,
  type SourcesWorld,
  startDownloadHeldBy,
  startHeldDownload,
  startSources,
} from './held-download.ts'
import { readMetric } from './read-metric.ts'
import { runTandem } from './run-tandem.ts'

const bytes = 48 * 2 ** 20
const passedBytes = bytes / 4

async function expectDone({ downloader, sha256 }: SourcesWorld, id: string): Promise<void> {
  const ended = await endOf(downloader, { id })
  expect(ended).toMatchObject({ state: 'done', result: { sha256, bytes } })
  expect(await downloadAndHash(downloader, { name })).toMatchObject({ sha256OnDisk: sha256 })
  expect(await leftBehind(downloader)).toEqual({ downloaded: [name], unfinished: [] })
}

test('a source that stalls without disconnecting delays nothing: another sends its chunks', async () => {
  await using world = await startSources(2, bytes)
  const id = await startDownloadHeldBy(world, passedBytes)
  world.sources[1]?.gate.open()
  await expectDone(world, id)
  const received = await readMetric(world.downloader, 'tandem_peer_received_bytes_total')
  expect(received).toBeLessThanOrEqual(bytes + 2 * inFlightBytesMax)
})

test('a source that slows to a trickle delays nothing either', async () => {
  await using world = await startSources(2, bytes)
  const [slow, other] = world.sources
  assert(slow !== undefined && other !== undefined)
  const id = await startDownloadHeldBy(world, passedBytes)
  // Above the stall threshold; one chunk takes more than a minute.
  slow.gate.closeAfter(0, { bytesPerMs: 16 })
  other.gate.open()
  await expectDone(world, id)
})

test('when all sources are gone and one returns, the download continues with it', async () => {
  await using world = await startSources(2, bytes)
  const { downloader, sources } = world
  const id = await startDownloadHeldBy(world, passedBytes)
  for (const { peer } of sources) await peer.kill('SIGKILL')
  using api = apiOf(downloader)
  const waitingFor = async () => (await api.download({ id, waitMs: 0 })).waitingFor
  for (const { peer } of sources) await expect.poll(waitingFor).toContain(`${peer.name} @ `)
  const words = ['download', name, '--no-wait', '--api', downloader.apiUrl.origin]
  const { code, stderr } = await runTandem(words)
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^NO_SOURCE: .*peer[12] @ /)])

  sources[1]?.gate.open()
  await sources[1]?.peer.start()
  await expectDone(world, id)
})

test('a stalled only source is named with its deadline', async () => {
  // Small, so that it gets no more time than a source that owes almost nothing.
  const size = 2 ** 18
  await using world = await startSources(1, size)
  const { downloader, sources } = world
  sources[0]?.gate.closeAfter(size / 2)
  await expect(downloadAndHash(downloader, { name })).rejects.toMatchObject({
    code: 'NO_SOURCE',
    message: expect.stringMatching(
      /peer1 @ 127\.0\.0\.2:\d+ .*next bytes? .*within \d+ ms/,
    ) as string,
  })
})

test('a file that is changed at its source during the transfer: the old content fails, the new one is found', async () => {
  await using world = await startSources(1, bytes)
  const { downloader, sources } = world
  const [source] = sources
  assert(source !== undefined)
  const { id } = await startHeldDownload(downloader, source.gate, passedBytes)
  const shared = join(source.peer.dataFolder, 'shared')
  const changed = await aFile(shared, name, { bytes: bytes / 2, seed: 'changed' })
  source.gate.open()
  const { state, error } = await endOf(downloader, { id })
  expect([state, error?.code]).toEqual(['failed', 'CONTENT_REPLACED'])
  expect(await leftBehind(downloader)).toEqual({ downloaded: [], unfinished: [] })
  expect(await downloadAndHash(downloader, { name })).toMatchObject({
    sha256OnDisk: changed.sha256,
  })
  using api = apiOf(downloader)
  // The file was changed; the source never lied.
  expect((await api.lookup({ name })).files).toMatchObject([{ sha256: changed.sha256 }])
})
