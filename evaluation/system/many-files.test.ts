/** Many files with one command: a folder, or the matches of a pattern. */
import assert from 'node:assert/strict'
import { mkdir, open, readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { seededRandom } from '../../common/random.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import type { Download } from '../../peer/api/download-shapes.ts'
import { allDownloads } from '../../peer/api/pages.ts'
import { apiOf, type Cluster, startCluster } from './cluster-fixture.ts'
import { copiesKnown } from './copies-known.ts'
import { quickSettings } from './quick-settings.ts'
import { runTandem } from './run-tandem.ts'
import type { TandemProcess } from './tandem-process.ts'

const mebibyte = 1024 * 1024
const random = seededRandom('many files')
/** Whole seconds, which can be restored exactly. */
const modifiedSeconds = 1_750_000_000

type Files = ReadonlyMap<string, Buffer>

/** Small, empty, large and equal files, with realistic names. */
function mixedFiles(small: number): Map<string, Buffer> {
  const files = new Map<string, Buffer>()
  for (let number = 0; number < small; number += 1)
    files.set(`photos/${number % 7}/${number}.jpg`, random.bytes(number % 5_000))
  for (const name of [
    'photos/with space.txt',
    "photos/o'neill & söhne/ü 日本.txt",
    'photos/[1] *?.txt',
  ])
    files.set(name, random.bytes(100))
  files.set('photos/empty', Buffer.alloc(0))
  files.set('photos/empty again', Buffer.alloc(0))
  files.set('photos/one chunk', random.bytes(mebibyte))
  files.set('photos/film.mp4', random.bytes(3 * mebibyte + 1))
  return files
}

async function write(folder: string, files: Files): Promise<void> {
  for (const [name, bytes] of files) {
    const path = join(folder, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, bytes)
    await utimes(path, modifiedSeconds, modifiedSeconds)
  }
}

/** A cluster whose first peers share `files`; nothing is replicated. */
async function sharing(files: Files, sources = 1): Promise<Cluster> {
  const prepare = async (_: string, shared: string): Promise<void> => await write(shared, files)
  const cluster = await startCluster({
    peers: sources,
    factor: 1,
    settings: quickSettings,
    prepare: async (id, shared) => {
      if (id.startsWith('peer')) await prepare(id, shared)
    },
  })
  for (const peer of cluster.peers) await copiesKnown(peer, files.size)
  return cluster
}

async function wrongFiles(folder: string, files: Files): Promise<string[]> {
  const wrong: string[] = []
  for (const [name, bytes] of files) {
    const there = await readFile(join(folder, name)).catch(() => undefined)
    if (there?.equals(bytes) !== true) wrong.push(name)
  }
  return wrong
}

const downloadedBy = ({ dataFolder }: TandemProcess): string => join(dataFolder, 'downloaded')

async function ended(peer: TandemProcess, name: string, wait = true): Promise<Download> {
  using api = apiOf(peer)
  let now = await api.startDownload({ name, pattern: true, wait })
  while (now.state === 'waiting' || now.state === 'running')
    now = await api.download({ id: now.id, waitMs: 10_000 })
  return now
}

test('a folder of small, large and oddly named files comes whole, also where names are taken', async () => {
  const files = mixedFiles(600)
  await using cluster = await sharing(files)
  const downloader = await cluster.startPeer('downloader')
  const folder = downloadedBy(downloader)
  const own = join(folder, 'photos/1/1.jpg')
  await mkdir(dirname(own), { recursive: true })
  await writeFile(own, 'mine')
  // Older: the newest content of a name is fetched.
  await utimes(own, modifiedSeconds - 1, modifiedSeconds - 1)

  const { code, stdout } = await runTandem([
    'download',
    'photos',
    '--json',
    '--api',
    downloader.apiUrl.href,
  ])
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    files: files.size,
    done: files.size,
    failed: 0,
    folder,
  })
  expect(await wrongFiles(folder, files)).toEqual(['photos/1/1.jpg'])
  expect(await readFile(own, 'utf8')).toBe('mine')
  const renamed = await readFile(join(folder, 'photos/1/1 (2).jpg'))
  expect(renamed.equals(files.get('photos/1/1.jpg') ?? Buffer.alloc(0))).toBe(true)
  await copiesKnown(downloader, files.size + 1)

  // Nothing is fetched twice, not even contents with another name here: the cluster knows that name
  // by now.
  using api = apiOf(downloader)
  const { receivedBytes } = await api.stats()
  expect(await ended(downloader, 'photos/**')).toMatchObject({
    state: 'done',
    files: { done: files.size + 1 },
  })
  expect((await api.stats()).receivedBytes).toBe(receivedBytes)
})

test('a download resumes after kill -9 of the peer, and after its source was away', async () => {
  const files = mixedFiles(3_000)
  await using cluster = await sharing(files)
  const source = cluster.peer(1)
  const downloader = await cluster.startPeer('downloader')
  using api = apiOf(downloader)
  await api.startDownload({ name: 'photos/**', pattern: true })
  await expect.poll(async () => (await allDownloads(api))[0]?.files?.done ?? 0).toBeGreaterThan(300)
  await source.kill('SIGKILL')
  await downloader.kill('SIGKILL')
  await downloader.start()
  await expect.poll(async () => (await allDownloads(api))[0]?.state).toBe('running')
  await source.start()
  await expect
    .poll(async () => (await allDownloads(api))[0])
    .toMatchObject({ state: 'done', files: { done: files.size, failed: 0 } })
  expect(await wrongFiles(downloadedBy(downloader), files)).toEqual([])
  expect(await readdir(join(downloader.dataFolder, '.tandem/incoming'))).toEqual([])
  await copiesKnown(downloader, files.size)
})

test('a source that sends one small file wrong is blamed, and the file comes from the other', async () => {
  const files = mixedFiles(300)
  await using cluster = await sharing(files, 2)
  const liar = cluster.peer(1)
  assert(liar.pid !== undefined)
  const path = join(liar.dataFolder, 'shared/photos/2/100.jpg')
  process.kill(liar.pid, 'SIGSTOP')
  await using file = await open(path, 'r+')
  await file.write(Buffer.from([~(files.get('photos/2/100.jpg')?.[50] ?? 0) & 0xff]), 0, 1, 50)
  await file.utimes(modifiedSeconds, modifiedSeconds)
  process.kill(liar.pid, 'SIGCONT')
  const downloader = await cluster.startPeer('downloader')

  expect(await ended(downloader, 'photos/')).toMatchObject({ state: 'done', files: { failed: 0 } })
  expect(await wrongFiles(downloadedBy(downloader), files)).toEqual([])
})

test('without a peer the files come into a folder, and those that cannot are named', async () => {
  const files = mixedFiles(50)
  await using cluster = await sharing(files)
  await using folder = await temporaryFolder()
  await mkdir(join(folder.path, 'photos'))
  await writeFile(join(folder.path, 'photos/with space.txt'), 'mine')
  const index = ['--index', `127.0.0.1:${cluster.index.port}`, '-o', folder.path]
  const first = await runTandem(['download', 'photos/**', ...index])
  expect(first.code).toBe(1)
  expect(first.stdout).toContain(`Downloaded ${files.size - 1} of ${files.size} files`)
  expect(first.stdout).toMatch(/! photos\/with space\.txt: .* exists with different content/)
  expect(first.stderr).toContain('FILES_FAILED')
  expect(await wrongFiles(folder.path, files)).toEqual(['photos/with space.txt'])

  const second = await runTandem(['download', 'photos', ...index, '--replace'])
  expect(second.code).toBe(0)
  expect(await wrongFiles(folder.path, files)).toEqual([])
  expect(await readdir(folder.path)).toEqual(['photos'])

  const nothing = await runTandem(['download', 'nothing/**', ...index])
  expect(nothing).toMatchObject({ code: 1, stdout: '' })
  expect(nothing.stderr).toContain('NO_MATCH')
})
