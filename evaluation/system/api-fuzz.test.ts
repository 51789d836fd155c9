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

test('the API answers every request in time, as documented, and from its own folders', async () => {
  // oxlint-disable-next-line no-restricted-properties -- to repeat or vary a run
  const seed = Number(process.env['FUZZ_SEED'] ?? 20_261_129)
  // oxlint-disable-next-line no-restricted-properties -- as above
  const requests = Number(process.env['FUZZ_REQUESTS'] ?? 1_000)
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
