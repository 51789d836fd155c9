/**
 * The fuzzer on a real cluster: every route gets valid, nearly valid and hostile requests. Beside the data
 * folders lies a file that no path may reach; afterwards nothing has changed there, the peers still run, and
 * what they share is still found.
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { aFile } from '../../common/testing/fixtures.ts'
import { describeFault, fuzzApi } from '../fuzz/fuzz-api.ts'
import { apiOf, startCluster } from './cluster-fixture.ts'
import { quickSettings } from './quick-settings.ts'

const names = ['a.txt', 'photos/b.jpg', 'photos/2026/c.jpg', 'ünï cödé.txt']
const canary = 'canary-5b1e1d7c'
// oxlint-disable-next-line no-restricted-properties -- to repeat or vary a run
const seedOfRun = Number(process.env['FUZZ_SEED'] ?? 20_261_129)
// oxlint-disable-next-line no-restricted-properties -- as above
const requestsOfRun = Number(process.env['FUZZ_REQUESTS'] ?? 1_000)

test('the API answers every request in time, as documented, and from its own folders', async () => {
  const [seed, requests] = [seedOfRun, requestsOfRun]
  await using cluster = await startCluster({
    peers: 2,
    settings: quickSettings,
    prepare: async (_peerId, folder) => {
      for (const name of names) await aFile(folder, name, { bytes: 3_000 })
    },
  })
  const outside = join(cluster.folder, 'outside')
  await mkdir(outside)
  await writeFile(join(outside, 'canary.txt'), canary)
  const peer = cluster.peer(1)
  using api = apiOf(peer)
  await expect.poll(async () => (await api.lookup({ name: 'a.txt' })).files).toHaveLength(1)
  const before = await readdir(cluster.folder)
  const token = (await readFile(join(peer.dataFolder, '.tandem', 'token'), 'utf8')).trim()

  const world = { names, peerIds: ['peer1', 'peer2'] }
  const secrets = [canary, token, 'root:x:0:0']
  const report = await fuzzApi({ url: peer.apiUrl, seed, requests, world, secrets })
  const faults = report.faults.map(describeFault)
  console.log(`seed ${seed}: ${requests} requests, ${faults.length} faults`)
  expect(faults.slice(0, 10), `seed ${seed}, ${faults.length} faults`).toEqual([])
  expect(report.succeeded.size).toBeGreaterThan(20)

  expect(await readdir(cluster.folder)).toEqual(before)
  expect(await readdir(outside)).toEqual(['canary.txt'])
  expect(await readFile(join(outside, 'canary.txt'), 'utf8')).toBe(canary)
  for (const process of [cluster.index, ...cluster.peers]) expect(process.isRunning).toBe(true)
  await api.status()
})

test('a peer that other machines can reach refuses every request without its token', async () => {
  await using cluster = await startCluster({
    peers: 0,
    settings: quickSettings,
    prepare: async (_peerId, folder) => {
      for (const name of names) await aFile(folder, name, { bytes: 3_000 })
    },
  })
  const peer = await cluster.startPeer('peer1', {
    flags: ['--http-host', '0.0.0.0', '--insecure'],
  })
  const tokenFile = join(peer.dataFolder, '.tandem', 'token')
  const token = (await readFile(tokenFile, 'utf8')).trim()
  const shared = join(peer.dataFolder, 'shared')
  const before = await readdir(shared, { recursive: true })
  const { url, seed, world, secrets } = {
    url: peer.apiUrl,
    seed: seedOfRun,
    world: { names, peerIds: ['peer1'] },
    secrets: [token, 'root:x:0:0'],
  }
  const requests = Math.ceil(requestsOfRun / 3)
  const outside = await fuzzApi({ url, seed, requests, world, token, isLockedOut: true, secrets })
  expect(outside.faults.map(describeFault).slice(0, 10), `seed ${seed}`).toEqual([])
  expect(outside.statuses.get(401)).toBeGreaterThan(requests / 2)
  expect(
    [...outside.succeeded].filter((id) => !['healthz', 'readyz', 'logOut'].includes(id)),
  ).toEqual([])
  expect(await readdir(shared, { recursive: true })).toEqual(before)

  const inside = await fuzzApi({ url, seed, requests, world, token, secrets })
  expect(inside.faults.map(describeFault).slice(0, 10), `seed ${seed}`).toEqual([])
  expect(inside.succeeded.size).toBeGreaterThan(20)
  expect(peer.isRunning).toBe(true)
})
