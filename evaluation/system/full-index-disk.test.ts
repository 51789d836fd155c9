/**
 * An index whose disk is full answers, says what is wrong, and recovers by itself when there is
 * space.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { aFile } from '../../common/testing/fixtures.ts'
import { apiOf, startCluster } from './cluster-fixture.ts'
import { fillDisk } from './fill-disk.ts'
import { quickSettings } from './quick-settings.ts'
import { readMetric } from './read-metric.ts'
import { runTandem } from './run-tandem.ts'
import { mountSmallDisk } from './small-disk.ts'
import type { TandemProcess } from './tandem-process.ts'

const mebibyte = 2 ** 20

async function healthOf(index: TandemProcess): Promise<{ code: number; body: unknown }> {
  const response = await fetch(new URL('/healthz', index.apiUrl))
  return { code: response.status, body: await response.json() }
}

test('an index with a full disk answers all peers, and records what it missed when there is space', async ({
  skip,
}) => {
  await using disk = await mountSmallDisk(4 * mebibyte)
  if (disk === undefined) return skip('this user may not mount a small disk')
  const indexFolder = join(disk.path, 'index')
  await using cluster = await startCluster({ peers: 1, indexFolder, settings: quickSettings })
  const { index } = cluster
  const peer1 = cluster.peer(1)
  const peer2 = await cluster.startPeer('peer2')
  using api2 = apiOf(peer2)
  const shared = join(peer1.dataFolder, 'shared')
  await aFile(shared, 'before.txt', { bytes: 10 })
  const found = { files: [{ sources: [{}, {}] }] }
  await expect
    .poll(() => api2.lookup({ name: 'before.txt' }), { timeout: 20_000 })
    .toMatchObject(found)
  expect(await healthOf(index)).toEqual({ code: 200, body: { status: 'ok' } })

  const filler = await fillDisk(disk.path)
  const file = await aFile(shared, 'while full.txt', { bytes: 10 })
  const degraded = { status: 'degraded', reason: expect.stringMatching(/full/) as unknown }
  await expect
    .poll(() => healthOf(index), { timeout: 20_000 })
    .toEqual({ code: 200, body: degraded })
  expect((await fetch(new URL('/readyz', index.apiUrl))).status).toBe(503)
  expect(await readMetric(index, 'tandem_index_database_writable')).toBe(0)

  // A restarted peer is known, even with a new run of its catalog.
  await peer2.kill('SIGKILL')
  await peer2.restart()
  const address = `127.0.0.1:${index.port}`
  const read = await runTandem(['cat', 'before.txt', '--index', address])
  expect([read.code, read.stdout.length]).toEqual([0, 10])
  await expect
    .poll(() => api2.lookup({ name: 'before.txt' }), { timeout: 20_000 })
    .toMatchObject(found)
  await expect
    .poll(() => api2.status(), { timeout: 20_000 })
    .toMatchObject({
      peers: { live: 2, dead: 0 },
      degraded: degraded.reason,
    })
  expect(await api2.search({ q: 'before', limit: 5 })).toMatchObject({
    files: [{ name: 'before.txt' }],
  })
  const { code, stderr } = await runTandem(['unshare', 'before.txt', '--api', peer1.apiUrl.origin])
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^DISK_FAILED: .*full/)])

  await rm(filler)
  await expect
    .poll(() => api2.lookup({ name: file.name }), { timeout: 30_000 })
    .toMatchObject(found)
  await expect
    .poll(() => healthOf(index), { timeout: 20_000 })
    .toEqual({ code: 200, body: { status: 'ok' } })
  expect(await readMetric(index, 'tandem_index_database_writable')).toBe(1)

  // An index that starts on a full disk answers, too.
  await index.kill('SIGKILL')
  await fillDisk(disk.path)
  await index.start()
  await expect
    .poll(() => api2.lookup({ name: file.name }), { timeout: 20_000 })
    .toMatchObject(found)
}, 150_000)
