/** The index is killed and returns, with its database and without. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { aFile, type FileFixture } from '../../common/testing/fixtures.ts'
import { apiOf, type Cluster, startCluster } from './cluster-fixture.ts'
import { downloadAndHash } from './download-check.ts'
import { quickSettings } from './quick-settings.ts'
import { readMetric } from './read-metric.ts'
import { runTandem } from './run-tandem.ts'
import type { TandemProcess } from './tandem-process.ts'

const fileCount = 20

/** Three peers whose files have two copies each. */
async function startFilledCluster(): Promise<{ cluster: Cluster; files: FileFixture[] }> {
  const files: FileFixture[] = []
  const cluster = await startCluster({
    peers: 3,
    settings: quickSettings,
    prepare: async (peerId, folder) => {
      for (let i = 0; i < fileCount; i++) files.push(await aFile(folder, `${peerId} ${i}.txt`))
    },
  })
  await untilComplete(cluster, files.length)
  return { cluster, files }
}

async function untilComplete(cluster: Cluster, contents: number): Promise<void> {
  using api = apiOf(cluster.peer(1))
  await expect
    .poll(() => api.status())
    .toMatchObject({
      peers: { live: cluster.peers.length },
      contents,
      belowFactor: 0,
      tasks: { waiting: 0, running: 0 },
    })
}

/** The `seenSeq` values that the index returned at each registration. */
function seenSeqs({ output }: TandemProcess): number[] {
  return output
    .filter((line) => line.includes('registered at the index'))
    .map((line) => (JSON.parse(line) as { seenSeq: number }).seenSeq)
}

async function expectEverythingAnswered(cluster: Cluster, files: readonly FileFixture[]) {
  using api = apiOf(cluster.peer(2))
  for (const { name, sha256 } of files) {
    const { files: found } = await api.lookup({ name })
    expect(found, name).toMatchObject([{ sha256 }])
    // A peer that was slow to return may have been replaced meanwhile: then there is one more copy.
    expect(found[0]?.sources.length, name).toBeGreaterThanOrEqual(2)
  }
  for (const { name, sha256 } of files.slice(0, 3))
    expect(await downloadAndHash(cluster.peer(3), { name })).toMatchObject({ sha256OnDisk: sha256 })
}

test('an index that is killed and returns with its database receives nothing twice', async () => {
  const { cluster, files } = await startFilledCluster()
  await using _ = cluster
  await cluster.index.kill('SIGKILL')
  await cluster.index.start()
  await untilComplete(cluster, files.length)

  const announcements = 'tandem_index_requests_total{type="announce",outcome="ok"}'
  expect(await readMetric(cluster.index, announcements)).toBe(0)
  for (const peer of cluster.peers) {
    const [first, second] = seenSeqs(peer)
    expect([first, second !== undefined && second > 0], peer.name).toEqual([0, true])
  }
  await expectEverythingAnswered(cluster, files)
})

test('an index that lost its database is complete again by itself', async () => {
  const { cluster, files } = await startFilledCluster()
  await using _ = cluster
  await cluster.index.kill('SIGKILL')
  await rm(cluster.index.dataFolder, { recursive: true })
  await cluster.index.start()
  await untilComplete(cluster, files.length)
  for (const peer of cluster.peers) expect(seenSeqs(peer), peer.name).toEqual([0, 0])
  await expectEverythingAnswered(cluster, files)
})

test('what push --wait acknowledged survives its owner and the index, both with their disks', async () => {
  const { cluster, files } = await startFilledCluster()
  await using _ = cluster
  const owner = cluster.peer(1)
  const { name, path, sha256 } = await aFile(join(cluster.folder, 'precious'), 'thesis.pdf', {
    bytes: 2_500_000,
  })
  await push(owner, { name, path })

  await Promise.all([owner.kill('SIGKILL'), cluster.index.kill('SIGKILL')])
  await rm(owner.dataFolder, { recursive: true })
  await rm(cluster.index.dataFolder, { recursive: true })
  await cluster.index.start()
  using api = apiOf(cluster.peer(2))
  // All files of the owner are known again, and have two copies again.
  await expect
    .poll(() => api.status())
    .toMatchObject({ contents: files.length + 1, belowFactor: 0 })
  for (const peer of [cluster.peer(2), cluster.peer(3)])
    expect(await downloadAndHash(peer, { name })).toMatchObject({ sha256OnDisk: sha256 })
})

test('without an index commands say so, and it is found again when it is back', async () => {
  await using cluster = await startCluster({ peers: 1, settings: quickSettings })
  await aFile(join(cluster.peer(1).dataFolder, 'shared'), 'a.txt')
  using api = apiOf(cluster.peer(1))
  await expect.poll(() => api.lookup({ name: 'a.txt' })).toMatchObject({ name: 'a.txt' })
  await cluster.index.kill('SIGKILL')
  const { code, stderr } = await runTandem([
    'lookup',
    'a.txt',
    '--api',
    cluster.peer(1).apiUrl.origin,
  ])
  expect(code).toBe(1)
  expect(stderr).toMatch(
    /^INDEX_UNREACHABLE: The index at 127\.0\.0\.1:\d+ cannot be reached: .*\n$/,
  )
  await cluster.index.start()
  await expect.poll(() => api.lookup({ name: 'a.txt' })).toMatchObject({ name: 'a.txt' })
})

async function push(peer: TandemProcess, { name, path }: Pick<FileFixture, 'name' | 'path'>) {
  const words = ['push', path, '--name', name, '--wait', '--api', peer.apiUrl.origin]
  expect(await runTandem(words)).toMatchObject({ code: 0, stderr: '' })
}
