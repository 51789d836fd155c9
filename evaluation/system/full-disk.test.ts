/** A peer whose disk is full says so, keeps good data, and recovers. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, type TestContext, test } from 'vitest'
import { aFile } from '../../common/testing/fixtures.ts'
import { apiOf, type Cluster, startCluster } from './cluster-fixture.ts'
import { downloadAndHash } from './download-check.ts'
import { fillDisk } from './fill-disk.ts'
import { type Gate, startGatedPeer } from './gate.ts'
import { quickSettings } from './quick-settings.ts'
import { readMetric } from './read-metric.ts'
import { runTandem } from './run-tandem.ts'
import { mountSmallDisk } from './small-disk.ts'
import type { TandemProcess } from './tandem-process.ts'

const mebibyte = 2 ** 20

interface World extends AsyncDisposable {
  readonly cluster: Cluster
  readonly source: TandemProcess
  readonly gate: Gate
  /** The peer with the small disk. */
  readonly peer: TandemProcess
  readonly disk: string
}

/** A peer that shares, and one with a disk of 16 MiB. */
async function startWorld({ skip }: TestContext): Promise<World> {
  await using starting = new AsyncDisposableStack()
  const disk = starting.use(await mountSmallDisk(16 * mebibyte))
  if (disk === undefined) return skip('this user may not mount a small disk')
  const cluster = starting.use(await startCluster({ peers: 0, factor: 1, settings: quickSettings }))
  const { peer: source, gate } = await startGatedPeer(cluster, 'peer1')
  const peer = await cluster.startPeer('peer2', { dataFolder: join(disk.path, 'data') })
  const stack = starting.move()
  return {
    cluster,
    source,
    gate,
    peer,
    disk: disk.path,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

async function share({ source, cluster }: World, name: string, bytes: number) {
  const file = await aFile(join(source.dataFolder, 'shared'), name, { bytes })
  using api = apiOf(cluster.peer(2))
  await expect.poll(() => api.lookup({ name })).toMatchObject({ files: [{ sha256: file.sha256 }] })
  return file
}

async function expectNothingLeft({ dataFolder }: TandemProcess): Promise<void> {
  for (const folder of ['downloaded', 'shared', '.tandem/partial', '.tandem/incoming'])
    expect(await readdir(join(dataFolder, folder)), folder).toEqual([])
}

test('a file that is larger than the disk is refused before a byte of it comes', async (context) => {
  await using world = await startWorld(context)
  const { peer } = world
  const { name, path } = await share(world, 'too large.bin', 32 * mebibyte)
  const api = peer.apiUrl.origin
  for (const words of [
    ['download', name],
    ['push', path],
  ]) {
    const { code, stdout, stderr } = await runTandem([...words, '--api', api])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(
      /^DISK_FULL: The disk of .+ is full: \d+ bytes are needed\. Free some space and try again\.\n$/,
    )
  }
  await expectNothingLeft(peer)
  const small = await share(world, 'small.bin', mebibyte + 1)
  expect(await downloadAndHash(peer, { name: small.name })).toMatchObject({
    sha256OnDisk: small.sha256,
  })
})

test('a disk that fills up during a download pauses it, and it resumes when there is space', async (context) => {
  await using world = await startWorld(context)
  const { peer, gate, disk } = world
  const { name, sha256 } = await share(world, 'large.bin', 10 * mebibyte)
  gate.closeAfter(3 * mebibyte)
  using api = apiOf(peer)
  const { id } = await api.startDownload({ name })
  await gate.blocked
  await expect.poll(async () => (await api.download({ id, waitMs: 0 })).bytes).toBeGreaterThan(0)
  const filler = await fillDisk(disk)
  gate.open()
  const paused = { state: 'paused', error: { code: 'DISK_FULL' } }
  const first = await api.download({ id, waitMs: 30_000 })
  expect(first).toMatchObject(paused)
  expect(first.bytes).toBeGreaterThan(0)
  expect(await api.status()).toMatchObject({ peers: { live: 2 } })

  const before = await readMetric(peer, 'tandem_peer_received_bytes_total')
  await api.resumeDownload({ id })
  expect(await api.download({ id, waitMs: 30_000 })).toMatchObject({
    ...paused,
    bytes: first.bytes,
  })
  await rm(filler)
  await api.resumeDownload({ id })
  const { result } = await api.download({ id, waitMs: 30_000 })
  expect(result).toMatchObject({ bytes: 10 * mebibyte, sha256 })
  const received = (await readMetric(peer, 'tandem_peer_received_bytes_total')) - before
  expect(received).toBeLessThanOrEqual(10 * mebibyte - first.bytes)
  expect(await downloadAndHash(peer, { name })).toMatchObject({ sha256OnDisk: sha256 })
  expect(await readdir(join(peer.dataFolder, '.tandem', 'partial'))).toEqual([])
})
