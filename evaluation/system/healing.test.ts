/** Contents return to their replication factor by themselves; a short absence copies nothing. */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { aFile, type FileFixture } from '../../common/testing/fixtures.ts'
import type { PeerApi } from '../../peer/api/calls.ts'
import type { Why } from '../../peer/api/file-shapes.ts'
import { apiOf, type Cluster, startCluster } from './cluster-fixture.ts'
import { downloadAndHash } from './download-check.ts'
import { startGatedPeer } from './gate.ts'
import { quickSettings } from './quick-settings.ts'
import { readMetric } from './read-metric.ts'
import { runTandem } from './run-tandem.ts'

function settings(deadAfterMs: number) {
  return { ...quickSettings, index: { ...quickSettings.index, heartbeatMs: 500, deadAfterMs } }
}

async function shareFiles(cluster: Cluster, count: number, bytes: number): Promise<FileFixture[]> {
  const folder = join(cluster.peer(1).dataFolder, 'shared')
  const files: FileFixture[] = []
  for (let i = 0; i < count; i++) files.push(await aFile(folder, `${i}.bin`, { bytes }))
  return files
}

/** Resolves when the cluster is idle with all its copies. */
async function untilHealed(api: PeerApi, contents: number, live: number): Promise<void> {
  await expect
    .poll(() => api.status())
    .toMatchObject({
      peers: { live },
      contents,
      belowFactor: 0,
      tasks: { waiting: 0, running: 0 },
    })
}

async function receivedBytes(cluster: Cluster): Promise<number[]> {
  const running = cluster.peers.filter(({ isRunning }) => isRunning)
  return await Promise.all(
    running.map((peer) => readMetric(peer, 'tandem_peer_received_bytes_total')),
  )
}

test('what a dead peer had is copied to another', async () => {
  await using cluster = await startCluster({ peers: 3, settings: settings(3_000) })
  const files = await shareFiles(cluster, 10, 10_000)
  using api = apiOf(cluster.peer(2))
  await untilHealed(api, files.length, 3)

  await cluster.peer(1).kill('SIGKILL')
  await expect.poll(() => api.status()).toMatchObject({ peers: { live: 2, dead: 1 } })
  for (const { name, sha256 } of files) {
    const holders = async (): Promise<string[]> =>
      (await api.lookup({ name })).files.flatMap(({ sources }) =>
        sources.map(({ peerId }) => peerId),
      )
    await expect.poll(holders).toEqual(['peer2', 'peer3'])
    expect(await downloadAndHash(cluster.peer(3), { name })).toMatchObject({ sha256OnDisk: sha256 })
  }
  await untilHealed(api, files.length, 2)
})

test('a peer that is back before it counts as dead has caused no copies', async () => {
  await using cluster = await startCluster({ peers: 3, settings: settings(20_000) })
  const files = await shareFiles(cluster, 10, 10_000)
  using api = apiOf(cluster.peer(2))
  await untilHealed(api, files.length, 3)
  const [, ...before] = await receivedBytes(cluster)

  await cluster.peer(1).kill('SIGKILL')
  await expect.poll(() => api.status()).toMatchObject({ peers: { live: 2, suspect: 1 } })
  expect(await api.status()).toMatchObject({ belowFactor: 0, tasks: { waiting: 0, running: 0 } })
  await cluster.peer(1).start()
  await untilHealed(api, files.length, 3)
  expect(await receivedBytes(cluster)).toEqual([0, ...before])
})

test('one peer is read from twice at a time and each other one written to once', async () => {
  await using cluster = await startCluster({ peers: 0, settings: quickSettings })
  const { peer: source, gate } = await startGatedPeer(cluster, 'peer1')
  // Each larger than a batch of small ones may be.
  const files = await shareFiles(cluster, 6, 17 * 2 ** 20)
  using api = apiOf(source)
  await expect.poll(() => api.status()).toMatchObject({ contents: files.length })
  gate.closeAfter(2 ** 20)
  for (const peerId of ['peer2', 'peer3', 'peer4']) await cluster.startPeer(peerId)
  await expect
    .poll(() => api.status())
    .toMatchObject({ peers: { live: 4 }, tasks: { waiting: 4, running: 2 } })
  const reasons = await Promise.all(files.map(async ({ name }) => missing(await api.why({ name }))))
  const targets = reasons.flatMap(
    (reason) => /^(\w+) has been making a copy/.exec(reason)?.[1] ?? [],
  )
  expect(new Set(targets).size).toBe(2)
  expect(reasons.filter((reason) => reason.startsWith('it is queued'))).toHaveLength(4)
  gate.open()
  await untilHealed(api, files.length, 4)
})

describe('when copies cannot be made', () => {
  test('a factor of 3 with 2 peers says that there is no other peer', async () => {
    await using cluster = await startCluster({ peers: 2, factor: 3, settings: quickSettings })
    const [file] = await shareFiles(cluster, 1, 1_000)
    const name = file?.name ?? ''
    using api = apiOf(cluster.peer(1))
    const reason = 'no room for another copy: there is no other peer'
    const copies = [{ peerId: 'peer1' }, { peerId: 'peer2' }]
    // The reason for the third copy is given even while the second is being made.
    await expect
      .poll(() => api.why({ name }))
      .toMatchObject({ contents: [{ factor: 3, wanted: true, copies, missing: [reason] }] })
    const words = ['why', name, '--api', cluster.peer(2).apiUrl.origin]
    expect((await runTandem(words)).stdout).toContain(reason)
    await cluster.startPeer()
    await untilHealed(api, 1, 3)
    expect(missing(await api.why({ name }))).toBe('')
  })

  test('a content whose only peer is gone names that peer', async () => {
    await using cluster = await startCluster({ peers: 2, factor: 1, settings: settings(1_500) })
    const [file] = await shareFiles(cluster, 1, 1_000)
    using api = apiOf(cluster.peer(2))
    await untilHealed(api, 1, 2)
    await cluster.peer(1).kill('SIGKILL')
    await expect
      .poll(async () => missing(await api.why({ name: file?.name ?? '' })))
      .toBe('no live peer has it; it waits for peer1 to return')
    await cluster.peer(1).start()
    await untilHealed(api, 1, 2)
  })
})

function missing({ contents }: Why): string {
  return contents.flatMap((content) => content.missing).join('; ')
}
