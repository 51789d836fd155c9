/** A drained peer may be stopped: nothing is lost or copied because of it. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { aFile } from '../../common/testing/fixtures.ts'
import type { PeerApi } from '../../peer/api/calls.ts'
import { allPeers } from '../../peer/api/pages.ts'
import { apiOf, type Cluster, startCluster } from './cluster-fixture.ts'
import { downloadAndHash } from './download-check.ts'
import { quickSettings } from './quick-settings.ts'
import { readMetric } from './read-metric.ts'
import { runTandem } from './run-tandem.ts'

const filesPerPeer = 8
const deadAfterMs = 2_000
const settings = {
  ...quickSettings,
  index: { ...quickSettings.index, heartbeatMs: 500, deadAfterMs },
}

async function startFilledCluster(): Promise<Cluster> {
  return await startCluster({
    peers: 4,
    settings,
    prepare: async (peerId, folder) => {
      for (let i = 0; i < filesPerPeer; i++)
        await aFile(folder, join(peerId, `${i}.bin`), { bytes: 10_000 })
    },
  })
}

async function untilAtRest(api: PeerApi, peers: object): Promise<void> {
  await expect
    .poll(() => api.status(), { timeout: 30_000 })
    .toMatchObject({
      peers,
      contents: 4 * filesPerPeer,
      belowFactor: 0,
      tasks: { waiting: 0, running: 0 },
    })
}

async function receivedBytes(cluster: Cluster): Promise<number> {
  const staying = [1, 3, 4].map((number) => cluster.peer(number))
  const bytes = await Promise.all(
    staying.map((peer) => readMetric(peer, 'tandem_peer_received_bytes_total')),
  )
  return bytes.reduce((sum, count) => sum + count, 0)
}

test('a peer that was drained is stopped without a loss', async () => {
  await using cluster = await startFilledCluster()
  using api = apiOf(cluster.peer(1))
  const through = ['--api', cluster.peer(1).apiUrl.origin]
  await untilAtRest(api, { live: 4 })
  const early = await runTandem(['safe-to-stop', 'peer2', '--for-good', ...through])
  expect(early).toMatchObject({ code: 1, stdout: '' })
  expect(early.stderr).toContain("It is not safe to stop 'peer2' for good: ")

  const drained = await runTandem(['drain', 'peer2', '--wait', ...through])
  expect(drained).toMatchObject({ code: 0 })
  expect(drained.stdout).toContain('peer2 is drained: ')
  expect(await runTandem(['safe-to-stop', 'peer2', '--for-good', ...through])).toMatchObject({
    code: 0,
  })
  const before = await receivedBytes(cluster)

  await cluster.peer(2).kill('SIGTERM')
  await expect
    .poll(() => allPeers(api))
    .toEqual(expect.arrayContaining([expect.objectContaining({ peerId: 'peer2', state: 'dead' })]))
  await untilAtRest(api, { live: 3, dead: 1 })
  expect((await api.status()).brake).toBeUndefined()
  expect(await receivedBytes(cluster)).toBe(before)
  for (let i = 0; i < filesPerPeer; i++)
    expect(await downloadAndHash(cluster.peer(4), { name: `peer2/${i}.bin` })).toBeDefined()

  expect(await runTandem(['peers', 'forget', 'peer2', ...through])).toMatchObject({ code: 0 })
  await untilAtRest(api, { live: 3, dead: 0 })
  expect((await api.lookup({ name: 'peer2/0.bin' })).files[0]?.sources.length).toBeGreaterThan(1)
})

test('a peer in maintenance is restarted without a copy', async () => {
  await using cluster = await startFilledCluster()
  using api = apiOf(cluster.peer(1))
  const through = ['--api', cluster.peer(1).apiUrl.origin]
  await untilAtRest(api, { live: 4 })
  expect(await runTandem(['safe-to-stop', 'peer2', ...through])).toMatchObject({ code: 0 })
  expect(await runTandem(['maintenance', 'peer2', '--for', '5m', ...through])).toMatchObject({
    code: 0,
  })
  const before = await receivedBytes(cluster)
  await cluster.peer(2).kill('SIGTERM')
  await expect.poll(() => api.status()).toMatchObject({ peers: { live: 3, suspect: 1, dead: 0 } })
  const silentMs = async (): Promise<number> =>
    (await allPeers(api)).find(({ peerId }) => peerId === 'peer2')?.silentMs ?? 0
  await expect.poll(silentMs).toBeGreaterThan(2 * deadAfterMs)
  const { stdout } = await runTandem(['peers', ...through])
  expect(stdout).toContain('Away:      peer2 may be away for another 4 min')
  await untilAtRest(api, { live: 3, suspect: 1, dead: 0 })
  await cluster.peer(2).start()
  await untilAtRest(api, { live: 4 })
  expect(await receivedBytes(cluster)).toBe(before)
})
