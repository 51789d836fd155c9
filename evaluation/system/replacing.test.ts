/** A peer whose disk is lost returns with its old id and an empty disk. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { aFile, type FileFixture } from '../../common/testing/fixtures.ts'
import { DiskContents } from '../soak/disk-contents.ts'
import { apiOf, type Cluster, startCluster } from './cluster-fixture.ts'
import { downloadAndHash } from './download-check.ts'
import { quickSettings } from './quick-settings.ts'
import { runTandem } from './run-tandem.ts'

const filesPerPeer = 6

/** Peers that share a few files each. */
async function startFilledCluster(peers: number) {
  const files: (FileFixture & { owner: string })[] = []
  const cluster = await startCluster({
    peers,
    settings: quickSettings,
    prepare: async (owner, folder) => {
      for (let i = 0; i < filesPerPeer; i++)
        files.push({ owner, ...(await aFile(folder, `${owner}-${i}.bin`, { bytes: 10_000 })) })
    },
  })
  return { cluster, files }
}

/** Stops peer2, empties its disk, and starts it again with its id. */
async function replaceDisk(cluster: Cluster): Promise<void> {
  const peer = cluster.peer(2)
  await peer.kill('SIGKILL')
  await rm(peer.dataFolder, { recursive: true })
  const release = ['index', 'release', 'peer2', '--data', cluster.index.dataFolder]
  expect(await runTandem(release)).toMatchObject({ code: 0 })
  await peer.start()
}

async function namesOn(folder: string): Promise<string[]> {
  const names = (await new DiskContents().below(folder)).map(({ name }) => name)
  return names.filter((name) => !name.startsWith('.tandem/')).toSorted()
}

test('a replaced peer is given replicas again, and downloads what it owned', async () => {
  const { cluster, files } = await startFilledCluster(3)
  await using _cluster = cluster
  using api = apiOf(cluster.peer(1))
  const atRest = { contents: files.length, belowFactor: 0, tasks: { waiting: 0, running: 0 } }
  await expect.poll(() => api.status()).toMatchObject({ peers: { live: 3 }, ...atRest })

  await replaceDisk(cluster)
  await expect.poll(() => namesOn(cluster.peer(2).dataFolder)).not.toEqual([])
  await expect.poll(() => api.status()).toMatchObject({ peers: { live: 3 }, ...atRest })
  for (const { name, sha256 } of files.filter(({ owner }) => owner === 'peer2'))
    expect(await downloadAndHash(cluster.peer(2), { name })).toMatchObject({ sha256OnDisk: sha256 })
})

test('in a cluster of two it keeps what it owned as replicas: no other peer could', async () => {
  const { cluster, files } = await startFilledCluster(2)
  await using _cluster = cluster
  using api = apiOf(cluster.peer(1))
  const atRest = { contents: files.length, belowFactor: 0, tasks: { waiting: 0, running: 0 } }
  await expect.poll(() => api.status()).toMatchObject({ peers: { live: 2 }, ...atRest })

  await replaceDisk(cluster)
  const { dataFolder } = cluster.peer(2)
  const expected = files.map(({ owner, name }) => join('replicated', owner, name)).toSorted()
  await expect.poll(() => namesOn(dataFolder)).toEqual(expected)
  await expect.poll(() => api.status()).toMatchObject({ peers: { live: 2 }, ...atRest })
})
