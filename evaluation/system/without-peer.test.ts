/** `download --index` and `cat`: files for a shell without a running peer. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer, text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { hashFile } from '../../common/content/hash.ts'
import { seededRandom } from '../../common/random.ts'
import { contentOf } from '../../common/testing/contents.ts'
import { aFile, type FileFixture } from '../../common/testing/fixtures.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { allPeers } from '../../peer/api/pages.ts'
import { apiOf, type Cluster, freePorts, startCluster } from './cluster-fixture.ts'
import { startGatedPeer } from './gate.ts'
import { startHostilePeer } from './hostile-peer.ts'
import { quickSettings } from './quick-settings.ts'
import { runTandem } from './run-tandem.ts'

const program = fileURLToPath(new URL('../../bin/tandem.js', import.meta.url))
const mebibyte = 2 ** 20
const bytes = 24 * mebibyte + 1

/** A cluster in which peer1 shares a file and peer2, if started, has a copy of it. */
async function sharing(
  peers: number,
  size = bytes,
): Promise<{ cluster: Cluster; file: FileFixture }> {
  await using starting = new AsyncDisposableStack()
  let file: FileFixture | undefined
  const cluster = starting.use(
    await startCluster({
      peers,
      factor: peers,
      settings: quickSettings,
      prepare: async (peerId, sharedFolder) => {
        if (peerId !== 'peer1') return
        await mkdir(sharedFolder, { recursive: true })
        file = await aFile(sharedFolder, 'big.bin', { bytes: size })
        await utimes(file.path, 1_750_000_000, 1_750_000_000)
      },
    }),
  )
  using api = apiOf(cluster.peer(1))
  await expect.poll(() => api.status()).toMatchObject({ contents: 1, belowFactor: 0 })
  if (file === undefined) throw new Error('peer1 has no file')
  starting.move()
  return { cluster, file }
}

function at({ index }: Cluster): readonly string[] {
  return ['--index', `127.0.0.1:${index.port}`]
}

/** Runs `tandem`; returns its raw output. */
function started(words: readonly string[], cwd?: string) {
  const child = spawn(process.execPath, [program, ...words], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return { child, stdout: buffer(child.stdout), stderr: text(child.stderr), ended }
}

test('a file comes into the folder that was named, and never over another one', async () => {
  const { cluster, file } = await sharing(2)
  await using _ = cluster
  await using folder = await temporaryFolder()
  const target = join(folder.path, 'big.bin')
  const download = ['download', file.name, ...at(cluster), '-o', folder.path]

  const first = await runTandem([...download, '--json'])
  expect(first).toMatchObject({ code: 0, stderr: '' })
  expect(JSON.parse(first.stdout)).toMatchObject({ path: target, bytes, sha256: file.sha256 })
  const shared = await readFile(file.path)
  expect((await readFile(target)).equals(shared)).toBe(true)
  expect(await readdir(folder.path)).toEqual(['big.bin'])

  const again = await runTandem([...download, '--json', '--sha256', file.sha256])
  expect(JSON.parse(again.stdout)).toMatchObject({ path: target, sources: [] })

  await writeFile(target, 'mine')
  const refused = await runTandem(download)
  expect(refused).toMatchObject({ code: 1, stdout: '' })
  expect(refused.stderr).toMatch(
    /^FILE_EXISTS: '.*big\.bin' exists with different content: .*--replace\.\n$/,
  )
  expect(await readFile(target, 'utf8')).toBe('mine')
  expect(await readdir(folder.path)).toEqual(['big.bin'])

  expect(await runTandem([...download, '--replace'])).toMatchObject({ code: 0 })
  expect((await readFile(target)).equals(shared)).toBe(true)
  // The index has not registered another peer.
  using api = apiOf(cluster.peer(1))
  expect(await allPeers(api)).toHaveLength(2)
})

test('cat writes what sha256sum agrees with, through an index or a peer', async () => {
  const { cluster, file } = await sharing(2)
  await using _ = cluster
  const shared = await readFile(file.path)
  const ways = [
    at(cluster),
    ['--api', cluster.peer(2).apiUrl.origin],
    [...at(cluster), '--sha256', file.sha256],
  ]
  for (const way of ways) {
    const { stdout, stderr, ended } = started(['cat', file.name, ...way])
    expect([await ended, await stderr]).toEqual([0, ''])
    expect((await stdout).equals(shared)).toBe(true)
  }
})

test('cat ends quietly with its reader', async () => {
  const { cluster, file } = await sharing(1)
  await using _ = cluster
  const line = '{ "$0" "$@"; echo "ended with $?" >&2; } | head -c 10'
  const words = [process.execPath, program, 'cat', file.name, ...at(cluster)]
  const child = spawn('sh', ['-c', line, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr] = await Promise.all([buffer(child.stdout), text(child.stderr)])
  expect(stderr).toBe('ended with 0\n')
  expect(stdout.equals((await readFile(file.path)).subarray(0, 10))).toBe(true)
})

test('a missing peer, name or index is reported without waiting', async () => {
  const { cluster, file } = await sharing(1, 1000)
  await using _ = cluster
  await using folder = await temporaryFolder()
  const [nowhere] = await freePorts()
  const output = ['-o', folder.path]
  for (const [words, complaint] of [
    [['download', 'other.bin', ...at(cluster), ...output], /^NAME_NOT_FOUND: /],
    [['cat', 'other.bin', ...at(cluster)], /^NAME_NOT_FOUND: /],
    [['download', file.name, '--index', `127.0.0.1:${nowhere}`, ...output], /^INDEX_UNREACHABLE: /],
    [['cat', file.name, '--index', `127.0.0.1:${nowhere}`], /^INDEX_UNREACHABLE: /],
    [['cat', file.name, ...at(cluster), '--sha256', '0'.repeat(64)], /^CONTENT_NOT_FOUND: /],
    [
      ['download', file.name, '--index', `127.0.0.1:${cluster.peer(1).port}`, ...output],
      /^BAD_REPLY: /,
    ],
  ] as const) {
    const ended = await runTandem(words)
    expect(ended).toMatchObject({ code: 1, stdout: '' })
    expect(ended.stderr).toMatch(complaint)
    expect(ended.stderr.trimEnd()).not.toContain('\n')
  }
  expect(await readdir(folder.path)).toEqual([])
})

test('a lying source alone yields no false bytes, and does no harm beside an honest one', async () => {
  await using cluster = await startCluster({ peers: 0, factor: 1, settings: quickSettings })
  const file = { name: 'big.bin' }
  const truth = contentOf(seededRandom('big').bytes(bytes))
  const { bytes: shared, content } = truth
  const bytesOfLie = Buffer.from(shared)
  bytesOfLie[2 * mebibyte + 5] = ~(shared[2 * mebibyte + 5] ?? 0) & 0xff
  const identity = { peerId: 'liar', indexPort: cluster.index.port }
  await using liar = await startHostilePeer(identity, { ...truth, bytes: bytesOfLie })
  await liar.announce({ op: 'put', kind: 'shared', name: file.name, ...content, modifiedMs: 1 })
  await using folder = await temporaryFolder()

  const alone = started(['cat', file.name, ...at(cluster)])
  expect(await alone.ended).toBe(1)
  expect(await alone.stderr).toMatch(/^NO_SOURCE: .* sent wrong bytes for chunk 2 of /)
  const written = await alone.stdout
  expect(written.length).toBeLessThanOrEqual(2 * mebibyte)
  expect(shared.subarray(0, written.length).equals(written)).toBe(true)
  const words = ['download', file.name, ...at(cluster), '-o', folder.path, '--no-wait']
  const refused = await runTandem(words)
  expect(refused).toMatchObject({ code: 1, stdout: '' })
  expect(refused.stderr).toMatch(/^NO_SOURCE: .* sent wrong bytes for chunk 2 of /)
  expect(await readdir(folder.path)).not.toContain('big.bin')

  const honest = await cluster.startPeer()
  await mkdir(join(honest.dataFolder, 'shared'), { recursive: true })
  await writeFile(join(honest.dataFolder, 'shared', file.name), shared)
  using api = apiOf(honest)
  await expect
    .poll(async () =>
      (await api.lookup({ name: file.name })).files[0]?.sources.map(({ peerId }) => peerId),
    )
    .toContain(honest.name)
  const both = started(['cat', file.name, ...at(cluster)])
  expect([await both.ended, await both.stderr]).toEqual([0, ''])
  expect((await both.stdout).equals(shared)).toBe(true)
  // The partial data of the first attempt is used.
  expect(await runTandem(words)).toMatchObject({ code: 0 })
  expect((await readFile(join(folder.path, 'big.bin'))).equals(shared)).toBe(true)
  expect(await readdir(folder.path)).toEqual(['big.bin'])
})

/** A cluster with one source, which sends a third of the file and then waits. */
async function halfWay() {
  await using starting = new AsyncDisposableStack()
  const cluster = starting.use(await startCluster({ peers: 0, factor: 1, settings: quickSettings }))
  const { peer, gate } = await startGatedPeer(cluster, 'peer1')
  const file = await aFile(join(peer.dataFolder, 'shared'), 'big.bin', { bytes })
  using api = apiOf(peer)
  await expect.poll(() => api.status()).toMatchObject({ contents: 1 })
  gate.closeAfter(bytes / 3)
  const stack = starting.move()
  const dispose = (): Promise<void> => stack.disposeAsync()
  return { cluster, peer, file, gate, [Symbol.asyncDispose]: dispose }
}

test('when the source is killed in the middle cat fails, and a download resumes later', async () => {
  await using world = await halfWay()
  const { cluster, peer, file, gate } = world
  await using folder = await temporaryFolder()
  const shared = await readFile(file.path)
  const words = ['download', file.name, ...at(cluster), '-o', folder.path, '--no-wait']
  const running = [started(words), started(['cat', file.name, ...at(cluster)])]
  await gate.blocked
  await peer.kill('SIGKILL')
  for (const { ended, stderr } of running)
    expect([await ended, await stderr]).toEqual([1, expect.stringMatching(/^NO_SOURCE: /)])
  const [, cat] = running
  const written = await cat?.stdout
  expect(written?.length).toBeLessThan(bytes)
  expect(shared.subarray(0, written?.length).equals(written ?? Buffer.alloc(1))).toBe(true)
  expect(await readdir(folder.path)).not.toContain('big.bin')

  gate.open()
  await peer.start()
  expect(await runTandem(words)).toMatchObject({ code: 0 })
  expect((await readFile(join(folder.path, 'big.bin'))).equals(shared)).toBe(true)
  expect(await readdir(folder.path)).toEqual(['big.bin'])
})

test('only one download writes a target at a time; interrupted by any signal it keeps its partial data', async () => {
  await using world = await halfWay()
  const { cluster, file, gate } = world
  await using folder = await temporaryFolder()
  const words = ['download', file.name, ...at(cluster), '-o', folder.path]
  const { child, stderr, ended } = started(words)
  await gate.blocked
  expect(await runTandem(words)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^NAME_BLOCKED: .*another download/) as string,
  })
  await expect.poll(() => chunksOnRecord(folder.path)).toBeGreaterThanOrEqual(5)
  child.kill('SIGINT')
  const said = /(^|\n)INTERRUPTED: .* its partial data is kept; the same command resumes it/
  expect([await ended, await stderr]).toEqual([130, expect.stringMatching(said)])
  const kept = await chunksOnRecord(folder.path)
  expect(kept).toBeGreaterThanOrEqual(5)
  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    const again = started(words)
    await expect.poll(() => gate.connections).toBeGreaterThan(0)
    again.child.kill(signal)
    expect([await again.ended, await again.stderr]).toEqual([code, expect.stringMatching(said)])
    expect(await chunksOnRecord(folder.path)).toBeGreaterThanOrEqual(kept)
    await expect.poll(() => gate.connections).toBe(0)
  }
  gate.open()
  // Not enough for all of it.
  gate.closeAfter(bytes - 2 * mebibyte)
  expect(await runTandem(words)).toMatchObject({ code: 0 })
  const { content } = await hashFile(join(folder.path, 'big.bin'))
  expect(content.sha256).toBe(file.sha256)
  expect(await readdir(folder.path)).toEqual(['big.bin'])
})

/** Number of chunks in the journal beside the target. */
async function chunksOnRecord(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true })
  const journal = names.find((name) => name.endsWith('.journal'))
  if (journal === undefined) return 0
  const record = await readFile(join(folder, journal))
  const listEnd = record.indexOf('\n') + 1 + 32 * Math.ceil(bytes / mebibyte)
  return Math.floor((record.length - listEnd) / 8)
}

test('after kill -9 the next download fetches only the missing chunks', async () => {
  await using world = await halfWay()
  const { cluster, file, gate } = world
  await using folder = await temporaryFolder()
  const words = ['download', file.name, ...at(cluster), '-o', folder.path]
  const { child, ended } = started(words)
  await expect.poll(() => chunksOnRecord(folder.path)).toBeGreaterThanOrEqual(5)
  child.kill('SIGKILL')
  await ended
  await expect.poll(() => gate.connections).toBe(0)
  gate.open()
  // Not enough for all of it.
  gate.closeAfter(bytes - 2 * mebibyte)
  expect(await runTandem(words)).toMatchObject({ code: 0 })
  const { content } = await hashFile(join(folder.path, 'big.bin'))
  expect(content.sha256).toBe(file.sha256)
  expect(await readdir(folder.path)).toEqual(['big.bin'])
})

test('Ctrl-C ends cat although its reader has stalled', async () => {
  const { cluster, file } = await sharing(1)
  await using _ = cluster
  const child = spawn(process.execPath, [program, 'cat', file.name, ...at(cluster)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const stderr = text(child.stderr)
  await once(child.stdout, 'readable')
  child.kill('SIGINT')
  expect(await once(child, 'exit')).toEqual([130, null])
  child.stdout.destroy()
  expect(await stderr).toMatch(/^INTERRUPTED: /)
})
