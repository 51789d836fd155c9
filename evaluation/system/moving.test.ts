/** Replicas move to a zone and to a peer that arrive later; every file keeps two copies meanwhile. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { aFile, type FileFixture } from '../../common/testing/fixtures.ts'
import type { PeerApi } from '../../peer/api/calls.ts'
import { DiskContents } from '../soak/disk-contents.ts'
import { apiOf, type Cluster, startCluster } from './cluster-fixture.ts'
import { downloadAndHash } from './download-check.ts'
import { quickSettings } from './quick-settings.ts'
import { runTandem } from './run-tandem.ts'

const settings = {
  ...quickSettings,
  index: { ...quickSettings.index, heartbeatMs: 500, trimAfterMs: 1_500 },
}
const fileCount = 20
const fileBytes = 10_000

/** A peer with files, and a second one with their replicas. */
async function startFilledCluster(
  flags: readonly (readonly string[])[],
): Promise<Cluster & { readonly files: readonly FileFixture[] }> {
  const cluster = await startCluster({ peers: 0, settings })
  for (const each of flags) await cluster.startPeer(undefined, { flags: each })
  const shared = join(cluster.peer(1).dataFolder, 'shared')
  const files: FileFixture[] = []
  for (let i = 0; i < fileCount; i++)
    files.push(await aFile(shared, `${i}.bin`, { bytes: fileBytes }))
  using api = apiOf(cluster.peer(1))
  await untilAtRest(api)
  return { ...cluster, files }
}

async function untilAtRest(api: PeerApi): Promise<void> {
  const state = async (): Promise<unknown> => {
    const { contents, belowFactor, aboveFactor = 0, tasks, moving } = await api.status()
    return { contents, belowFactor, aboveFactor, tasks, moving }
  }
  const tasks = { waiting: 0, running: 0 }
  await expect
    .poll(state, { timeout: 40_000 })
    .toEqual({ contents: fileCount, belowFactor: 0, aboveFactor: 0, tasks, moving: undefined })
}

/** The number of files in the folder replicated/ of a peer. */
async function replicasOn(cluster: Cluster, number: number): Promise<number> {
  const all = await new DiskContents().below(cluster.peer(number).dataFolder)
  return all.filter(({ name }) => name.startsWith('replicated/')).length
}

test('replicas move to a zone that becomes available, and the files stay whole', async () => {
  await using cluster = await startFilledCluster([
    ['--zone', 'x'],
    ['--zone', 'x'],
  ])
  expect(await replicasOn(cluster, 2)).toBe(fileCount)
  await cluster.startPeer(undefined, { flags: ['--zone', 'y'] })
  await expect.poll(() => replicasOn(cluster, 3), { timeout: 40_000 }).toBe(fileCount)
  await expect.poll(() => replicasOn(cluster, 2), { timeout: 40_000 }).toBe(0)
  using api = apiOf(cluster.peer(1))
  await untilAtRest(api)
  await cluster.peer(1).kill('SIGKILL')
  for (const { name, sha256 } of cluster.files.slice(0, 3))
    expect(await downloadAndHash(cluster.peer(2), { name })).toMatchObject({ sha256OnDisk: sha256 })
})

test('a rebalance fills a new peer until both are about equally full', async () => {
  const capacity = ['--capacity', '400KB']
  await using cluster = await startFilledCluster([[], capacity])
  await cluster.startPeer(undefined, { flags: capacity })
  const through = ['--api', cluster.peer(1).apiUrl.origin]
  const dryRun = async (): Promise<string> =>
    (await runTandem(['rebalance', '--dry-run', ...through])).stdout
  await expect.poll(dryRun, { timeout: 20_000 }).toMatch(/peer2 +peer3 +\d+/)
  expect(await replicasOn(cluster, 3)).toBe(0)

  const started = await runTandem(['rebalance', ...through])
  expect(started).toMatchObject({ code: 0 })
  expect(started.stdout).toContain('in the background')
  using api = apiOf(cluster.peer(1))
  await expect
    .poll(async () => (await api.rebalance({ plan: false })).state, { timeout: 40_000 })
    .toBe('done')
  await untilAtRest(api)
  const [second, third] = [await replicasOn(cluster, 2), await replicasOn(cluster, 3)]
  expect(second + third).toBe(fileCount)
  expect(Math.abs(second - third)).toBeLessThanOrEqual(2)
  const { stdout } = await runTandem(['rebalance', '--status', ...through])
  expect(stdout).toMatch(/^The last rebalance is done: \d+ files /)
})
