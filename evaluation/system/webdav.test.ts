/** WebDAV with the programs that people use: each against a peer of a cluster of two. */
import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { appendFile, cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { allVersions } from '../../peer/api/pages.ts'
import { pathOf } from '../benchmarks/anchor-programs.ts'
import { apiOf, type Cluster, startCluster } from './cluster-fixture.ts'
import { ensurePrograms } from './installed-programs.ts'
import { quickSettings } from './quick-settings.ts'
import type { TandemProcess } from './tandem-process.ts'

interface Ended {
  readonly code: number
  /** What it printed, on both. */
  readonly output: string
}

const started = new AsyncDisposableStack()
let cluster: Cluster
let folder: Awaited<ReturnType<typeof temporaryFolder>>

beforeAll(async () => {
  await ensurePrograms(['cadaver', 'curl', 'fusermount3', 'litmus', 'rclone'])
  folder = started.use(await temporaryFolder())
  cluster = started.use(await startCluster({ peers: 2, settings: quickSettings }))
  // One remote for each peer.
  const remotes = cluster.peers.map(
    (peer) => `[${peer.name}]\ntype = webdav\nurl = ${urlOf(peer)}\nvendor = owncloud\n`,
  )
  await writeFile(join(folder.path, 'rclone.conf'), remotes.join('\n'))
})

afterAll(async () => await started.disposeAsync())

function urlOf(peer: TandemProcess): string {
  return `${peer.apiUrl.origin}/dav/`
}

async function run(
  program: Parameters<typeof pathOf>[0],
  words: readonly string[],
  input = '',
): Promise<Ended> {
  const child = execFile(pathOf(program), [...words], { cwd: folder.path, timeout: 120_000 })
  const pieces: string[] = []
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (piece: string) => pieces.push(piece))
  // A program that reads no input may have ended before it is written.
  child.stdin?.on('error', () => {})
  child.stdin?.end(input)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code: code ?? -1, output: pieces.join('') }
}

/** Runs it; an error, with its output, if it fails. */
async function done(...call: Parameters<typeof run>): Promise<string> {
  const { code, output } = await run(...call)
  expect(code, output).toBe(0)
  return output
}

async function rclone(...words: string[]): Promise<string> {
  return await done('rclone', ['--config', join(folder.path, 'rclone.conf'), ...words])
}

/** A folder with small files, a large one, an empty one, and names that need care. */
async function aFolder(name: string): Promise<string> {
  const path = join(folder.path, name)
  await mkdir(join(path, 'sub/deep'), { recursive: true })
  for (let number = 1; number <= 20; number += 1)
    await writeFile(join(path, `sub/file ${number}`), randomBytes(number * 1_000))
  await writeFile(join(path, 'large.bin'), randomBytes(5_000_000))
  await writeFile(join(path, 'empty'), '')
  await writeFile(join(path, 'Файл é.txt'), 'Привет')
  await writeFile(join(path, 'sub/deep/a#b%c?+&.txt'), 'x')
  return path
}

const suites = ['basic', 'copymove', 'props', 'locks', 'http']

test('litmus passes without exception', async () => {
  const output = await done('litmus', ['-k', urlOf(cluster.peer(1))])
  const summaries = [
    ...output.matchAll(/summary for `(\w+)': of \d+ tests run: \d+ passed, (\d+)/g),
  ]
  expect(summaries.map((match) => `${match[1]} ${match[2]}`)).toEqual(
    suites.map((suite) => `${suite} 0`),
  )
  expect(output).not.toMatch(/WARNING|SKIPPED/i)
})

describe('rclone', () => {
  test('copies, compares, synchronizes, moves and removes', async () => {
    const source = await aFolder('source')
    await rclone('copy', source, 'peer1:r')
    await rclone('check', '--download', source, 'peer1:r')
    expect(await rclone('sync', '-v', source, 'peer1:r')).toMatch(/Transferred:\s+0 B/)
    // Of another peer, which fetches from the first one what it does not hold.
    const seen = async (): Promise<string> => await rclone('lsf', '-R', '--files-only', 'peer2:r')
    await expect.poll(async () => (await seen()).trim().split('\n').length).toBe(24)
    await rclone('check', '--download', source, 'peer2:r')

    await writeFile(join(source, 'sub/deep/a#b%c?+&.txt'), 'y')
    await rename(join(source, 'sub/file 1'), join(source, 'moved'))
    await rm(join(source, 'empty'))
    await rclone('sync', source, 'peer1:r')
    await rclone('check', '--download', source, 'peer1:r')
    await rclone('moveto', 'peer1:r/sub', 'peer1:r/renamed')
    await rename(join(source, 'sub'), join(source, 'renamed'))
    const back = join(folder.path, 'back')
    await rclone('copy', 'peer1:r', back)
    await rclone('check', '--download', source, back)
    expect(await rclone('about', 'peer1:')).toMatch(/Free:/)
    await rclone('purge', 'peer1:r')
    expect(await rclone('lsf', 'peer1:')).not.toContain('r/')
  })

  test('is told why it may not remove the files of another peer', async () => {
    await rclone('copyto', join(await aFolder('mine'), 'Файл é.txt'), 'peer1:mine/a')
    await expect.poll(async () => await rclone('lsf', 'peer2:')).toContain('mine/')
    const options = ['--config', join(folder.path, 'rclone.conf'), '--retries', '1']
    for (const words of [
      ['deletefile', 'peer2:mine/a'],
      ['purge', 'peer2:mine'],
    ]) {
      const refused = await run('rclone', [...options, ...words])
      expect([refused.code, refused.output]).toEqual([1, expect.stringContaining('403')])
    }
    await rclone('copyto', 'peer2:mine/a', 'peer2:yours/b')
    const copy = join(cluster.peer(2).dataFolder, 'shared/yours/b')
    expect(await readFile(copy, 'utf8')).toBe('Привет')
    using api = apiOf(cluster.peer(1))
    await expect.poll(async () => (await api.lookup({ name: 'yours/b' })).files.length).toBe(1)
  })

  const hasFuse = existsSync('/dev/fuse')
  test.skipIf(!hasFuse)('mounts the cluster as a folder', async () => {
    const source = await aFolder('to mount')
    const mount = join(folder.path, 'mount')
    await mkdir(mount)
    const words = ['mount', 'peer1:', mount, '--vfs-cache-mode=writes', '--vfs-write-back=0s']
    const config = ['--config', join(folder.path, 'rclone.conf')]
    const mounted = spawn(pathOf('rclone'), [...words, ...config, '--dir-cache-time=1s'], {
      stdio: 'ignore',
    })
    const ended = once(mounted, 'close')
    try {
      const isMounted = async (): Promise<boolean> =>
        (await readFile('/proc/mounts', 'utf8')).includes(` ${mount} fuse.rclone `)
      await expect.poll(isMounted).toBe(true)
      await cp(source, join(mount, 'm'), { recursive: true })
      await expect
        .poll(async () => (await run('rclone', [...config, 'check', source, 'peer1:m'])).code)
        .toBe(0)
      const whole = await readFile(join(source, 'large.bin'))
      expect((await readFile(join(mount, 'm/large.bin'))).equals(whole)).toBe(true)
      await appendFile(join(mount, 'm/Файл é.txt'), '!')
      await rename(join(mount, 'm/empty'), join(mount, 'm/renamed'))
      const text = async (): Promise<string> =>
        (
          await run('curl', [
            '-s',
            `${urlOf(cluster.peer(1))}m/${encodeURIComponent('Файл é.txt')}`,
          ])
        ).output
      await expect.poll(text).toBe('Привет!')
      expect(await rclone('lsf', 'peer1:m')).toContain('renamed')
    } finally {
      await run('fusermount3', ['-u', mount])
      mounted.kill()
      await ended
    }
  })
})

test('cadaver copies, moves, locks and removes files', async () => {
  const source = await aFolder('cadaver')
  const commands = [
    'mkcol c',
    'cd c',
    `put ${join(source, 'large.bin')} up`,
    'copy up copied',
    'move copied moved',
    'lock moved',
    'unlock moved',
    'propset moved colour green',
    'propget moved colour',
    'get moved got',
    'delete up',
    'ls',
    'quit',
  ]
  const output = await done('cadaver', [urlOf(cluster.peer(1))], `${commands.join('\n')}\n`)
  expect(output).not.toMatch(/failed/)
  expect(output).toMatch(/green/)
  expect(output).toMatch(/moved +5000000/)
  expect(await readFile(join(folder.path, 'got'))).toEqual(
    await readFile(join(source, 'large.bin')),
  )
})

test('curl stores a file, reads a part of it, and finds it replicated', async () => {
  const path = join(await aFolder('for curl'), 'large.bin')
  const url = `${urlOf(cluster.peer(1))}curl.bin`
  const silent = ['-s', '-S', '--fail']
  await done('curl', [...silent, '-T', path, url])
  await done('curl', [...silent, '-r', '4000000-4000099', '-o', 'part', url])
  const bytes = await readFile(path)
  const part = await readFile(join(folder.path, 'part'))
  expect(part.equals(bytes.subarray(4_000_000, 4_000_100))).toBe(true)
  using api = apiOf(cluster.peer(2))
  const copies = async (): Promise<number> =>
    (await allVersions(api, { name: 'curl.bin' }).catch(() => ({ versions: [] }))).versions[0]
      ?.copies ?? 0
  await expect.poll(copies).toBe(2)
  const other = `${urlOf(cluster.peer(2))}curl.bin`
  await done('curl', [...silent, '-r', '-10', '-o', 'end', other])
  expect((await readFile(join(folder.path, 'end'))).equals(bytes.subarray(-10))).toBe(true)
  await done('curl', [...silent, '-X', 'DELETE', url])
  expect((await run('curl', [...silent, url])).code).toBe(22)
  // A file that is deleted in its first minute is not kept in the trash.
  const found = async (): Promise<number> =>
    (await api.search({ q: 'curl.bin', limit: 10 })).files.length
  await expect.poll(found).toBe(0)
})
