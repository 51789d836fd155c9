/** The main use case, for users and programs: one index, three peers, files that come and go. */
import { access, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aFile, type FileFixture } from '../../common/testing/fixtures.ts'
import type { Download, Downloaded } from '../../peer/api/download-shapes.ts'
import type { Lookup } from '../../peer/api/file-shapes.ts'
import type { HttpPeer } from '../../peer/api/http-peer.ts'
import { apiOf, type Cluster, startCluster } from './cluster-fixture.ts'
import { downloadAndHash } from './download-check.ts'
import { quickSettings } from './quick-settings.ts'
import { readMetric } from './read-metric.ts'
import { type Ended, runTandem } from './run-tandem.ts'
import type { TandemProcess } from './tandem-process.ts'

let cluster: Cluster
let apis: HttpPeer[]

// One cluster for all: each test uses its own names.
beforeAll(async () => {
  cluster = await startCluster({ peers: 3, settings: quickSettings })
  apis = cluster.peers.map(apiOf)
})

afterAll(async () => {
  for (const api of apis) api[Symbol.dispose]()
  await cluster[Symbol.asyncDispose]()
})

function peer(number: number): TandemProcess {
  return cluster.peer(number)
}

function api(number: number): HttpPeer {
  return apis[number - 1] as HttpPeer
}

function shared(number: number): string {
  return join(peer(number).dataFolder, 'shared')
}

/** A client command for a peer; returns its --json output. */
async function tandem(number: number, ...words: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await run(number, ...words, '--json')
  expect([code, stderr], words.join(' ')).toEqual([0, ''])
  return JSON.parse(stdout)
}

async function run(number: number, ...words: string[]): Promise<Ended> {
  return await runTandem([...words, '--api', peer(number).apiUrl.origin])
}

/** Resolves when `count` peers have the content under this name; returns their ids. */
async function copiesOf({ name, sha256 }: Pick<FileFixture, 'name' | 'sha256'>, count = 2) {
  const holders = async (): Promise<string[]> => {
    const { files } = await api(1).lookup({ name })
    const sources = files.find((file) => file.sha256 === sha256)?.sources ?? []
    return sources.map(({ peerId }) => peerId)
  }
  await expect.poll(holders, { message: `copies of ${name}` }).toHaveLength(count)
  return await holders()
}

/** The number of a peer with, or without, a copy. */
function other(holders: readonly string[], owner: number): { holder: number; stranger: number } {
  const [holder, stranger] = [1, 2, 3].filter((number) => number !== owner)
  if (holder === undefined || stranger === undefined) throw new Error('there are three peers')
  return holders.includes(peer(holder).name)
    ? { holder, stranger }
    : { holder: stranger, stranger: holder }
}

const decomposed = 'Übersicht/café ☕.txt'.normalize('NFD')

test.each([
  ['empty.bin', 0],
  ['one byte.txt', 1],
  ['a whole chunk.bin', 2 ** 20],
  ['a folder/and one below/3 MiB + 1.bin', 3 * 2 ** 20 + 1],
  [decomposed, 5_000],
])(
  '%s of %i bytes gets a second copy automatically, and every peer can fetch it',
  async (given, bytes) => {
    const { sha256, path } = await aFile(shared(1), given, { bytes })
    const name = given.normalize('NFC')
    const { holder, stranger } = other(await copiesOf({ name, sha256 }), 1)
    const replica = join(peer(holder).dataFolder, 'replicated', 'peer1', name)
    expect(await readFile(replica)).toEqual(await readFile(path))

    const found = (await tandem(stranger, 'lookup', given)) as Lookup
    expect(found).toMatchObject({ name, files: [{ sha256, size: bytes }] })
    const downloaded = (await tandem(stranger, 'download', given)) as Downloaded
    expect(downloaded).toMatchObject({ name, bytes, sha256 })
    expect(downloaded.path).toBe(join(peer(stranger).dataFolder, 'downloaded', name))
    expect(await readFile(downloaded.path)).toEqual(await readFile(path))
  },
)

test('the HTTP API looks up and downloads', async () => {
  const { name, sha256, size } = await aFile(shared(2), 'over http.txt')
  const { stranger } = other(await copiesOf({ name, sha256 }), 2)
  const { origin } = peer(stranger).apiUrl
  const looked = await fetch(`${origin}/api/lookup?name=${encodeURIComponent(name)}`)
  expect(await looked.json()).toMatchObject({ name, files: [{ sha256, size }] })

  const started = await fetch(`${origin}/api/downloads`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, sha256 }),
  })
  expect(started.status).toBe(202)
  const { id } = (await started.json()) as Download
  const followed = await fetch(`${origin}/api/downloads/${id}?waitMs=30000`)
  const download = (await followed.json()) as Download
  expect(download).toMatchObject({ state: 'done', result: { name, sha256, bytes: size } })
})

test('search finds names by a case-insensitive substring, and by a glob', async () => {
  const names = ['search/Alpha.txt', 'search/alphabet.md', 'search/deep/beta.txt']
  for (const name of names) await aFile(shared(1), name)
  const search = async (query: string): Promise<string[]> => {
    const rows = (await tandem(2, 'search', query)) as { name: string }[]
    return rows.map(({ name }) => name).toSorted()
  }
  await expect
    .poll(async () => (await api(2).search({ q: 'search/', limit: 10 })).files.length)
    .toBe(3)
  expect(await search('ALPHA')).toEqual(['search/Alpha.txt', 'search/alphabet.md'])
  expect(await search('search/*.txt')).toEqual(['search/Alpha.txt'])
  expect(await search('search/**/*.txt')).toEqual(['search/Alpha.txt', 'search/deep/beta.txt'])
})

test('push --wait returns when the file has all its copies', async () => {
  const { path, sha256 } = await aFile(cluster.folder, 'pushed.bin', { bytes: 2 ** 20 + 7 })
  const pushed = await tandem(3, 'push', path, '--name', 'inbox/pushed.bin', '--wait')
  expect(pushed).toMatchObject({ name: 'inbox/pushed.bin', sha256, copies: 2 })
  const { files } = await api(1).lookup({ name: 'inbox/pushed.bin' })
  expect(files).toMatchObject([{ sha256, sources: [{ kind: 'shared' }, { kind: 'replicated' }] }])
  expect(await readFile(join(shared(3), 'inbox', 'pushed.bin'))).toEqual(await readFile(path))
})

test('unshare drops the replica, and keeps the owner’s file and downloaded ones', async () => {
  const file = await aFile(shared(1), 'withdrawn/plan.txt')
  const { name } = file
  const { holder, stranger } = other(await copiesOf(file), 1)
  const { path } = await downloadAndHash(peer(stranger), { name })
  await copiesOf(file, 3)

  expect(await tandem(1, 'unshare', name)).toEqual({ name })
  const replica = join(peer(holder).dataFolder, 'replicated', 'peer1', name)
  const isThere = async (): Promise<boolean> =>
    await access(replica).then(
      () => true,
      () => false,
    )
  await expect.poll(isThere, { message: 'the replica' }).toBe(false)
  expect(await readFile(file.path)).toEqual(await readFile(path))
  expect((await run(2, 'lookup', name)).stderr).toContain('NAME_NOT_FOUND')
  const { files } = await api(stranger).list({ kind: 'downloaded', limit: 100 })
  expect(files).toContainEqual({ name, kind: 'downloaded', size: file.size, sha256: file.sha256 })
})

test('unshare refuses a name whose file is gone and, without force, another peer’s matches of a pattern', async () => {
  const gone = await aFile(shared(1), 'old/gone.txt')
  const kept = await aFile(shared(1), 'old/deep/kept.txt')
  await Promise.all([copiesOf(gone), copiesOf(kept)])
  await rm(gone.path)
  const looked = async (): Promise<string> => (await run(1, 'lookup', gone.name)).stderr
  // It existed for less than a minute: the trash does not keep it.
  await expect.poll(looked, { message: 'the deleted file' }).toContain('NAME_NOT_FOUND')
  expect((await run(1, 'unshare', gone.name)).stderr).toContain('NOT_SHARED')

  const refused = await run(2, 'unshare', 'old/**')
  expect(refused.stderr).toContain('UNSHARE_INCOMPLETE')
  expect((await run(2, 'unshare', 'old/', '--force')).stdout).toContain('Unshared 1 file.')
  expect((await run(1, 'lookup', kept.name)).stderr).toContain('NAME_NOT_FOUND')
  expect((await run(1, 'unshare', 'old/**')).stderr).toContain('NO_MATCH')
})

test('what a peer keeps for others it downloads without the network', async () => {
  const file = await aFile(shared(2), 'near.bin', { bytes: 2 ** 20 })
  const { holder } = other(await copiesOf(file), 2)
  const traffic = async (): Promise<number[]> =>
    await Promise.all(
      cluster.peers.flatMap((each) => [
        readMetric(each, 'tandem_peer_sent_bytes_total'),
        readMetric(each, 'tandem_peer_received_bytes_total'),
      ]),
    )
  const before = await traffic()
  const { sha256OnDisk, sources, path } = await downloadAndHash(peer(holder), { name: file.name })
  expect([sha256OnDisk, sources]).toEqual([file.sha256, []])
  expect(path).toContain('downloaded')
  expect(await traffic()).toEqual(before)
})

test('a name with two contents answers both, and each can be had', async () => {
  const name = 'notes.txt'
  const files = [
    await aFile(shared(1), name, { seed: 'of peer1' }),
    await aFile(shared(2), name, { seed: 'of peer2' }),
  ]
  for (const file of files) await copiesOf(file)
  const found = (await tandem(3, 'lookup', name)) as Lookup
  expect(found.files.map(({ sha256 }) => sha256).toSorted()).toEqual(
    files.map(({ sha256 }) => sha256).toSorted(),
  )
  for (const { sha256 } of files) {
    const { path } = (await tandem(3, 'download', name, '--sha256', sha256)) as Downloaded
    expect(await downloadAndHash(peer(3), { name, sha256 })).toMatchObject({
      path,
      sha256OnDisk: sha256,
    })
  }
})

test('an unknown name is an error with a sentence', async () => {
  for (const command of ['lookup', 'download', 'why']) {
    const { code, stdout, stderr } = await run(1, command, 'no such file')
    expect([code, stdout], command).toEqual([1, ''])
    expect(stderr).toMatch(/^NAME_NOT_FOUND: No peer shares a file called 'no such file'\..*\n$/)
  }
})
