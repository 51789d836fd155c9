import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { chmod, readdir, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join, relative } from 'node:path'
import { expect, test } from 'vitest'
import { limits } from '../../common/limits.ts'
import { seededRandom } from '../../common/random.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { quietMs, ShareFixture } from '../testing/share-fixture.ts'
import { Share } from './share.ts'

const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex')

test('the first scan records the files of all three folders', async () => {
  await using peer = await ShareFixture.create()
  await peer.write('shared/a.txt', 'a')
  await peer.write('shared/photos/2026/sea side.jpg', 'sea')
  await peer.write('shared/empty', '')
  await peer.write('downloaded/b.txt', 'b')
  await peer.write('replicated/peer2/c.txt', 'c')
  const share = await peer.start()

  expect(peer.shared()).toEqual(['a.txt', 'empty', 'photos/2026/sea side.jpg'])
  expect(share.get({ kind: 'downloaded', name: 'b.txt' })?.content.sha256).toBe(sha256Of('b'))
  const replica = share.get({ kind: 'replicated', owner: 'peer2', name: 'c.txt' })
  expect(replica?.content).toEqual({ sha256: sha256Of('c'), size: 1, chunkRoot: sha256Of('c') })
  expect(share.totals()).toEqual({
    shared: { count: 3, bytes: 4 },
    downloaded: { count: 1, bytes: 1 },
    replicated: { count: 1, bytes: 1 },
  })
  expect(share.chunkList(sha256Of('sea'))).toEqual(Buffer.from(sha256Of('sea'), 'hex'))
  expect(share.catalog.isComplete).toBe(true)
})

test('changed attributes are not announced', async () => {
  await using peer = await ShareFixture.create()
  const path = await peer.write('shared/a.txt', 'old')
  const share = await peer.start()
  const { lastSeq } = share.catalog
  await chmod(path, 0o600)
  await peer.rescan()
  await peer.rescan()
  expect(share.catalog.lastSeq).toBe(lastSeq)
})

test('a doubtful copy is read and announced again, whatever its content', async () => {
  await using peer = await ShareFixture.create()
  await peer.write('shared/a.txt', 'good')
  const share = await peer.start()
  const { lastSeq } = share.catalog
  share.verify(sha256Of('good'))
  share.verify(sha256Of('good'))
  share.verify(sha256Of('unknown'))
  await peer.clock.advance(100)
  await expect
    .poll(() => share.catalog.changesSince(lastSeq, 10))
    .toMatchObject([{ op: 'put', name: 'a.txt', sha256: sha256Of('good') }])
})

test('a change is found by the next scan, or immediately by the watcher', async () => {
  await using peer = await ShareFixture.create()
  await peer.write('shared/a.txt', '1')
  await peer.start()
  const contentOf = (name: string): string | undefined =>
    peer.share.get({ kind: 'shared', name })?.content.sha256

  await peer.write('shared/a.txt', '22')
  await peer.rescan()
  expect(contentOf('a.txt')).toBe(sha256Of('22'))

  const path = await peer.write('shared/a.txt', '333')
  await peer.change(() => peer.onChange(path))
  expect(contentOf('a.txt')).toBe(sha256Of('333'))
})

test('touching a file announces nothing', async () => {
  await using peer = await ShareFixture.create()
  await peer.write('shared/a.txt', 'a')
  await peer.start()
  const { lastSeq } = peer.share.catalog

  await peer.write('shared/a.txt', 'a', peer.clock.nowMs() - 5_000)
  await peer.rescan()

  expect(peer.share.catalog.lastSeq).toBe(lastSeq)
})

test('a rename and a deletion are a removal each, and the new name is a put', async () => {
  await using peer = await ShareFixture.create()
  const a = await peer.write('shared/a.txt', 'a')
  await peer.write('shared/gone/b.txt', 'b')
  await peer.start()
  const { lastSeq } = peer.share.catalog

  await rename(a, join(peer.path, 'shared/moved.txt'))
  await rm(join(peer.path, 'shared/gone'), { recursive: true })
  await peer.rescan()

  expect(peer.shared()).toEqual(['moved.txt'])
  const changes = peer.share.catalog.changesSince(lastSeq, 10)
  expect(changes).toMatchObject([
    { op: 'put', name: 'moved.txt' },
    { op: 'remove', name: 'a.txt', reason: 'renamed', renamedTo: 'moved.txt' },
    { op: 'remove', name: 'gone/b.txt', reason: 'deleted' },
  ])
  expect(changes.map(({ op, name }) => `${op} ${name}`).toSorted()).toEqual([
    'put moved.txt',
    'remove a.txt',
    'remove gone/b.txt',
  ])
})

test('anything but regular files inside the folder is skipped', async () => {
  await using peer = await ShareFixture.create()
  await peer.write('shared/real.txt', 'real')
  await peer.write('shared/folder/inner.txt', 'inner')
  await peer.write('outside/secret.txt', 'secret')
  const shared = join(peer.path, 'shared')
  await symlink(join(peer.path, 'outside/secret.txt'), join(shared, 'secret.txt'))
  await symlink('../outside', join(shared, 'outside'))
  await symlink('nowhere', join(shared, 'dangling'))
  await symlink('real.txt', join(shared, 'second name.txt'))
  await symlink('folder', join(shared, 'linked folder'))
  await symlink('..', join(shared, 'folder', 'cycle'))
  await using socket = createServer()
  await new Promise<void>((resolve) => socket.listen(join(shared, 'socket'), resolve))
  execFileSync('mkfifo', [join(shared, 'pipe')])
  await peer.start()

  expect(peer.shared()).toEqual([
    'folder/inner.txt',
    'linked folder/inner.txt',
    'real.txt',
    'second name.txt',
  ])
  expect(
    peer.share
      .problems()
      .map(({ path, code }) => `${relative(shared, path)}: ${code}`)
      .toSorted(),
  ).toEqual([
    'dangling: LINK_BROKEN',
    'outside: LINK_LEADS_OUT',
    'pipe: SPECIAL_FILE',
    'secret.txt: LINK_LEADS_OUT',
    'socket: SPECIAL_FILE',
  ])
  expect(Object.fromEntries(peer.share.problemCounts())).toEqual({
    LINK_BROKEN: 1,
    LINK_LEADS_OUT: 2,
    SPECIAL_FILE: 2,
  })
})

test('a file that was replaced by a link out of the folder is dropped', async () => {
  await using peer = await ShareFixture.create()
  const path = await peer.write('shared/a.txt', 'a')
  const outside = await peer.write('outside/a.txt', 'a')
  await peer.start()

  await rm(path)
  await symlink(outside, path)
  await peer.rescan()

  expect(peer.shared()).toEqual([])
})

test('names are stored in normal form C, and files are read by their disk name', async () => {
  await using peer = await ShareFixture.create()
  const decomposed = 'cafe\u0301.txt'
  const path = await peer.write(`shared/${decomposed}`, 'c')
  await peer.start()

  expect(peer.shared()).toEqual(['caf\u00e9.txt'])
  expect(peer.share.find(sha256Of('c')).map(({ at }) => at.path)).toEqual([path])

  await peer.rescan()
  expect(peer.shared()).toEqual(['caf\u00e9.txt'])
})

test('of two files whose names differ only in normalization, the first is shared, the other is a problem', async () => {
  await using peer = await ShareFixture.create()
  await peer.write('shared/cafe\u0301.txt', 'first')
  await peer.start()
  const { lastSeq } = peer.share.catalog

  const second = await peer.write('shared/caf\u00e9.txt', 'second')
  await peer.rescan()

  expect(peer.share.catalog.lastSeq).toBe(lastSeq)
  const reason = "it has the same name as 'cafe\u0301.txt', in another Unicode normal form"
  expect(peer.share.problems()).toEqual([{ path: second, code: 'NAME_TWIN', reason }])
})

test('names that other systems cannot store are listed as problems until they are gone', async () => {
  await using peer = await ShareFixture.create()
  const bad = ['new\nline.txt', 'back\\slash.txt']
  const paths = await Promise.all(bad.map((name) => peer.write(`shared/${name}`, 'x')))
  writeFileSync(Buffer.from(`${peer.path}/shared/latin-\xe9.txt`, 'latin1'), 'x')
  await peer.write('shared/good.txt', 'good')
  await peer.start()

  expect(peer.shared()).toEqual(['good.txt'])
  expect(peer.share.problems().map(({ code }) => code)).toEqual(
    expect.arrayContaining(['NAME_BACKSLASH', 'NAME_CONTROL_CHARACTER', 'NAME_NOT_UTF8']),
  )

  await Promise.all(paths.map((path) => rm(path)))
  await peer.rescan()
  const reason = 'its name is not valid UTF-8'
  const path = join(peer.path, 'shared', 'latin-\\xe9.txt')
  expect(peer.share.problems()).toEqual([{ path, code: 'NAME_NOT_UTF8', reason }])
})

test('a file that is too large to be shared is a problem of that file alone', async () => {
  await using peer = await ShareFixture.create()
  const path = await peer.write('shared/huge.bin', '')
  await truncate(path, limits.contentBytesMax + 1)
  await utimes(path, 0, 0)
  await peer.write('shared/small.txt', 'small')
  await peer.start()

  expect(peer.shared()).toEqual(['small.txt'])
  expect(peer.share.problems()).toMatchObject([{ path, code: 'FILE_TOO_LARGE' }])
})

test.skipIf(process.getuid?.() === 0)(
  'an unreadable file is a problem of that file alone, and is retried',
  async () => {
    await using peer = await ShareFixture.create()
    const path = await peer.write('shared/locked.txt', 'locked')
    await peer.write('shared/open.txt', 'open')
    await chmod(path, 0)
    await peer.start()
    expect(peer.shared()).toEqual(['open.txt'])
    expect(peer.share.problems()).toMatchObject([{ path, code: 'FILE_NOT_READABLE' }])

    await chmod(path, 0o600)
    await peer.rescan()
    expect(peer.shared()).toEqual(['locked.txt', 'open.txt'])
    expect(peer.share.problems()).toEqual([])
  },
)

test('a file that is in place but not in the catalog, as after a crash, is found', async () => {
  await using peer = await ShareFixture.create()
  await peer.start()
  await peer.stop()
  await peer.write('downloaded/done.bin', 'done')
  await peer.write('.tandem/incoming/half', 'half of something')
  await peer.start()

  expect(peer.share.get({ kind: 'downloaded', name: 'done.bin' })).toBeDefined()
  expect(await readdir(join(peer.path, '.tandem/incoming'))).toEqual([])
})

test('a content of several chunks has its chunk list for as long as a file holds it', async () => {
  await using peer = await ShareFixture.create()
  const bytes = Buffer.alloc(2 * 1024 * 1024 + 1, 7)
  await peer.write('shared/a.bin', bytes)
  const copy = await peer.write('shared/b.bin', bytes)
  await peer.start()
  const [{ content } = { content: undefined }] = peer.share.list('shared', 1)
  const sha256 = content?.sha256 ?? ''

  const chunkList = peer.share.chunkList(sha256)
  expect(chunkList).toHaveLength(3 * 32)
  expect(
    createHash('sha256')
      .update(chunkList ?? '')
      .digest('hex'),
  ).toBe(content?.chunkRoot)

  await rm(join(peer.path, 'shared/a.bin'))
  await peer.rescan()
  expect(peer.share.chunkList(sha256)).toEqual(chunkList)

  await rm(copy)
  await peer.rescan()
  expect(peer.share.chunkList(sha256)).toBeUndefined()
})

test('a file that could not be served is compared again', async () => {
  await using peer = await ShareFixture.create()
  const path = await peer.write('shared/a.txt', 'a')
  await peer.start()

  await rm(path)
  peer.share.recheck(path)

  const afterAWhile = async (): Promise<string[]> => {
    await peer.clock.advance(500)
    return peer.shared()
  }
  await expect.poll(afterAWhile, { interval: 5 }).toEqual([])
})

test('two processes cannot use one data folder', async () => {
  await using peer = await ShareFixture.create()
  await peer.start()
  await peer.write('.tandem/incoming/being written', 'x')
  const options = { dataPath: peer.path, quietMs, rescanMs: 30_000 }
  const dependencies = { clock: peer.clock, random: seededRandom('second'), log: silentLog }

  await expect(Share.start(options, dependencies)).rejects.toMatchObject({ code: 'DATA_IN_USE' })
  expect(await readdir(join(peer.path, '.tandem/incoming'))).toEqual(['being written'])
})

test('files with times beyond our clocks are shared, with all their neighbours', async () => {
  await using peer = await ShareFixture.create()
  const dates = ['1969-12-31T23:59:59.9Z', '1902-01-01', '2300-01-01', '2446-05-10']
  for (const each of Array.from({ length: 50 }).keys()) await peer.write(`shared/${each}`, 'x')
  for (const date of dates)
    await utimes(await peer.write(`shared/${date.slice(0, 4)}.txt`, date), 0, new Date(date))
  await peer.start()
  // What is from the future is quiet when it has stayed the same for a while.
  await peer.clock.advance(quietMs)
  await peer.rescan()
  expect(peer.shared()).toHaveLength(54)
  expect(peer.share.problems()).toEqual([])
  const { lastSeq } = peer.share.catalog
  await peer.rescan()
  // None is read again.
  expect(peer.share.catalog.lastSeq).toBe(lastSeq)
})

test('a problem is known as soon as the system reports the file, and removed with it', async () => {
  await using peer = await ShareFixture.create()
  await peer.start()
  const shared = join(peer.path, 'shared')
  const codes = (): string[] => peer.share.problems().map(({ code }) => code)
  const cases: [name: string, code: string, make: (path: string) => Promise<unknown>][] = [
    ['back\\slash.txt', 'NAME_BACKSLASH', (path) => writeFile(path, 'x')],
    ['dangling', 'LINK_BROKEN', (path) => symlink('nowhere', path)],
    ['loop', 'LINK_BROKEN', (path) => symlink('loop', path)],
    ['secret', 'LINK_LEADS_OUT', (path) => symlink('/etc/passwd', path)],
    ['pipe', 'SPECIAL_FILE', async (path) => execFileSync('mkfifo', [path])],
  ]
  for (const [name, code, make] of cases) {
    const path = join(shared, name)
    await make(path)
    peer.onChange(path)
    await expect.poll(codes, { message: name, interval: 5 }).toEqual([code])
    await rm(path)
    peer.onChange(path)
    await expect.poll(codes, { message: name, interval: 5 }).toEqual([])
  }
})

test('temporary files of Tandem are not shared, and removed after a day', async () => {
  await using peer = await ShareFixture.create()
  const nowSeconds = peer.clock.nowMs() / 1_000
  for (const [name, ageSeconds] of [
    ['.tandem-0a', 90_000],
    ['d/.tandem-0b', 90_000],
    ['d/.tandem-0c', 60],
    ['.tandem/partial/x', 90_000],
    ['d/.tandem/y', 90_000],
    ['.tandemignored', 90_000],
  ] as const) {
    const path = await peer.write(`shared/${name}`, 'bytes')
    await utimes(path, nowSeconds - ageSeconds, nowSeconds - ageSeconds)
  }
  await peer.start()
  expect(peer.share.list('shared', 10).map(({ at }) => at.name)).toEqual(['.tandemignored'])
  expect(await readdir(join(peer.path, 'shared'))).toEqual(['.tandem', '.tandemignored', 'd'])
  expect(await readdir(join(peer.path, 'shared/d'))).toEqual(['.tandem', '.tandem-0c'])
  expect(peer.share.problems()).toMatchObject([{ code: 'NAME_RESERVED' }])
})

test('a failing comparison of folders does not end the others', async () => {
  await using peer = await ShareFixture.create()
  await peer.start()
  const { lookAtFolder } = peer
  peer.lookAtFolder = () => Promise.reject(new Error('the catalog cannot be written'))
  // A root stands for everything: that survey fails.
  peer.onFolder(join(peer.path, 'shared'))
  await peer.write('shared/first/a', 'a')
  peer.onFolder(join(peer.path, 'shared/first'))
  await expect.poll(() => peer.shared()).toEqual(['first/a'])

  await peer.write('shared/second/b', 'b')
  peer.onFolder(join(peer.path, 'shared/second'))
  await expect.poll(() => peer.shared()).toEqual(['first/a', 'second/b'])
  peer.lookAtFolder = lookAtFolder
})

test('leftovers that cannot be removed do not prevent the start', async () => {
  await using peer = await ShareFixture.create()
  await peer.write('.tandem/incoming/left', 'bytes')
  await peer.write('shared/.tandem/incoming/also left', 'bytes')
  // A folder that root cannot write to either.
  const broken = join(peer.path, 'downloaded/.tandem/incoming')
  await peer.write('downloaded/.tandem/a', '')
  await symlink('/proc/self/fd', broken)
  await peer.start()
  expect(await readdir(join(peer.path, '.tandem/incoming'))).toEqual([])
  expect(await readdir(join(peer.path, 'shared/.tandem/incoming'))).toEqual([])
})
