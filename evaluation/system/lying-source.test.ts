/** Sources that send wrong bytes: none of them ever counts. */
import assert from 'node:assert/strict'
import { open, readdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hasCode } from '../../common/errors.ts'
import { seededRandom } from '../../common/random.ts'
import { contentOf, type TestContent } from '../../common/testing/contents.ts'
import { aFile } from '../../common/testing/fixtures.ts'
import { apiOf, type Cluster, startCluster } from './cluster-fixture.ts'
import { downloadAndHash } from './download-check.ts'
import { startHostilePeer } from './hostile-peer.ts'
import { quickSettings } from './quick-settings.ts'
import type { TandemProcess } from './tandem-process.ts'

const bytes = 3 * 2 ** 20 + 1
/** Whole seconds, which can be restored exactly. */
const modifiedSeconds = 1_750_000_000

/** Flips a byte of a file, keeping its size and time, while its peer is suspended. */
async function flipByte({ pid }: TandemProcess, path: string, position: number): Promise<void> {
  assert(pid !== undefined)
  process.kill(pid, 'SIGSTOP')
  try {
    await using file = await open(path, 'r+')
    const byte = Buffer.alloc(1)
    await file.read(byte, 0, 1, position)
    await file.write(Buffer.from([~(byte[0] ?? 0) & 0xff]), 0, 1, position)
    await file.utimes(modifiedSeconds, modifiedSeconds)
  } finally {
    process.kill(pid, 'SIGCONT')
  }
}

async function oldFile(peer: TandemProcess, name: string, size = bytes) {
  const file = await aFile(join(peer.dataFolder, 'shared'), name, { bytes: size })
  await utimes(file.path, modifiedSeconds, modifiedSeconds)
  return file
}

async function downloadedBy({ dataFolder }: TandemProcess): Promise<string[]> {
  return await readdir(join(dataFolder, 'downloaded'))
}

async function errorOf(download: Promise<unknown>): Promise<Error | undefined> {
  return await download.then(
    () => undefined,
    (error: unknown) => error as Error,
  )
}

async function untilShared(cluster: Cluster, contents: number): Promise<void> {
  using api = apiOf(cluster.peer(1))
  await expect.poll(() => api.status()).toMatchObject({ contents, belowFactor: 0 })
}

test('if one source lies, the file comes from the other, and is correct', async () => {
  await using cluster = await startCluster({ peers: 3, settings: quickSettings })
  const liar = cluster.peer(1)
  const { name, sha256, path } = await oldFile(liar, 'contract.pdf')
  await untilShared(cluster, 1)
  using api = apiOf(liar)
  const [file] = (await api.lookup({ name })).files
  // The source that is asked first.
  expect(file?.sources.map(({ peerId }) => peerId)[0]).toBe(liar.name)
  const stranger = cluster.peers.find((peer) =>
    file?.sources.every(({ peerId }) => peerId !== peer.name),
  )
  assert(stranger !== undefined)
  await flipByte(liar, path, 2 ** 20 + 5)

  const download = await downloadAndHash(stranger, { name, sha256 })
  expect(download).toMatchObject({ sha256, sha256OnDisk: sha256 })
  expect(download.sources.map(({ peerId }) => peerId)).toContain(file?.sources[1]?.peerId)
})

/** A content, and a peer's copy with an undetected bit error. */
function damaged(size: number, position: number): { truth: TestContent; lie: TestContent } {
  const truth = contentOf(seededRandom('contract').bytes(size))
  const bytesOfLie = Buffer.from(truth.bytes)
  bytesOfLie[position] = ~(bytesOfLie[position] ?? 0) & 0xff
  return { truth, lie: { ...truth, bytes: bytesOfLie } }
}

const name = 'contract.pdf'

async function startLiar(cluster: Cluster, { truth, lie }: ReturnType<typeof damaged>) {
  const liar = await startHostilePeer({ peerId: 'liar', indexPort: cluster.index.port }, lie)
  const { content } = truth
  const reply = await liar.announce({ op: 'put', kind: 'shared', name, ...content, modifiedMs: 1 })
  expect(reply).toHaveProperty('body')
  return liar
}

test.each([
  ['one chunk', 5_000, 17, 0],
  ['several chunks', bytes, bytes - 1, 2],
])('with a lying source alone nothing is moved into place: %s', async (_, size, position, kept) => {
  await using cluster = await startCluster({ peers: 1, factor: 1, settings: quickSettings })
  const victim = cluster.peer(1)
  await using _liar = await startLiar(cluster, damaged(size, position))
  const error = await errorOf(downloadAndHash(victim, { name }))
  assert(hasCode(error, 'NO_SOURCE'))
  expect(error.message).toMatch(
    /liar @ 127\.0\.0\.1:\d+ sent wrong bytes for chunk \d+ of 'contract\.pdf'/,
  )
  expect(await downloadedBy(victim)).toEqual([])
  // The correct chunks, and their journal, wait for a better source.
  expect(await readdir(join(victim.dataFolder, '.tandem', 'partial'))).toHaveLength(kept)
})

test('a copy of a lie is not made, and does not count', async () => {
  await using cluster = await startCluster({ peers: 1, settings: quickSettings })
  const keeper = cluster.peer(1)
  await using _liar = await startLiar(cluster, damaged(bytes, 0))
  using api = apiOf(keeper)
  const accused = (): readonly string[] =>
    cluster.index.output.filter((line) => line.includes('peer accused of wrong bytes'))
  await expect.poll(accused).not.toEqual([])
  await expect.poll(async () => (await api.why({ name })).contents[0]?.missing).not.toEqual([])
  expect(await readdir(join(keeper.dataFolder, 'replicated'), { recursive: true })).toEqual([])
  expect(await api.status()).toMatchObject({ contents: 1, belowFactor: 1 })
  expect((await api.search({ q: '', limit: 9 })).files).toMatchObject([{ name, copies: 0 }])
})

test('a peer that is accused without reason proves itself, and its copy counts again', async () => {
  await using cluster = await startCluster({ peers: 2, settings: quickSettings })
  const { sha256 } = await oldFile(cluster.peer(1), name)
  await untilShared(cluster, 1)
  const { port } = cluster.index
  await using liar = await startHostilePeer({ peerId: 'liar', indexPort: port }, damaged(1, 0).lie)
  const copies = async (): Promise<unknown> =>
    (await liar.request('search', { query: name, limit: 1 })).body
  const { pid } = cluster.peer(1)
  assert(pid !== undefined)
  process.kill(pid, 'SIGSTOP')
  await liar.request('accuse', { peerId: 'peer1', sha256 })
  expect(await copies()).toMatchObject({ files: [{ copies: 1 }] })
  process.kill(pid, 'SIGCONT')
  await expect.poll(copies).toMatchObject({ files: [{ copies: 2 }] })
  using api = apiOf(cluster.peer(2))
  await expect.poll(() => api.status()).toMatchObject({ contents: 1, belowFactor: 0 })
})

test('a peer that claims the SHA-256 of a file for other chunks does not keep it from others', async () => {
  await using cluster = await startCluster({ peers: 2, factor: 1, settings: quickSettings })
  const { name, sha256 } = await oldFile(cluster.peer(1), 'contract.pdf')
  const lie = contentOf(seededRandom('lie').bytes(bytes))
  const { port } = cluster.index
  await using liar = await startHostilePeer({ peerId: 'liar', indexPort: port }, lie)
  const put = { op: 'put', kind: 'shared', name, sha256, size: bytes, modifiedMs: 2e12 }
  expect(await liar.announce({ ...put, chunkRoot: lie.content.chunkRoot })).toHaveProperty('body')
  using api = apiOf(cluster.peer(2))
  await expect.poll(async () => (await api.lookup({ name })).files).toHaveLength(2)
  // The newer claim is tried first.
  expect((await api.lookup({ name })).files[0]?.sources).toMatchObject([{ peerId: 'liar' }])

  expect(await downloadAndHash(cluster.peer(2), { name, sha256 })).toMatchObject({
    sha256OnDisk: sha256,
  })
})
