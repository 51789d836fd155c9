/** The index is killed and loses its disk: what people decided is back with the peers. */
import { rm } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { aFile } from '../../common/testing/fixtures.ts'
import { apiOf, type Cluster, startCluster } from './cluster-fixture.ts'
import { quickSettings } from './quick-settings.ts'
import { readMetric } from './read-metric.ts'
import { runTandem } from './run-tandem.ts'
import type { TandemProcess } from './tandem-process.ts'

async function type(peer: TandemProcess, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await runTandem([...words, '--api', peer.apiUrl.origin])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}

async function untilAllKeepDecisions({ index }: Cluster, peers: number): Promise<void> {
  const series = (which: string): string => `tandem_index_decisions{peers="${which}"}`
  await expect
    .poll(async () => [
      await readMetric(index, series('complete')),
      await readMetric(index, series('behind')),
    ])
    .toEqual([peers, 0])
}

test('rules stay, and a file that was unshared while its holder was away does not return', async () => {
  await using cluster = await startCluster({
    peers: 3,
    factor: 3,
    settings: quickSettings,
    prepare: async (peerId, folder) => {
      if (peerId !== 'peer1') return
      for (const name of ['secret.txt', 'photos/a.txt']) await aFile(folder, name)
    },
  })
  const [owner, holder, other] = [cluster.peer(1), cluster.peer(2), cluster.peer(3)]
  using api = apiOf(owner)
  await expect.poll(() => api.status()).toMatchObject({ contents: 2, belowFactor: 0 })
  await type(owner, 'replication', 'set', 'photos/**', '2')
  await type(owner, 'replication', 'set', 'gone', '5')
  await untilAllKeepDecisions(cluster, 3)

  await holder.kill('SIGKILL')
  await type(owner, 'unshare', 'secret.txt')
  await type(owner, 'replication', 'unset', 'gone')
  await untilAllKeepDecisions(cluster, 2)

  // The owner, whose catalog knows that the file is unshared, loses its disk as well.
  await Promise.all([cluster.index.kill('SIGKILL'), owner.kill('SIGKILL')])
  await rm(cluster.index.dataFolder, { recursive: true })
  await rm(owner.dataFolder, { recursive: true })
  await cluster.index.start()
  await holder.start()
  using held = apiOf(holder)
  await expect.poll(() => held.status()).toMatchObject({ peers: { live: 2 } })
  await untilAllKeepDecisions(cluster, 2)
  expect(await type(other, 'replication', 'list')).toMatch(/^photos\/\*\* +2 /m)
  expect(await type(holder, 'replication', 'list')).not.toContain('gone')
  await expect.poll(() => held.status()).toMatchObject({ contents: 1, belowFactor: 0 })
  const { files } = await held.search({ q: '', limit: 100 })
  expect(files.map(({ name }) => name)).toEqual(['photos/a.txt'])
  // Once the brake is off, its copies are dropped.
  await type(holder, 'replication', 'resume')
  const replicas = async (): Promise<string[]> => {
    const listed = await held.list({ kind: 'replicated', limit: 100 })
    return listed.files.map(({ name }) => name)
  }
  await expect.poll(replicas).toEqual(['photos/a.txt'])
})
