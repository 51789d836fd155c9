/** Real peers that are killed together are waited for. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { aFile } from '../../common/testing/fixtures.ts'
import type { PeerApi } from '../../peer/api/calls.ts'
import { apiOf, type Cluster, startCluster } from './cluster-fixture.ts'
import { quickSettings } from './quick-settings.ts'
import { readMetric } from './read-metric.ts'
import { runTandem } from './run-tandem.ts'

const fileCount = 10

/** Four peers whose files have two copies each. */
async function startFilledCluster(brakeMs: number): Promise<Cluster> {
  const index = { ...quickSettings.index, heartbeatMs: 500, deadAfterMs: 3_000, brakeMs }
  return await startCluster({
    peers: 4,
    settings: { ...quickSettings, index },
    prepare: async (peerId, folder) => {
      for (let i = 0; i < fileCount; i++)
        await aFile(folder, join(peerId, `${i}.bin`), { bytes: 1_000 })
    },
  })
}

async function untilHealed(api: PeerApi, live: number): Promise<void> {
  await expect
    .poll(() => api.status())
    .toMatchObject({
      peers: { live },
      contents: 4 * fileCount,
      belowFactor: 0,
      tasks: { waiting: 0, running: 0 },
    })
}

async function receivedBytes(cluster: Cluster): Promise<number> {
  const kept = [cluster.peer(1), cluster.peer(2)]
  const bytes = await Promise.all(
    kept.map((peer) => readMetric(peer, 'tandem_peer_received_bytes_total')),
  )
  return bytes.reduce((sum, count) => sum + count, 0)
}

async function killTwo(cluster: Cluster): Promise<void> {
  await Promise.all([cluster.peer(3), cluster.peer(4)].map((peer) => peer.kill('SIGKILL')))
}

test('two of four peers that are killed and return cause no copies', async () => {
  await using cluster = await startFilledCluster(600_000)
  using api = apiOf(cluster.peer(1))
  await untilHealed(api, 4)
  const before = await receivedBytes(cluster)

  await killTwo(cluster)
  await expect
    .poll(() => api.status())
    .toMatchObject({ peers: { live: 2, dead: 2 }, brake: { cause: 'peers-lost' } })
  const { stdout } = await runTandem(['status', '--api', cluster.peer(1).apiUrl.origin])
  expect(stdout).toContain('Paused:    2 of 4 peers were lost together')
  expect(await readMetric(cluster.index, 'tandem_index_brake{cause="peers-lost"}')).toBe(1)
  expect(cluster.index.output.join('\n')).toContain('copying and dropping are paused')

  await cluster.peer(3).start()
  await cluster.peer(4).start()
  await untilHealed(api, 4)
  expect((await api.status()).brake).toBeUndefined()
  expect(await receivedBytes(cluster)).toBe(before)
})

test('two of four peers that stay away are replaced after index.brakeMs', async () => {
  await using cluster = await startFilledCluster(4_000)
  using api = apiOf(cluster.peer(1))
  await untilHealed(api, 4)
  const before = await receivedBytes(cluster)
  await killTwo(cluster)
  await expect.poll(() => api.status()).toMatchObject({ brake: { cause: 'peers-lost' } })
  expect(await receivedBytes(cluster)).toBe(before)
  await expect.poll(() => receivedBytes(cluster)).toBeGreaterThan(before)
  expect((await api.status()).brake).toBeUndefined()
})
