/** After any absence the disks are back at the replication factor; no original is ever removed. */

import { join } from 'node:path'
import { expect, test } from 'vitest'
import { aFile, type FileFixture } from '../../common/testing/fixtures.ts'
import type { PeerApi } from '../../peer/api/calls.ts'
import { DiskContents } from '../soak/disk-contents.ts'
import { apiOf, type Cluster, startCluster } from './cluster-fixture.ts'
import { downloadAndHash } from './download-check.ts'
import { quickSettings } from './quick-settings.ts'
import type { TandemProcess } from './tandem-process.ts'

const deadAfterMs = 2_000
const settings = {
  ...quickSettings,
  index: { ...quickSettings.index, heartbeatMs: 500, deadAfterMs, trimAfterMs: 1_500 },
}
const filesPerPeer = 8

interface OwnedFile extends FileFixture {
  readonly owner: string
}

async function shareFiles(peers: readonly TandemProcess[]): Promise<OwnedFile[]> {
  const files: OwnedFile[] = []
  for (const { name: owner, dataFolder } of peers)
    for (let i = 0; i < filesPerPeer; i++) {
      const file = await aFile(join(dataFolder, 'shared'), `${owner}-${i}.bin`, { bytes: 10_000 })
      files.push({ ...file, owner })
    }
  return files
}

/** Resolves when the cluster is at rest, with neither too few nor too many copies. */
async function untilTrimmed(api: PeerApi, contents: number, live: number): Promise<void> {
  const atRest = async (): Promise<unknown> => {
    const { peers, contents, belowFactor, aboveFactor = 0, tasks } = await api.status()
    return { live: peers.live, contents, belowFactor, aboveFactor, tasks }
  }
  const tasks = { waiting: 0, running: 0 }
  await expect
    .poll(atRest, { timeout: 40_000 })
    .toEqual({ live, contents, belowFactor: 0, aboveFactor: 0, tasks })
}

/** Each original is on its owner's disk, and each content in one other place on the others' disks. */
async function checkDisks(cluster: Cluster, files: readonly OwnedFile[]): Promise<void> {
  const wanted = files.flatMap(({ name }) => [`${name} replicated`, `${name} shared`])
  // The copies of a peer that is back are judged shortly after it counts as live.
  await expect
    .poll(() => copiesOnDisks(cluster, files), { timeout: 40_000 })
    .toEqual(wanted.toSorted())
}

async function copiesOnDisks(cluster: Cluster, files: readonly OwnedFile[]): Promise<string[]> {
  const disks = new DiskContents()
  const found: string[] = []
  for (const { name: peer, dataFolder } of cluster.peers)
    for (const { name, sha256 } of await disks.below(dataFolder)) {
      const file = files.find((one) => one.sha256 === sha256)
      if (file === undefined) continue
      const isOriginal = name === `shared/${file.name}` && peer === file.owner
      const isReplica = name === `replicated/${file.owner}/${file.name}` && peer !== file.owner
      found.push(`${file.name} ${isOriginal ? 'shared' : isReplica ? 'replicated' : name}`)
    }
  return found.toSorted()
}

test('a peer that returns after its files were healed leaves each file at two copies', async () => {
  await using cluster = await startCluster({ peers: 3, settings })
  const files = await shareFiles(cluster.peers.slice(0, 1))
  using api = apiOf(cluster.peer(1))
  await untilTrimmed(api, files.length, 3)
  await checkDisks(cluster, files)

  await cluster.peer(2).kill('SIGKILL')
  await expect.poll(() => api.status()).toMatchObject({ peers: { dead: 1 } })
  await untilTrimmed(api, files.length, 2)
  await cluster.peer(2).start()
  await expect.poll(async () => (await api.status()).aboveFactor ?? 0).toBeGreaterThan(0)
  const reasons = files.map(
    async ({ name }) => (await api.why({ name })).contents[0]?.surplus ?? '',
  )
  expect((await Promise.all(reasons)).join('; ')).toContain('1 copy more than needed: ')
  await untilTrimmed(api, files.length, 3)
  await checkDisks(cluster, files)
  for (const { name, sha256 } of files) {
    const [found] = (await api.lookup({ name })).files
    expect(found?.sources.map(({ kind }) => kind).toSorted()).toEqual(['replicated', 'shared'])
    expect(await downloadAndHash(cluster.peer(3), { name })).toMatchObject({ sha256OnDisk: sha256 })
  }
})

test('peers that are stopped and continued one after another do not fill the disks', async () => {
  await using cluster = await startCluster({ peers: 3, settings })
  const files = await shareFiles(cluster.peers)
  using api = apiOf(cluster.peer(1))
  using other = apiOf(cluster.peer(2))
  await untilTrimmed(api, files.length, 3)
  for (const peer of cluster.peers) {
    const { pid } = peer
    if (pid === undefined) throw new Error(`${peer.name} does not run`)
    process.kill(pid, 'SIGSTOP')
    try {
      const asked = peer === cluster.peer(1) ? other : api
      await expect.poll(() => asked.status()).toMatchObject({ peers: { dead: 1 } })
      await untilTrimmed(asked, files.length, 2)
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    await expect.poll(() => api.status()).toMatchObject({ peers: { live: 3 } })
  }
  await untilTrimmed(api, files.length, 3)
  await checkDisks(cluster, files)
})
