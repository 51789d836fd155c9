import { expect, test } from 'vitest'
import { AppError } from '../common/errors.ts'
import { limits } from '../common/limits.ts'
import { FakeClock } from '../common/testing/fake-clock.ts'
import { silentLog } from '../common/testing/silent-log.ts'
import { LoopTurns } from './loop-turns.ts'
import type { IndexStore, Totals } from './store/store.ts'
import { contentOf, IndexCluster, type TestPeer } from './testing/index-cluster.ts'
import { Trash } from './trash.ts'

const trashMs = 100_000

/** A peer with a file `f` that `count` peers in all may keep, and the others. */
async function aCluster(cluster: IndexCluster, count: number): Promise<readonly TestPeer[]> {
  const peers: TestPeer[] = []
  for (let number = 1; number <= count; number++) peers.push(await cluster.peer(`peer${number}`))
  await peers[0]?.shares('f', 'text')
  await cluster.advance(70_000)
  return peers
}

/** What the events say of files, oldest first. */
async function fileEvents(asker: TestPeer): Promise<unknown[]> {
  const { events } = await asker.ask('events', { limit: 500 })
  const others = /^(copied|dropped|trimmed|index|peer|healed)/
  return events
    .toReversed()
    .filter(({ kind }) => !others.test(kind))
    .map((event) => {
      const entries = Object.entries(event)
      return Object.fromEntries(entries.filter(([key]) => !/^(id|timeMs|count)$/.test(key)))
    })
}

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => undefined,
    (error: unknown) => error,
  )
}

test('a deleted file keeps its factor on other peers, is not listed, and expires', async () => {
  await using cluster = await IndexCluster.start({ trashMs })
  const [owner, ...others] = await aCluster(cluster, 3)
  if (owner === undefined) throw new Error('no owner')
  await owner.removes('f')
  await cluster.advance(10_000)
  expect(owner.tasks).toEqual([])
  for (const other of others)
    expect(other.tasks).toMatchObject([{ kind: 'replicate', owner: 'peer1', name: 'f' }])
  expect(await owner.ask('search', { query: '', limit: 9 })).toEqual({ files: [] })
  for (const type of ['lookup', 'why', 'versions', 'unshare'] as const)
    expect(await errorOf(owner.ask(type, { name: 'f' }))).toMatchObject({
      code: 'FILE_DELETED',
      details: { name: 'f', owner: 'peer1' },
    })
  // A download that runs, or that names the content, goes on.
  const { sha256 } = contentOf('text')
  const { contents } = await owner.ask('lookup', { name: 'f', sha256 })
  expect(contents.map(({ sources }) => sources.length)).toEqual([2])
  const { files } = await owner.ask('trash', { limit: 9 })
  expect(files).toMatchObject([{ owner: 'peer1', name: 'f', copies: 2 }])
  expect((await owner.ask('trash', { query: 'g', limit: 9 })).files).toEqual([])
  expect(await owner.ask('status', {})).toMatchObject({
    contents: 1,
    atFactor: 1,
    belowFactor: 0,
    trash: { files: 1, bytes: 4 },
  })

  await cluster.advance(trashMs)
  expect((await owner.ask('trash', { limit: 9 })).files).toEqual([])
  expect(await errorOf(owner.ask('lookup', { name: 'f' }))).toMatchObject({
    code: 'NAME_NOT_FOUND',
  })
  for (const other of others) expect(other.tasks.at(-1)).toMatchObject({ kind: 'drop', name: 'f' })
  expect(await owner.ask('status', {})).toMatchObject({ contents: 0, belowFactor: 0 })
})

test('with one other peer a deleted file has one copy, which is enough', async () => {
  await using cluster = await IndexCluster.start({ trashMs })
  const [owner, keeper] = await aCluster(cluster, 2)
  await owner?.removes('f')
  await cluster.advance(10_000)
  expect(owner?.tasks).toEqual([])
  const status = await owner?.ask('status', {})
  expect(status).toMatchObject({ contents: 1, atFactor: 1, belowFactor: 0 })
  // Another peer that joins gets the second copy.
  const third = await cluster.peer('peer3')
  await cluster.advance(10_000)
  expect(third.tasks).toMatchObject([{ kind: 'replicate', name: 'f' }])
  expect(keeper?.tasks).toHaveLength(1)
})

test('a file that was deleted before its first copy lacks none', async () => {
  await using cluster = await IndexCluster.start({ trashMs })
  const owner = await cluster.peer('peer1')
  await owner.shares('f', 'text')
  await owner.removes('f')
  await cluster.advance(10_000)
  expect(await owner.ask('status', {})).toMatchObject({ contents: 0, belowFactor: 0 })
  expect((await owner.ask('trash', { limit: 9 })).files).toEqual([])
})

test('the file of another owner is not touched', async () => {
  await using cluster = await IndexCluster.start({ trashMs })
  const [owner, other] = await aCluster(cluster, 3)
  await other?.shares('f', 'another')
  await cluster.advance(10_000)
  await owner?.removes('f')
  await cluster.advance(10_000)
  const { contents } = (await owner?.ask('lookup', { name: 'f' })) ?? { contents: [] }
  expect(contents.map(({ size }) => size)).toEqual(['another'.length])
  expect((await owner?.ask('trash', { limit: 9 }))?.files).toMatchObject([{ owner: 'peer1' }])
})

test('why an owner does not restore its file is told to the asker', async () => {
  await using cluster = await IndexCluster.start({ trashMs: 1_000_000 })
  const [owner, second] = await aCluster(cluster, 3)
  if (owner === undefined || second === undefined) throw new Error('no peers')
  await owner.removes('f')
  await cluster.advance(10_000)
  owner.restoreRefusal = new AppError('NAME_BLOCKED', { name: 'f', reason: 'it is a folder here' })
  const refused = await errorOf(second.ask('restore', { name: 'f' }))
  expect(refused).toMatchObject({
    code: 'RESTORE_REFUSED',
    details: { peerId: 'peer1', name: 'f' },
  })
  expect(refused).toMatchObject({
    message: expect.stringMatching(/folder here\. Rename or move one of the two\.$/) as string,
  })
  expect((await second.ask('trash', { limit: 9 })).files).toHaveLength(1)
})

test('a live owner is asked to restore its file; without it the asker takes it over', async () => {
  await using cluster = await IndexCluster.start({ trashMs: 1_000_000 })
  const [owner, second, third] = await aCluster(cluster, 3)
  if (owner === undefined || second === undefined) throw new Error('no peers')
  await owner.removes('f')
  await cluster.advance(10_000)
  expect(await second.ask('restore', { name: 'f' })).toMatchObject({ owner: 'peer1', at: 'peer1' })
  expect(owner.restored).toEqual(['f'])
  expect(await owner.ask('restore', { name: 'f' })).toMatchObject({ at: 'peer1' })
  expect(owner.restored).toEqual(['f'])
  await owner.shares('f', 'text')
  expect(await errorOf(second.ask('restore', { name: 'f' }))).toMatchObject({
    code: 'NOT_IN_TRASH',
  })

  await owner.removes('f')
  owner.crash()
  await cluster.advance(120_000)
  expect(await second.ask('restore', { name: 'f' })).toMatchObject({ owner: 'peer1', at: 'peer2' })
  await second.shares('f', 'text')
  await cluster.advance(20_000)
  expect((await second.ask('trash', { limit: 9 })).files).toEqual([])
  // The replica elsewhere now belongs to the file that took its place.
  expect(third?.relabelled).toEqual([['f', 'f']])
})

test('a peer removes what it deleted from the trash, and with force what others deleted', async () => {
  await using cluster = await IndexCluster.start({ trashMs: 1_000_000 })
  const [owner, second] = await aCluster(cluster, 3)
  if (owner === undefined || second === undefined) throw new Error('no peers')
  await second.shares('mine/g', 'other text')
  await cluster.advance(70_000)
  await owner.removes('f')
  await second.removes('mine/g')
  expect(await owner.ask('empty-trash', { pattern: 'x*' })).toEqual({ removed: 0, others: 0 })
  expect(await owner.ask('empty-trash', {})).toEqual({ removed: 1, others: 1 })
  expect(await owner.ask('empty-trash', { pattern: 'mine', force: true })).toEqual({
    removed: 1,
    others: 0,
  })
  await cluster.advance(10_000)
  expect(await owner.ask('status', {})).toMatchObject({ contents: 0 })
})

test('beyond the limit of bytes the file that was deleted first is removed', async () => {
  await using cluster = await IndexCluster.start({ trashBytes: 6 })
  const [owner] = await aCluster(cluster, 2)
  await owner?.shares('g', 'longer')
  await cluster.advance(70_000)
  await owner?.removes('f')
  await cluster.advance(2_000)
  expect((await owner?.ask('trash', { limit: 9 }))?.files).toHaveLength(1)
  await owner?.removes('g')
  await cluster.advance(10_000)
  expect((await owner?.ask('trash', { limit: 9 }))?.files).toMatchObject([{ name: 'g' }])
})

test('holders move their replicas when files are renamed, and after they return', async () => {
  await using cluster = await IndexCluster.start({})
  const [owner, keeper] = await aCluster(cluster, 2)
  if (owner === undefined || keeper === undefined) throw new Error('no peers')
  await owner.shares('new', 'text')
  await owner.removes('f', { reason: 'renamed', renamedTo: 'new' })
  await cluster.advance(2_000)
  expect(keeper.relabelled).toEqual([['f', 'new']])
  expect(keeper.tasks).toHaveLength(1)
  keeper.crash()
  await cluster.advance(1_000)
  await owner.shares('newer', 'text')
  await owner.removes('new', { reason: 'renamed', renamedTo: 'newer' })
  await cluster.advance(2_000)
  await keeper.connect()
  await cluster.advance(2_000)
  expect(keeper.relabelled.slice(1)).toEqual([['new', 'newer']])
  expect(await owner.ask('status', {})).toMatchObject({ contents: 1, belowFactor: 0 })
})

test('removed names are looked at now and then, by pages, the oldest beyond a million too', async () => {
  const clock = new FakeClock()
  const pages: Parameters<IndexStore['forgetGone']>[0][] = []
  const counts: number[] = []
  const goneMs = clock.nowMs() - 5
  const store = {
    oldestTrash: async () => [],
    totals: async () => ({ trashBytes: 0 }) as Totals,
    async goneBeyondMs(count: number) {
      counts.push(count)
      return goneMs
    },
    async forgetGone(page: (typeof pages)[number]) {
      pages.push(page)
      return pages.length % 2 === 1 ? { owner: 'a', name: 'last', goneMs } : undefined
    },
  } as unknown as IndexStore
  await using trash = new Trash(
    { trashMs, trashBytes: 1_000 },
    {
      store,
      peerOf: () => undefined,
      restoreFile: async () => {},
      onPurged: () => {},
      events: { record() {} },
      turns: new LoopTurns(),
      clock,
      log: silentLog,
    },
  )
  trash.start()
  await clock.advance(599_000)
  expect(pages).toEqual([])
  await clock.advance(2_000)
  for (let turns = 0; turns < 20; turns++) await clock.advance(0)
  const page = { beforeMs: goneMs, limit: 500 }
  expect(pages).toEqual([
    { ...page, after: { owner: '', name: '', goneMs: 0 } },
    { ...page, after: { owner: 'a', name: 'last', goneMs } },
  ])
  expect(counts).toEqual([limits.goneNamesMax])
})

test('deleting, restoring, emptying and expiring are recorded', async () => {
  await using cluster = await IndexCluster.start({ trashMs })
  const [owner, second] = await aCluster(cluster, 3)
  if (owner === undefined || second === undefined) throw new Error('no peers')
  await owner.removes('f')
  await cluster.advance(3_000)
  await owner.shares('f', 'text')
  await cluster.advance(3_000)
  await owner.removes('f')
  await cluster.advance(3_000)
  await second.shares('f', 'text')
  await cluster.advance(3_000)
  await second.removes('f')
  await cluster.advance(70_000)
  await owner.ask('empty-trash', { force: true })
  await cluster.advance(3_000)
  await owner.shares('g', 'longer')
  await cluster.advance(70_000)
  await owner.removes('g')
  await cluster.advance(trashMs + 10_000)
  const f = { name: 'f', bytes: 4 }
  const g = { name: 'g', bytes: 6 }
  expect(await fileEvents(owner)).toEqual([
    { kind: 'deleted', peerId: 'peer1', ...f },
    { kind: 'restored', peerId: 'peer1', name: 'f' },
    { kind: 'deleted', peerId: 'peer1', ...f },
    { kind: 'restored', peerId: 'peer2', otherPeerId: 'peer1', name: 'f' },
    { kind: 'deleted', peerId: 'peer1', ...g },
    { kind: 'expired', peerId: 'peer1', ...g, reason: 'its time has passed' },
  ])
})

test('a restoration that fails late is recorded with its reason', async () => {
  await using cluster = await IndexCluster.start({ trashMs })
  const [owner, second] = await aCluster(cluster, 2)
  if (owner === undefined || second === undefined) throw new Error('no peers')
  await owner.removes('f')
  const { sha256 } = contentOf('text')
  await owner.ask('restore-failed', { name: 'f', sha256, reason: 'the disk is full' })
  await cluster.advance(3_000)
  const { events } = await second.ask('events', { limit: 9, name: 'f', kinds: ['restore-failed'] })
  expect(events).toMatchObject([
    { kind: 'restore-failed', peerId: 'peer1', name: 'f', sha256, reason: 'the disk is full' },
  ])
})

test('what was removed from the trash, unshared, renamed or ignored is recorded', async () => {
  await using cluster = await IndexCluster.start({ trashMs })
  const [owner, second] = await aCluster(cluster, 2)
  if (owner === undefined || second === undefined) throw new Error('no peers')
  for (const name of ['a', 'b', 'c', 'd']) await owner.shares(name, `text of ${name}`)
  await cluster.advance(70_000)
  await owner.removes('a')
  await cluster.advance(3_000)
  await second.ask('empty-trash', { force: true })
  await cluster.advance(3_000)
  await owner.shares('new', 'text of b')
  for (let times = 0; times < 2; times++)
    await owner.removes('b', { reason: 'renamed', renamedTo: 'new' })
  await cluster.advance(3_000)
  await owner.removes('c', { reason: 'withdrawn' })
  await cluster.advance(3_000)
  await owner.ask('unshare', { name: 'd' })
  await cluster.advance(3_000)
  expect(await fileEvents(owner)).toEqual([
    { kind: 'deleted', peerId: 'peer1', name: 'a', bytes: 9 },
    { kind: 'emptied', peerId: 'peer2', otherPeerId: 'peer1', name: 'a', bytes: 9 },
    { kind: 'renamed', peerId: 'peer1', name: 'b', bytes: 9, reason: "now 'new'" },
    { kind: 'ignored', peerId: 'peer1', name: 'c', bytes: 9 },
    { kind: 'unshared', peerId: 'peer1', name: 'd' },
  ])
})

test('renaming a folder is one event', async () => {
  await using cluster = await IndexCluster.start({ trashMs })
  const [owner] = await aCluster(cluster, 2)
  if (owner === undefined) throw new Error('no peer')
  for (let number = 0; number < 20; number++) {
    await owner.shares(`old/${number}`, `${number}`)
    await owner.removes(`old/${number}`, { reason: 'renamed', renamedTo: `new/${number}` })
  }
  await cluster.advance(5_000)
  expect(await fileEvents(owner)).toMatchObject([
    { kind: 'renamed', peerId: 'peer1', folder: 'old', bytes: 30 },
  ])
})
