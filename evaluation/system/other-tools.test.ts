/** Downloads with stock tools, from a cluster of three peers that all have the files. */
import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { isDeepStrictEqual, promisify } from 'node:util'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { hashFile } from '../../common/content/hash.ts'
import { aFile, type FileFixture } from '../../common/testing/fixtures.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { allPeers } from '../../peer/api/pages.ts'
import { pathOf } from '../benchmarks/anchor-programs.ts'
import { apiOf, type Cluster, startCluster } from './cluster-fixture.ts'
import { ensurePrograms } from './installed-programs.ts'
import { quickSettings } from './quick-settings.ts'

const run = promisify(execFile)
const large = 'photos/large one.bin'
const small = ["photos/2026/тест 'ü'.txt", 'photos/2026/100% & more.txt', 'notes.txt'] as const

let cluster: Cluster
let folder: Awaited<ReturnType<typeof temporaryFolder>>
const files = new Map<string, FileFixture>()

beforeAll(async () => {
  await ensurePrograms(['aria2c', 'curl', 'wget', 'wget2', 'rclone'])
  folder = await temporaryFolder()
  cluster = await startCluster({
    peers: 1,
    settings: { ...quickSettings, index: { ...quickSettings.index, replicationFactor: 3 } },
    prepare: async (peerId, shared) => {
      if (peerId !== 'peer1') return
      files.set(large, await aFile(shared, large, { bytes: 9 * 2 ** 20 + 1 }))
      for (const name of small)
        files.set(name, await aFile(shared, name, { bytes: 1_000, seed: name }))
    },
  })
  // aria2 takes servers of one host name for one.
  for (const host of ['127.0.0.2', '127.0.0.3'])
    await cluster.startPeer(undefined, { flags: ['--http-host', host, '--insecure'] })
  using api = apiOf(cluster.peer(1))
  const everywhere = cluster.peers.map(() => files.size)
  const copies = async (): Promise<void> => {
    const known = (await allPeers(api)).map((peer) => peer.copies)
    if (!isDeepStrictEqual(known, everywhere)) throw new Error(`copies: ${known.join(', ')}`)
  }
  await vi.waitFor(copies, { timeout: 100_000 })
})

afterAll(async () => {
  await cluster[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

function fileOf(name: string): FileFixture {
  const file = files.get(name)
  if (file === undefined) throw new Error(`there is no file ${name}`)
  return file
}

function urlOf(name: string, ending = ''): string {
  const path = name.split('/').map(encodeURIComponent).join('/')
  return `${cluster.peer(1).apiUrl.origin}/files/${fileOf(name).sha256}/${path}${ending}`
}

async function sha256Of(path: string): Promise<string> {
  return (await hashFile(path)).content.sha256
}

/** A folder of its own for each test. */
async function emptyFolder(name: string): Promise<string> {
  const path = join(folder.path, name)
  await mkdir(path)
  return path
}

async function tool(
  program: Parameters<typeof pathOf>[0],
  words: readonly string[],
  cwd: string,
): Promise<void> {
  await run(pathOf(program), [...words], { cwd, timeout: 120_000 })
}

/** A server that has every path, with bytes that are wrong. */
async function startLiar(
  host: string,
  bytes: Buffer,
): Promise<AsyncDisposable & { origin: string }> {
  const server = createServer((request, response) => {
    const [, first, last] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? []
    const start = Number(first ?? 0)
    const end = last === undefined || last === '' ? bytes.length - 1 : Number(last)
    const part = bytes.subarray(start, end + 1)
    const range = `bytes ${start}-${end}/${bytes.length}`
    response.writeHead(first === undefined ? 200 : 206, {
      'content-length': part.length,
      'accept-ranges': 'bytes',
      ...(first !== undefined && { 'content-range': range }),
    })
    response.end(request.method === 'HEAD' ? undefined : part)
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://${host}:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

test('aria2c takes a file from several sources, of which one lies and one is dead', async () => {
  const path = await emptyFolder('aria2')
  const metalink = await (await fetch(urlOf(large, '.meta4'))).text()
  for (const host of ['127.0.0.1', '127.0.0.2', '127.0.0.3'])
    expect(metalink).toContain(`http://${host}:`)
  const { size } = fileOf(large)
  await using liar = await startLiar('127.0.0.4', Buffer.alloc(size, 'x'))
  const bad = [`${liar.origin}/x`, 'http://127.0.0.5:9/x']
    .map((url) => `<url priority="1">${url}</url>`)
    .join('')
  const document = join(path, 'bad.meta4')
  await writeFile(document, metalink.replace('</file>', `${bad}</file>`))
  const words = ['--no-conf', '--quiet', '--min-split-size=1M', '--split=5', '--check-integrity']
  await tool('aria2c', [...words, '--connect-timeout=2', `--metalink-file=${document}`], path)
  expect(await sha256Of(join(path, 'large one.bin'))).toBe(fileOf(large).sha256)
})

test('aria2c downloads with the torrent, from web seeds alone', async () => {
  const path = await emptyFolder('torrent')
  const words = [
    '--no-conf',
    '--quiet',
    '--seed-time=0',
    '--enable-dht=false',
    '--bt-enable-lpd=false',
  ]
  await tool('aria2c', [...words, urlOf(large, '.torrent')], path)
  expect(await sha256Of(join(path, 'large one.bin'))).toBe(fileOf(large).sha256)
})

test.each(['curl', 'wget'] as const)('%s resumes', async (program) => {
  const path = await emptyFolder(program)
  const target = join(path, 'part')
  const whole = await readFile(fileOf(large).path)
  await writeFile(target, whole.subarray(0, 5_000_000))
  const words =
    program === 'curl'
      ? ['-sSf', '-C', '-', '-o', target, urlOf(large)]
      : ['-q', '-c', '-O', target, urlOf(large)]
  await tool(program, words, path)
  expect(await sha256Of(target)).toBe(fileOf(large).sha256)
})

test('curl saves a file under its name', async () => {
  const path = await emptyFolder('curl-name')
  await tool('curl', ['-sSf', '-OJ', urlOf('notes.txt')], path)
  expect(await sha256Of(join(path, 'notes.txt'))).toBe(fileOf('notes.txt').sha256)
})

test('wget2 follows the Metalink', async () => {
  const path = await emptyFolder('wget2')
  await tool('wget2', ['-q', '--no-config', '--metalink', urlOf(large, '.meta4')], path)
  expect(await sha256Of(join(path, 'large one.bin'))).toBe(fileOf(large).sha256)
})

test('rclone copies a tree', async () => {
  const path = await emptyFolder('rclone')
  const url = `${cluster.peer(2).apiUrl.protocol}//127.0.0.2:${cluster.peer(2).apiUrl.port}/browse/`
  await tool('rclone', ['copy', '--config', '', `--http-url=${url}`, ':http:', path], path)
  for (const [name, file] of files) expect(await sha256Of(join(path, name))).toBe(file.sha256)
})

test('wget -r copies a folder', async () => {
  const path = await emptyFolder('wget-r')
  const { origin } = cluster.peer(1).apiUrl
  const words = ['-q', '-r', '-np', '-nH', '--cut-dirs=1', '-R', 'index.html*', '-e', 'robots=off']
  await tool('wget', [...words, `${origin}/browse/photos/`], path)
  for (const name of [large, small[0], small[1]])
    expect(await sha256Of(join(path, name))).toBe(fileOf(name).sha256)
  expect(await readdir(path)).toEqual(['photos'])
})

test('a peer without the file sends a client on, or reads it for the client', async () => {
  const path = await emptyFolder('redirect')
  const fourth = await cluster.startPeer('peer4')
  const target = join(path, 'file')
  const url = new URL(new URL(urlOf(large)).pathname, fourth.apiUrl).href
  const { status, headers } = await fetch(url, { redirect: 'manual', method: 'HEAD' })
  expect([status, headers.get('location')]).toEqual([307, expect.stringMatching(/\?via=peer4$/)])
  await tool('curl', ['-sSfL', '-o', target, url], path)
  expect(await sha256Of(target)).toBe(fileOf(large).sha256)
  await tool('curl', ['-sSf', '-o', target, `${url}?via=peer1`], path)
  expect(await sha256Of(target)).toBe(fileOf(large).sha256)
})
