import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
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
