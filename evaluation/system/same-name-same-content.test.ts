/** Downloads of one content under two names, beside its replication, and of two contents under one name. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hashFile } from '../../common/content/hash.ts'
import { aFile } from '../../common/testing/fixtures.ts'
import { apiOf, startCluster } from './cluster-fixture.ts'
import { downloadAndHash } from './download-check.ts'
import { startGatedPeer } from './gate.ts'
import { endOf, leftBehind } from './held-download.ts'
import { quickSettings } from './quick-settings.ts'
import type { TandemProcess } from './tandem-process.ts'

const bytes = 12 * 2 ** 20
/** Where transfers are held, so that they run at the same time. */
const passedBytes = bytes / 4

/** peer1, behind a gate, with these files, and peer2 with nothing. */
async function startWorld(factor: number, names: readonly string[]) {
  await using starting = new AsyncDisposableStack()
  const cluster = starting.use(await startCluster({ peers: 0, factor, settings: quickSettings }))
  const { peer: source, gate } = await startGatedPeer(cluster, 'peer1')
  gate.closeAfter(passedBytes)
  const peer = await cluster.startPeer()
  const shared = join(source.dataFolder, 'shared')
  let sha256 = ''
  for (const name of names) ({ sha256 } = await aFile(shared, name, { bytes, seed: 'same' }))
  using api = apiOf(peer)
  for (const name of names)
    await expect.poll(() => api.lookup({ name })).toMatchObject({ files: [{ sha256 }] })
  const stack = starting.move()
  return { cluster, gate, peer, sha256, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

async function downloadedHash({ dataFolder }: TandemProcess, name: string): Promise<string> {
  const { content } = await hashFile(join(dataFolder, 'downloaded', name))
  return content.sha256
}

test('two downloads of one content at the same time, under two names, both end well', async () => {
  const names = ['first.bin', 'second.bin']
  await using world = await startWorld(1, names)
  const { gate, peer, sha256 } = world
  using api = apiOf(peer)
  const started = await Promise.all(names.map((name) => api.startDownload({ name })))
  await gate.blocked
  gate.open()
  for (const download of started)
    expect(await endOf(peer, download)).toMatchObject({ state: 'done', result: { bytes, sha256 } })
  for (const name of names) expect(await downloadedHash(peer, name)).toBe(sha256)
  expect((await leftBehind(peer)).unfinished).toEqual([])
})

test('a download of a content that is being replicated to the same peer succeeds, and so does the copy', async () => {
  await using world = await startWorld(2, ['large.bin'])
  const { gate, peer, sha256 } = world
  using api = apiOf(peer)
  // The task holds its transfer at the gate; the download joins it there.
  await gate.blocked
  const download = await api.startDownload({ name: 'large.bin' })
  gate.open()
  expect(await endOf(peer, download)).toMatchObject({ state: 'done', result: { bytes, sha256 } })
  expect(await downloadedHash(peer, 'large.bin')).toBe(sha256)
  await expect.poll(() => api.status()).toMatchObject({ contents: 1, belowFactor: 0 })
  await expect.poll(async () => (await leftBehind(peer)).unfinished).toEqual([])
})

test('what has the name of a download already is never overwritten', async () => {
  const prepare = async (peerId: string, folder: string): Promise<void> => {
    if (peerId !== 'peer3') await aFile(folder, 'notes.txt', { bytes: 5_000, seed: peerId })
  }
  const options = { peers: 3, factor: 1, settings: quickSettings, prepare }
  await using cluster = await startCluster(options)
  const peer = cluster.peer(3)
  using api = apiOf(peer)
  await expect.poll(async () => (await api.lookup({ name: 'notes.txt' })).files).toHaveLength(2)
  const [first, second] = (await api.lookup({ name: 'notes.txt' })).files.map(
    ({ sha256 }) => sha256,
  )
  const download = (sha256 = '') => downloadAndHash(peer, { name: 'notes.txt', sha256 })
  const pathOf = (name: string): string => join(peer.dataFolder, 'downloaded', name)

  expect(await download(first)).toMatchObject({ path: pathOf('notes.txt'), sha256OnDisk: first })
  const other = { path: pathOf('notes (2).txt'), sha256OnDisk: second }
  expect(await download(second)).toMatchObject(other)
  expect(await downloadedHash(peer, 'notes.txt')).toBe(first)

  // Its user modifies it; then it is no longer the downloaded content.
  await writeFile(pathOf('notes.txt'), 'my own words')
  expect(await download(first)).toMatchObject({ sha256OnDisk: first })
  expect(await readFile(pathOf('notes.txt'), 'utf8')).toBe('my own words')
  expect(await downloadedHash(peer, 'notes (2).txt')).toBe(second)
})
