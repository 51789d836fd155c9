import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { chmod, readdir, rm, symlink, truncate, utimes } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join, relative } from 'node:path'
import { expect, test } from 'vitest'
import { limits } from '../../common/limits.ts'
import { quietMs, ShareFixture } from '../testing/share-fixture.ts'

const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex')

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

test('no new file is shared while the patterns of ignored ones cannot be read', async () => {
  await using peer = await ShareFixture.create()
  await peer.write('shared/known', 'known')
  await peer.start()
  await peer.stop()
  await peer.write('shared/.tandemignore', 'secret\n'.repeat(10_000))
  await peer.write('shared/secret', 'secret')
  await peer.write('shared/new', 'new')
  await peer.start()
  expect(peer.shared()).toEqual(['known'])
  expect(peer.share.problems()).toMatchObject([
    { path: join(peer.path, 'shared/.tandemignore'), code: 'PATTERNS_NOT_READABLE' },
  ])
  await peer.write('shared/.tandemignore', 'secret\n')
  await peer.rescan()
  expect(peer.shared()).toEqual(['known', 'new'])
  expect(peer.share.problems()).toEqual([])
})
