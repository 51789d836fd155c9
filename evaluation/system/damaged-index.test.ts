/** The database of the index is damaged. */
import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { aFile } from '../../common/testing/fixtures.ts'
import { apiOf, startCluster } from './cluster-fixture.ts'
import { quickSettings } from './quick-settings.ts'
import { readMetric } from './read-metric.ts'
import { runTandem } from './run-tandem.ts'

/** Overwrites a quarter of a file in its middle. */
async function damage(path: string): Promise<void> {
  const { size } = await stat(path)
  await using file = await open(path, 'r+')
  await file.write(Buffer.alloc(Math.ceil(size / 4), 0xa5), 0, undefined, Math.floor(size / 3))
}

test('an index whose database is damaged starts with a new one, which the peers fill', async () => {
  const names: string[] = []
  await using cluster = await startCluster({
    peers: 3,
    settings: quickSettings,
    prepare: async (peerId, folder) => {
      for (let number = 0; number < 40; number += 1)
        names.push((await aFile(folder, `${peerId}/${number}.txt`)).name)
    },
  })
  using api = apiOf(cluster.peer(1))
  const complete = { contents: names.length, belowFactor: 0 }
  await expect.poll(() => api.status()).toMatchObject(complete)
  const set = ['replication', 'set', 'peer1/**', '3', '--api', cluster.peer(1).apiUrl.origin]
  expect(await runTandem(set)).toMatchObject({ code: 0 })
  const { index } = cluster
  const keepers = 'tandem_index_decisions{peers="complete"}'
  await expect.poll(() => readMetric(index, keepers)).toBe(3)

  await index[Symbol.asyncDispose]()
  await damage(join(index.dataFolder, 'index.sqlite'))
  await index.start()

  expect(index.output.join('\n')).toContain('a database is unusable: a new one begins')
  expect(await readdir(index.dataFolder)).toContain('index.sqlite.damaged')
  await expect.poll(() => api.status()).toMatchObject(complete)
  for (const name of names)
    expect((await api.lookup({ name })).files[0]?.sources.length).toBeGreaterThanOrEqual(2)
  await expect
    .poll(async () => (await api.replicationRules()).rules.map(({ pattern }) => pattern))
    .toEqual(['peer1/**'])
})
