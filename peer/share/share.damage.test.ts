/** Copies whose bytes change on the disk without a trace. */
import { createHash } from 'node:crypto'
import {
  chmod,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import SQLite from 'better-sqlite3'
import { expect, test } from 'vitest'
import { hashFile } from '../../common/content/hash.ts'
import type { CopyKey } from '../../common/protocol/messages.ts'
import { aContent, type TestContent } from '../../common/testing/contents.ts'
import { ShareFixture } from '../testing/share-fixture.ts'
import type { Verdict } from './copy-verifier.ts'
import type { Entry } from './entry.ts'

const mebibyte = 1024 * 1024
/** A whole second, so that it can be restored exactly. */
const modifiedMs = 1_000_000_000_000
const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex')
const keys: readonly CopyKey[] = [
  { kind: 'shared', name: 'a.bin' },
  { kind: 'downloaded', name: 'a.bin' },
  { kind: 'replicated', owner: 'peer2', name: 'a.bin' },
]

/** A peer with one file, placed as if it was pushed or fetched. */
async function aPeerWith(key: CopyKey, { bytes }: TestContent): Promise<ShareFixture> {
  const peer = await ShareFixture.create()
  await peer.start()
  const partialPath = await peer.write('.tandem/partial/fetched', bytes, modifiedMs)
  await peer.share.adopt({ key, partialPath, ...(await hashFile(partialPath)) })
  return peer
}

function entryOf(peer: ShareFixture, key: CopyKey): Entry {
  const entry = peer.share.get(key)
  if (entry === undefined) throw new Error('there is no such entry')
  return entry
}

/** Changes a byte and restores the times, as a failing disk does. */
async function flip(path: string, position: number): Promise<void> {
  const before = await stat(path)
  {
    await using file = await open(path, 'r+')
    const byte = Buffer.alloc(1)
    await file.read(byte, 0, 1, position)
    byte[0] = (byte[0] ?? 0) ^ 1
    await file.write(byte, 0, 1, position)
  }
  await utimes(path, before.atime, before.mtime)
}

async function verdictOf(peer: ShareFixture, key: CopyKey): Promise<Verdict> {
  const { signal } = new AbortController()
  return await peer.share.readCopy(entryOf(peer, key).at.path, { signal })
}

/** The last announced change of a key. */
function announced(peer: ShareFixture, key: CopyKey): unknown {
  const changes = peer.share.catalog.changesSince(0, 100)
  return changes.findLast((change) => 'kind' in change && change.kind === key.kind)
}

/** The files kept aside: their bytes. */
async function aside(peer: ShareFixture): Promise<Buffer[]> {
  const folder = join(peer.path, '.tandem/damaged')
  const names = await readdir(folder).catch(() => [])
  return await Promise.all(names.map(async (name) => await readFile(join(folder, name))))
}

const big = aContent(2 * mebibyte + 5)

test.each(keys)(
  'a flipped byte in a $kind copy is found, and the copy is not served',
  async (key) => {
    await using peer = await aPeerWith(key, big)
    const { sha256 } = big.content
    expect(await verdictOf(peer, key)).toBe('good')
    const entry = entryOf(peer, key)
    await flip(entry.at.path, mebibyte + 7)
    expect(await verdictOf(peer, key)).toBe('bad')
    expect(peer.share.first(sha256)).toBe(undefined)
    expect(peer.share.find(sha256)).toEqual([])
    expect(peer.share.isServed(entry)).toBe(false)
    expect(await peer.share.hasCopy(sha256, { mayBeReplica: true })).toBe(false)
    const rotten = Buffer.from(big.bytes)
    rotten[mebibyte + 7] = (rotten[mebibyte + 7] ?? 0) ^ 1
    const isReplica = key.kind === 'replicated'
    expect(announced(peer, key)).toMatchObject({ op: 'put', sha256, damaged: true })
    const { verified } = peer.share.damagedContents.find(sha256) ?? {}
    expect([0, 1, 2].filter((chunk) => verified?.has(chunk))).toEqual([0, 2])
    expect(peer.share.damagedContents.contents).toEqual([big.content])
    if (isReplica) await peer.share.setAside(key)
    const dropped = { op: 'drop', name: 'a.bin', owner: 'peer2' }
    const marked = { op: 'put', sha256, damaged: true }
    expect(announced(peer, key)).toMatchObject(isReplica ? dropped : marked)
    expect(await aside(peer)).toEqual(isReplica ? [rotten] : [])
    expect(await readFile(entry.at.path).catch(() => 'moved')).toEqual(isReplica ? 'moved' : rotten)
    const reason = expect.stringContaining('1 of 3') as string
    expect(peer.share.problems()).toMatchObject(isReplica ? [] : [{ code: 'DAMAGED', reason }])
  },
)

test.each(keys)(
  'a good $kind copy takes the place of a damaged one, which is kept aside',
  async (key) => {
    await using peer = await aPeerWith(key, big)
    const { path } = entryOf(peer, key).at
    await flip(path, 0)
    expect(await verdictOf(peer, key)).toBe('bad')
    const partialPath = await peer.write('.tandem/partial/fetched', big.bytes)
    const fetched = { key, partialPath, ...(await hashFile(partialPath)) }
    const { lastSeq } = peer.share.catalog
    const { at } = await peer.share.adopt(fetched)
    expect(peer.share.catalog.lastSeq).toBe(lastSeq + 1)
    expect(at.path).toBe(path)
    expect(await readFile(path)).toEqual(Buffer.from(big.bytes))
    expect(await aside(peer)).toHaveLength(1)
    expect(peer.share.problems()).toEqual([])
    expect(peer.share.first(big.content.sha256)?.at.path).toBe(path)
    expect(announced(peer, key)).not.toHaveProperty('damaged')
    expect(await verdictOf(peer, key)).toBe('good')
    await peer.rescan()
    expect(peer.share.problems()).toEqual([])
  },
)

test('damaged files of one content and one long name are all kept aside', async () => {
  const name = `${'漢'.repeat(80)}.bin`
  const key = (owner: string): CopyKey => ({ kind: 'replicated', owner, name })
  await using peer = await aPeerWith(key('peer2'), big)
  const partialPath = await peer.write('.tandem/partial/fetched', big.bytes)
  await peer.share.adopt({ key: key('peer3'), partialPath, ...(await hashFile(partialPath)) })
  for (const [position, owner] of ['peer2', 'peer3'].entries()) {
    await flip(entryOf(peer, key(owner)).at.path, position)
    expect(await verdictOf(peer, key(owner))).toBe('bad')
    await peer.share.setAside(key(owner))
    expect(peer.share.get(key(owner))).toBe(undefined)
  }
  expect(await aside(peer)).toHaveLength(2)
})

test('a damaged file is found again by the next process, and good again when its bytes are', async () => {
  const [key] = keys as [CopyKey]
  await using peer = await aPeerWith(key, big)
  const { path } = entryOf(peer, key).at
  await flip(path, 5)
  expect(await verdictOf(peer, key)).toBe('bad')
  await peer.stop()
  await peer.start()
  expect(peer.share.first(big.content.sha256)).toBe(undefined)
  expect(peer.share.problems()).toMatchObject([{ path, code: 'DAMAGED' }])
  await flip(path, 5)
  expect(await verdictOf(peer, key)).toBe('good')
  expect(peer.share.first(big.content.sha256)?.at.path).toBe(path)
  expect(peer.share.problems()).toEqual([])
  expect(announced(peer, key)).not.toHaveProperty('damaged')
})

test('a truncated replica is moved aside, and a truncated file of a user is an edit', async () => {
  const [shared, , replicated] = keys as [CopyKey, CopyKey, CopyKey]
  await using peer = await aPeerWith(replicated, big)
  await truncate(entryOf(peer, replicated).at.path, mebibyte)
  expect(await verdictOf(peer, replicated)).toBe('bad')
  expect(announced(peer, replicated)).toMatchObject({ op: 'put', damaged: true })
  await peer.share.setAside(replicated)
  expect(peer.share.get(replicated)).toBe(undefined)
  expect(await aside(peer)).toHaveLength(1)

  await using other = await aPeerWith(shared, big)
  const { path } = entryOf(other, shared).at
  await truncate(path, mebibyte)
  await utimes(path, 1, 1)
  expect(await verdictOf(other, shared)).toBe('changed')
  await other.change(() => other.rescan())
  expect(entryOf(other, shared).content.size).toBe(mebibyte)
  expect(other.share.problems()).toEqual([])
})

test('a file that is replaced while it is read is no fault', async () => {
  const [key] = keys as [CopyKey]
  const large = aContent(9 * mebibyte)
  await using peer = await aPeerWith(key, large)
  const { path } = entryOf(peer, key).at
  const other = await peer.write('.tandem/other', large.bytes.subarray(1))
  const { signal } = new AbortController()
  let reads = 0
  const pace = async (): Promise<void> => {
    if (++reads === 1) await rename(other, path)
  }
  expect(await peer.share.readCopy(path, { signal, pace })).toBe('changed')
  expect(peer.share.problems()).toEqual([])
  expect(await aside(peer)).toEqual([])
})

test('a missing file is no fault of the disk, nor is one that may not be read', async () => {
  const [key] = keys as [CopyKey]
  await using peer = await aPeerWith(key, big)
  const { path } = entryOf(peer, key).at
  await rm(path)
  expect(await verdictOf(peer, key)).toBe('changed')
  expect(await aside(peer)).toEqual([])
  if (process.getuid?.() === 0) return
  await using locked = await aPeerWith(key, big)
  const entry = entryOf(locked, key)
  await chmod(entry.at.path, 0)
  expect(await verdictOf(locked, key)).toBe('refused')
  expect(locked.share.problems()).toMatchObject([{ code: 'FILE_NOT_READABLE' }])
})

test('a copy that a requester accuses is read immediately, and is announced or found damaged', async () => {
  const [key] = keys as [CopyKey]
  await using peer = await aPeerWith(key, big)
  const { sha256 } = big.content
  const seq = peer.share.catalog.lastSeq
  await peer.change(() => peer.share.verify(sha256))
  expect(announced(peer, key)).toMatchObject({ op: 'put', sha256 })
  expect(peer.share.catalog.lastSeq).toBe(seq + 1)
  await flip(entryOf(peer, key).at.path, 5)
  await peer.clock.advance(60_000)
  await peer.change(() => peer.share.verify(sha256))
  expect(announced(peer, key)).toMatchObject({ op: 'put', sha256, damaged: true })
})

test('a flipped byte is detected although size, time and inode are unchanged, also by the next process', async () => {
  await using peer = await ShareFixture.create()
  const path = await peer.write('shared/a.txt', 'old')
  await peer.start()
  const timeMs = peer.clock.nowMs() - 3_600_000
  const flip = async (text: string): Promise<void> => {
    await writeFile(path, text)
    await utimes(path, timeMs / 1_000, timeMs / 1_000)
  }
  const known = (): string | undefined =>
    peer.share.get({ kind: 'shared', name: 'a.txt' })?.content.sha256
  const isServed = (): boolean => peer.share.first(sha256Of('old')) !== undefined
  await peer.change(async () => {
    await flip('new')
    await peer.rescan()
  })
  expect([known(), isServed()]).toEqual([sha256Of('old'), false])
  // A person is told, for as long as nothing writes the file, also by the next process.
  const told = [{ path, code: 'DAMAGED', reason: expect.stringContaining('1 of 1') as string }]
  await expect.poll(() => peer.share.problems()).toMatchObject(told)
  await peer.rescan()
  expect(peer.share.problems()).toMatchObject(told)
  await peer.stop()
  await peer.start()
  expect([known(), isServed()]).toEqual([sha256Of('old'), false])
  expect(peer.share.problems()).toMatchObject(told)

  await peer.change(async () => {
    await flip('old')
    await peer.rescan()
  })
  expect([known(), isServed()]).toEqual([sha256Of('old'), true])
  expect(peer.share.problems()).toEqual([])
  await flip('new')
  await peer.change(async () => {
    await utimes(path, new Date(), new Date(timeMs + 1_000))
    peer.onChange(path)
    await peer.rescan()
  })
  expect([known(), isServed()]).toEqual([sha256Of('new'), false])
})

test('an entry of an earlier version gets its change time without reading the file', async () => {
  await using peer = await ShareFixture.create()
  const path = await peer.write('shared/a.txt', 'old')
  await peer.start()
  const timeMs = peer.clock.nowMs() - 3_600_000
  const flip = async (text: string): Promise<void> => {
    await writeFile(path, text)
    await utimes(path, timeMs / 1_000, timeMs / 1_000)
  }
  const known = (): string | undefined =>
    peer.share.get({ kind: 'shared', name: 'a.txt' })?.content.sha256
  await peer.stop()
  const catalog = new SQLite(join(peer.path, '.tandem', 'catalog.db'))
  catalog.exec('UPDATE entries SET ctime_ns = NULL')
  catalog.close()
  // Different bytes show that the file is not read.
  await flip('new')
  await peer.start()
  expect(peer.share.problems()).toEqual([])
  await peer.change(async () => {
    await flip('odd')
    await peer.rescan()
  })
  expect(known()).toBe(sha256Of('old'))
  await expect.poll(() => peer.share.problems()).toMatchObject([{ path, code: 'DAMAGED' }])
})

test.each([
  { what: 'a file', from: 'a.bin', to: 'b.bin', key: 'b.bin' },
  { what: 'a folder', from: 'f', to: 'g', key: 'g/a.bin' },
])('$what that is moved on the drive keeps its marks, whatever its size', async (move) => {
  for (const content of [big, aContent(1_000)]) {
    const name = move.from === 'f' ? 'f/a.bin' : 'a.bin'
    await using peer = await aPeerWith({ kind: 'shared', name }, content)
    await flip(entryOf(peer, { kind: 'shared', name }).at.path, 7)
    expect(await verdictOf(peer, { kind: 'shared', name })).toBe('bad')
    await peer.share.tree.move({ from: move.from, to: move.to, replace: false })
    const { sha256 } = content.content
    expect(await peer.share.tree.look(move.key)).toMatchObject({
      content: { sha256 },
      isDamaged: true,
    })
    const [damaged, ...others] = peer.share.damaged(0, 10)
    expect(damaged).toMatchObject({ at: { name: move.key }, content: { sha256 } })
    expect(others).toEqual([])
    const changes = peer.share.catalog.changesSince(0, 100)
    expect(changes).toMatchObject([
      { op: 'put', name: move.key, sha256, damaged: true },
      { op: 'remove', name, reason: 'renamed', renamedTo: move.key },
    ])
  }
})
