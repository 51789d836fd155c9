/**
 * Bits are flipped on the disks of real peers, with the times of the files restored, as a failing disk
 * does: a shared file of peer1, its replica on another peer, a download, and files that stay good.
 * `tandem scrub` finds them, and what is damaged is healed.
 */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { damageFile } from '../../common/testing/damage-file.ts'
import { aFile } from '../../common/testing/fixtures.ts'
import { allProblems } from '../../peer/api/pages.ts'
import { apiOf, type Cluster, startCluster } from './cluster-fixture.ts'
import { quickSettings } from './quick-settings.ts'
import { readMetric } from './read-metric.ts'
import { runTandem } from './run-tandem.ts'
import type { TandemProcess } from './tandem-process.ts'

const bytes = 3 * 1024 * 1024
const names = ['one.bin', 'two.bin', 'small.txt'] as const

async function aCluster(peers: number): Promise<Cluster> {
  return await startCluster({
    peers,
    settings: quickSettings,
    prepare: async (peerId, folder) => {
      if (peerId !== 'peer1') return
      for (const name of names)
        await aFile(folder, name, { bytes: name === 'small.txt' ? 100 : bytes })
    },
  })
}

function shared(peer: TandemProcess, name: string): string {
  return join(peer.dataFolder, 'shared', name)
}

/** The peers and paths of the replicas of peer1's file. */
async function replicasOf(cluster: Cluster, name: string): Promise<string[]> {
  const paths = cluster.peers.map((peer) => join(peer.dataFolder, 'replicated/peer1', name))
  const found = await Promise.all(paths.map((path) => stat(path).catch(() => undefined)))
  return paths.filter((_, index) => found[index] !== undefined)
}

async function tandem(peer: TandemProcess, ...words: string[]) {
  return await runTandem([...words, '--api', peer.apiUrl.href])
}

test('flipped bits are found by scrubbing, healed, and told', async () => {
  await using cluster = await aCluster(3)
  const owner = cluster.peer(1)
  using api = apiOf(owner)
  const status = async () => {
    const { contents, belowFactor } = await api.status()
    return { contents, belowFactor }
  }
  const healthy = { contents: 3, belowFactor: 0 }
  await expect.poll(status).toEqual(healthy)
  const good = await readFile(shared(owner, 'one.bin'))

  // A replica: found by a pass over everything, moved aside, and made again.
  const [replica = ''] = await replicasOf(cluster, 'two.bin')
  const keeper = cluster.peers.find(({ dataFolder }) => replica.startsWith(dataFolder)) ?? owner
  await damageFile(replica, 1_500_000)
  expect(await tandem(keeper, 'scrub', '--now')).toMatchObject({ code: 0 })
  await expect.poll(() => readMetric(keeper, 'tandem_peer_scrub_damaged_total')).toBe(1)
  // The status may be that of before: the index has not heard of the damage yet.
  const sound = await readFile(shared(owner, 'two.bin'))
  const isEachSound = async (): Promise<boolean[]> => {
    const paths = await replicasOf(cluster, 'two.bin')
    return await Promise.all(paths.map(async (path) => sound.equals(await readFile(path))))
  }
  await expect.poll(isEachSound).toEqual([true])
  await expect.poll(status).toEqual(healthy)
  // When two others have it, or when the good copy takes its place.
  const aside = async (): Promise<string[]> =>
    await readdir(join(keeper.dataFolder, '.tandem/damaged')).catch(() => [])
  await expect.poll(aside).toHaveLength(1)
  const seen = await tandem(keeper, 'scrub')
  expect(seen.stdout).toContain('1 damaged')

  // The original: not served, not replicated, not replaced without being asked.
  await damageFile(shared(owner, 'one.bin'), 2_000_000)
  const bad = await readFile(shared(owner, 'one.bin'))
  const check = await tandem(owner, 'scrub', 'one.bin')
  expect(check).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('COPIES_DAMAGED') as string,
  })
  expect(check.stdout).toContain('shared/one.bin is damaged')
  expect((await tandem(owner, 'problems')).stdout).toContain('tandem repair')
  expect((await tandem(owner, 'status')).stdout).toContain('not shared or damaged')
  // A third peer has a good copy before long, so that two are good again.
  await expect.poll(() => replicasOf(cluster, 'one.bin')).toHaveLength(2)
  await expect.poll(status).toEqual(healthy)
  expect((await tandem(owner, 'why', 'one.bin')).stdout).toContain('peer1, shared (live), damaged')
  expect(await readFile(shared(owner, 'one.bin'))).toEqual(bad)

  expect(await tandem(owner, 'repair', 'one.bin')).toMatchObject({ code: 0 })
  expect(await readFile(shared(owner, 'one.bin'))).toEqual(good)
  expect(await tandem(owner, 'scrub', 'one.bin')).toMatchObject({ code: 0 })
  const [kept = ''] = await readdir(join(owner.dataFolder, '.tandem/damaged'))
  expect(await readFile(join(owner.dataFolder, '.tandem/damaged', kept))).toEqual(bad)
  await expect.poll(status).toEqual(healthy)
  expect((await allProblems(api)).total).toBe(0)
})

test('a damaged download is fetched again without being asked', async () => {
  await using cluster = await aCluster(2)
  const user = cluster.peer(2)
  using api = apiOf(user)
  await expect.poll(async () => (await api.status()).contents).toBe(3)
  expect(await tandem(user, 'download', 'one.bin')).toMatchObject({ code: 0 })
  const path = join(user.dataFolder, 'downloaded/one.bin')
  const good = await readFile(path)
  await damageFile(path, 5)
  // The watcher may have found it before.
  expect([0, 1]).toContain((await tandem(user, 'scrub', 'one.bin')).code)
  await expect.poll(async () => (await readFile(path)).equals(good)).toBe(true)
  await expect.poll(async () => (await api.scrub()).damagedFiles).toBe(0)
  expect(await readdir(join(user.dataFolder, '.tandem/damaged'))).toHaveLength(1)
})

test('a pass goes on where it was after a kill', async () => {
  await using cluster = await aCluster(1)
  const peer = cluster.peer(1)
  using api = apiOf(peer)
  await expect.poll(async () => (await api.status()).contents).toBe(3)
  await api.changeLimits({ scrubBytesPerSecond: 100_000 })
  const { pass: begun } = await api.scrubNow()
  await expect.poll(async () => (await api.scrub()).pass?.bytes ?? 0).toBeGreaterThan(0)
  await api.changeScrub({ isPaused: true })
  const { pass } = await api.scrub()
  await peer.kill('SIGKILL')
  await peer.start()
  expect(await api.scrub()).toMatchObject({
    state: 'paused',
    pass: { startedMs: begun?.startedMs, bytes: pass?.bytes },
  })
  await api.changeLimits({ scrubBytesPerSecond: null })
  await api.scrubNow()
  await expect.poll(async () => (await api.scrub()).last?.files).toBe(3)
})

test('two copies that are damaged in different places have all of the content', async () => {
  await using cluster = await aCluster(2)
  const [owner, keeper] = [cluster.peer(1), cluster.peer(2)]
  using api = apiOf(owner)
  const lacking = async () => {
    const { contents, belowFactor } = await api.status()
    return { contents, belowFactor }
  }
  await expect.poll(lacking).toEqual({ contents: 3, belowFactor: 0 })
  const path = shared(owner, 'one.bin')
  const good = await readFile(path)
  const [replica = ''] = await replicasOf(cluster, 'one.bin')
  await damageFile(path, 5)
  await damageFile(replica, 2_500_000)
  for (const peer of [owner, keeper])
    expect(await tandem(peer, 'scrub', 'one.bin')).toMatchObject({ code: 1 })
  // The index may have had a copy made of the chunks of both before.
  expect(await tandem(owner, 'repair', 'one.bin')).toMatchObject({ code: 0 })
  expect(await readFile(path)).toEqual(good)
  await expect.poll(lacking).toEqual({ contents: 3, belowFactor: 0 })
  await expect.poll(async () => (await readFile(replica)).equals(good)).toBe(true)
})
