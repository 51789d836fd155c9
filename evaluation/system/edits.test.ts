/** Edits are cheap: holders and downloaders of an earlier version fetch only the chunks that changed. */
import { randomBytes } from 'node:crypto'
import { appendFile, open, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hashFile } from '../../common/content/hash.ts'
import { limits } from '../../common/limits.ts'
import { allVersions } from '../../peer/api/pages.ts'
import { apiOf, type Cluster, startCluster } from './cluster-fixture.ts'
import { quickSettings } from './quick-settings.ts'
import { readMetric } from './read-metric.ts'
import { runTandem } from './run-tandem.ts'

const megabyte = 1_000_000
const chunkBytes = limits.chunkBytesMin
const name = 'log.bin'

/** The content bytes and chunk lists that all peers have sent. */
async function sentBytes({ peers }: Cluster): Promise<number> {
  const sent = peers.map((peer) => readMetric(peer, 'tandem_peer_sent_bytes_total'))
  return (await Promise.all(sent)).reduce((sum, bytes) => sum + bytes, 0)
}

/** Waits until the present content of the owner's file has two copies. */
async function replicated(cluster: Cluster, path: string): Promise<void> {
  const { content } = await hashFile(path)
  using api = apiOf(cluster.peer(1))
  const copies = async (): Promise<unknown> =>
    (await allVersions(api, { name }).catch(() => ({ versions: [] }))).versions
      .filter(({ state }) => state === 'current')
      .map((version) => [version.sha256, version.copies])
  await expect.poll(copies, { timeout: 60_000 }).toEqual([[content.sha256, 2]])
}

test('six appends to a file of 100 MB, and a change in it, send the changed chunks', async () => {
  await using cluster = await startCluster({ peers: 2, settings: quickSettings })
  const [owner, holder] = [cluster.peer(1), cluster.peer(2)]
  const path = join(owner.dataFolder, 'shared', name)
  const size = 100 * megabyte
  await writeFile(path, randomBytes(size))
  await replicated(cluster, path)
  const listBytes = 32 * Math.ceil((size + 1_000) / chunkBytes)
  let before = await sentBytes(cluster)
  for (let append = 0; append < 6; append += 1) {
    await appendFile(path, `line ${append}  \n`)
    await replicated(cluster, path)
  }
  expect((await sentBytes(cluster)) - before).toBeLessThanOrEqual(6 * (chunkBytes + listBytes))

  before = await sentBytes(cluster)
  const file = await open(path, 'r+')
  await file.write('changed', 40 * megabyte)
  await file.close()
  await replicated(cluster, path)
  expect((await sentBytes(cluster)) - before).toBeLessThanOrEqual(chunkBytes + listBytes)

  const replica = join(holder.dataFolder, 'replicated', owner.name, name)
  expect((await readFile(replica)).equals(await readFile(path))).toBe(true)
  const reused = await readMetric(holder, 'tandem_peer_reused_bytes_total')
  expect(reused).toBeGreaterThan(7 * 98 * megabyte)
})

test('a download, at a peer or without one, uses the earlier version and says so', async () => {
  await using cluster = await startCluster({ peers: 1, factor: 1, settings: quickSettings })
  const owner = cluster.peer(1)
  const reader = await cluster.startPeer()
  const path = join(owner.dataFolder, 'shared', name)
  const bytes = randomBytes(20 * megabyte)
  await writeFile(path, bytes)
  using api = apiOf(owner)
  const known = async (size: number): Promise<void> =>
    await expect
      .poll(async () => (await api.lookup({ name }).catch(() => undefined))?.files[0]?.size)
      .toBe(size)
  await known(bytes.length)
  const words = ['download', name, '--api', reader.apiUrl.origin]
  const first = await runTandem(words)
  expect(first.code, first.stderr).toBe(0)
  const before = await sentBytes(cluster)
  await appendFile(path, 'more')
  await known(bytes.length + 4)
  const second = await runTandem(words)
  expect(second, second.stderr).toMatchObject({ code: 0 })
  expect(second.stdout).toContain('19.92 MB reused from other files here')
  expect((await sentBytes(cluster)) - before).toBeLessThanOrEqual(chunkBytes + 32 * 20)
  const downloaded = join(reader.dataFolder, 'downloaded')
  expect((await readFile(join(downloaded, name))).equals(bytes)).toBe(true)
  expect((await stat(join(downloaded, 'log (2).bin'))).size).toBe(bytes.length + 4)

  const target = join(cluster.folder, name)
  await writeFile(target, bytes)
  const sentBefore = await sentBytes(cluster)
  const direct = ['--index', `127.0.0.1:${cluster.index.port}`, '-o', target, '--replace']
  const replaced = await runTandem(['download', name, ...direct])
  expect(replaced, replaced.stderr).toMatchObject({ code: 0 })
  expect(replaced.stdout).toContain('19.92 MB reused from other files here')
  expect((await readFile(target)).equals(await readFile(path))).toBe(true)
  expect((await sentBytes(cluster)) - sentBefore).toBeLessThanOrEqual(chunkBytes + 32 * 20)
})
