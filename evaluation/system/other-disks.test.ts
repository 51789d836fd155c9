/** Peers whose folders are on other disks than their data, or that lose their own data. */
import { mkdir, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { aFile } from '../../common/testing/fixtures.ts'
import { allPeers } from '../../peer/api/pages.ts'
import { apiOf, type Cluster, startCluster } from './cluster-fixture.ts'
import { copiesKnown } from './copies-known.ts'
import { downloadAndHash } from './download-check.ts'
import { mountExfatDisk } from './exfat-disk.ts'
import { quickSettings } from './quick-settings.ts'
import { readMetric } from './read-metric.ts'
import { mountSmallDisk } from './small-disk.ts'
import type { TandemProcess } from './tandem-process.ts'

const mebibyte = 2 ** 20

/** A peer with these folders on another disk. */
async function startOn(
  cluster: Cluster,
  disk: string,
  kinds: readonly string[],
): Promise<TandemProcess> {
  const dataFolder = join(cluster.folder, 'peer2')
  await mkdir(dataFolder)
  for (const kind of kinds) {
    await mkdir(join(disk, kind))
    await symlink(join(disk, kind), join(dataFolder, kind))
  }
  return await cluster.startPeer('peer2', { dataFolder })
}

test('folders on another disk are written once, even if their staging folders were removed', async ({
  skip,
}) => {
  await using disk = await mountSmallDisk(64 * mebibyte)
  if (disk === undefined) return skip('this user may not mount a disk')
  await using cluster = await startCluster({ peers: 1, factor: 1, settings: quickSettings })
  const shared = join(cluster.peer(1).dataFolder, 'shared')
  const peer = await startOn(cluster, disk.path, ['shared', 'downloaded', 'replicated'])
  const received = (): Promise<number> => readMetric(peer, 'tandem_peer_received_bytes_total')
  const takesOnce = async (name: string, bytes: number): Promise<void> => {
    const { sha256 } = await aFile(shared, name, { bytes })
    using api = apiOf(peer)
    await expect.poll(() => api.lookup({ name })).toMatchObject({ files: [{ sha256 }] })
    const before = await received()
    expect(await downloadAndHash(peer, { name })).toMatchObject({ sha256OnDisk: sha256 })
    // And the chunk list.
    expect((await received()) - before).toBeLessThan(bytes + 1_000)
  }
  await takesOnce('large.bin', 5 * mebibyte)
  await takesOnce('small.bin', 1_000)
  await rm(join(disk.path, 'downloaded/.tandem'), { recursive: true })
  for (const folder of ['partial', 'incoming'])
    await rm(join(peer.dataFolder, '.tandem', folder), { recursive: true, force: true })
  await takesOnce('large again.bin', 5 * mebibyte)
  await takesOnce('small again.bin', 1_000)

  using api = apiOf(peer)
  const peers = await allPeers(api)
  const { freeBytes = 0 } = peers.find(({ peerId }) => peerId === 'peer2') ?? {}
  expect(freeBytes).toBeGreaterThan(0)
  // As of the last heartbeat, when the disk may still have been empty.
  expect(freeBytes).toBeLessThanOrEqual(64 * mebibyte)
}, 60_000)

test('a disk that treats two names as one, or refuses one, keeps what it can and reports the rest', async ({
  skip,
}) => {
  await using disk = await mountExfatDisk()
  if (disk === undefined) return skip('exFAT cannot be mounted here')
  await using cluster = await startCluster({ peers: 1, factor: 2, settings: quickSettings })
  const shared = join(cluster.peer(1).dataFolder, 'shared')
  const texts = { 'a.txt': 1_001, 'A.txt': 1_002, 'Dir/f': 1_003, 'dir/f': 1_004 }
  for (const [name, bytes] of Object.entries(texts)) await aFile(shared, name, { bytes })
  await aFile(shared, 'what?/file', { bytes: 1_005 })
  await aFile(shared, 'why?', { bytes: 2 * mebibyte })
  const peer = await startOn(cluster, disk.path, ['downloaded', 'replicated'])
  await copiesKnown(peer, 4)

  const replicas = join(disk.path, 'replicated/peer1')
  const files = (await readdir(replicas, { recursive: true, withFileTypes: true })).filter(
    (entry) => entry.isFile(),
  )
  const sizes = await Promise.all(
    files.map(async ({ parentPath, name }) => (await readFile(join(parentPath, name))).length),
  )
  expect(sizes.toSorted((one, other) => one - other)).toEqual([1_001, 1_002, 1_003, 1_004])
  using api = apiOf(peer)
  const { sources } = (await api.lookup({ name: 'A.txt' })).files[0] ?? {}
  expect(sources?.map(({ peerId }) => peerId)).toEqual(['peer1', 'peer2'])
  for (const name of ['what?/file', 'why?'])
    await expect(downloadAndHash(peer, { name }), name).rejects.toMatchObject({
      code: 'NAME_UNSUPPORTED',
    })
  expect(await downloadAndHash(peer, { name: 'dir/f' })).toMatchObject({ bytes: 1_004 })
}, 60_000)
