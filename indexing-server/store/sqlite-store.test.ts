import { join } from 'node:path'
import { test } from 'vitest'
import { hasCode } from '../../common/errors.ts'
import { systemRandom } from '../../common/random.ts'
import { type Database, openDatabase } from '../../common/sqlite.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { SqliteStore } from './sqlite-store.ts'
import { storeContract } from './store-contract.ts'
import type { OpenStore } from './store-fixture-contract.ts'

const openSqlite: OpenStore = async () => {
  const clock = new FakeClock()
  const folder = await temporaryFolder()
  const options = { path: join(folder.path, 'index.sqlite'), commitDelayMs: 0 }
  let store = new SqliteStore(options, { clock, random: systemRandom })
  return {
    get store() {
      return store
    },
    async commit(promise) {
      const [result] = await Promise.all([promise, clock.advance(0)])
      return result
    },
    async pass(ms) {
      await clock.advance(ms)
    },
    async reopen() {
      await store[Symbol.asyncDispose]()
      store = new SqliteStore(options, { clock, random: systemRandom })
    },
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

storeContract('SqliteStore', openSqlite)

test('a second process is told that the folder is in use', { timeout: 10_000 }, async ({
  expect,
}) => {
  await using folder = await temporaryFolder()
  const options = { path: join(folder.path, 'index.sqlite'), commitDelayMs: 0 }
  await using first = new SqliteStore(options, { clock: new FakeClock(), random: systemRandom })
  await first.totals()
  const second = (): SqliteStore =>
    new SqliteStore(options, { clock: new FakeClock(), random: systemRandom })
  expect(second).toThrow(expect.toSatisfy((error) => hasCode(error, 'DATA_IN_USE')))
})

test('a write that the database refuses fails alone, with none of its own changes kept', async ({
  expect,
}) => {
  const clock = new FakeClock()
  await using store = new SqliteStore(
    { path: ':memory:', commitDelayMs: 2 },
    { clock, random: systemRandom },
  )
  const peer = { host: 'h', port: 1, zone: undefined, freeBytes: 5, epoch: 'e', heardMs: 1.5 }
  const registered = Promise.all([
    store.register({ ...peer, peerId: 'before' }),
    store.recordGone('before', 'dead', 2.25),
    expect(store.register({ ...peer, peerId: 'refused', freeBytes: 0.5 })).rejects.toThrow('REAL'),
    expect(store.register({ ...peer, peerId: 'refused', port: 2 ** 80 })).rejects.toThrow('REAL'),
    store.register({ ...peer, peerId: 'after' }),
  ])
  await clock.advance(2)
  await registered
  const peers = await store.peers()
  expect(peers.map(({ peerId, gone }) => [peerId, gone])).toEqual([
    ['after', undefined],
    ['before', 'dead'],
  ])
})

/** A store whose database can be made to refuse all writes; groups are committed immediately. */
function aStore() {
  const clock = new FakeClock()
  const faults: string[] = []
  let database: Database | undefined
  const store = new SqliteStore(
    { path: ':memory:', commitDelayMs: 0 },
    {
      clock,
      random: systemRandom,
      onFault: ({ code }) => faults.push(code),
      open: (path, options) => (database = openDatabase(path, options)),
    },
  )
  return {
    store,
    faults,
    refuseWrites: (isRefused: boolean) =>
      database?.pragma(`query_only = ${isRefused ? 'on' : 'off'}`),
    settled: async <T>(promise: Promise<T>): Promise<T | string> => {
      const settled = promise.catch((error: unknown) => (error as { code: string }).code)
      await clock.advance(0)
      return await settled
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}

const registration = { peerId: 'a', host: 'h', port: 1, zone: undefined, freeBytes: 5, heardMs: 1 }
const nothing = { changes: [] as const, begin: true, end: true, previousSeq: 0 }

test('while nothing can be written known peers register and resume, and are recorded before they announce', async ({
  expect,
}) => {
  await using world = aStore()
  const { store, settled, refuseWrites, faults } = world
  const identity = 'one'
  await settled(store.register({ ...registration, epoch: 'e1', identity }))
  await settled(store.announce({ ...nothing, changes: [], peerId: 'a', epoch: 'e1', lastSeq: 7 }))
  refuseWrites(true)
  const moved = { ...registration, host: 'elsewhere', identity }
  const continues = { epoch: 'e1', lastSeq: 9 }
  expect(await settled(store.register({ ...moved, epoch: 'e2', continues }))).toMatchObject({
    seenSeq: 7,
  })
  expect(faults).toEqual(['DISK_FAILED'])
  for (const [epoch, lastSeq, seenSeq] of [
    ['e1', 6, 0],
    ['e0', 9, 0],
    ['e1', 7, 7],
  ] as const) {
    const resumed = store.register({ ...moved, epoch: 'e2', continues: { epoch, lastSeq } })
    expect(await settled(resumed)).toMatchObject({ seenSeq })
  }
  const next = { peerId: 'a', epoch: 'e2', previousSeq: 7, lastSeq: 8, changes: [] }
  expect(await settled(store.announce(next))).toBe('DISK_FAILED')
  refuseWrites(false)
  expect(await settled(store.announce(next))).toMatchObject({ seenSeq: 8 })
  expect(await store.peers()).toMatchObject([{ peerId: 'a', host: 'elsewhere' }])
})

test('while nothing can be written unknown peers, new secrets and intent fail clearly', async ({
  expect,
}) => {
  await using world = aStore()
  const { store, settled, refuseWrites } = world
  await settled(store.register({ ...registration, epoch: 'e1', identity: 'one' }))
  await settled(store.register({ ...registration, peerId: 'b', epoch: 'e1' }))
  refuseWrites(true)
  const other = { ...registration, epoch: 'e1', identity: 'two' }
  expect(await settled(store.register(other))).toBe('PEER_ID_BOUND')
  expect(await settled(store.register({ ...other, peerId: 'b' }))).toBe('DISK_FAILED')
  expect(await settled(store.register({ ...other, peerId: 'new' }))).toBe('DISK_FAILED')
  const unnamed = { ...registration, peerId: 'new', epoch: 'e1' }
  expect(await settled(store.register(unnamed))).toBe('DISK_FAILED')
  const file = { owner: 'a', name: 'n' }
  expect(await settled(store.unshare(file))).toBe('DISK_FAILED')
  expect(await settled(store.share(file))).toBe('DISK_FAILED')
  expect(await settled(store.releaseIdentity('a', { onlyIfEmpty: false }))).toBe('DISK_FAILED')
  refuseWrites(false)
  expect(await store.namesakes('n', 5)).toMatchObject({ unsharedBy: [] })
  expect((await store.peers()).map(({ peerId }) => peerId)).toEqual(['a', 'b'])
})

test('deaths and registrations that could not be written are written by a later probe, in their order', async ({
  expect,
}) => {
  await using world = aStore()
  const { store, settled, refuseWrites } = world
  for (const peerId of ['a', 'b', 'c', 'd'])
    await settled(store.register({ ...registration, peerId, epoch: 'e1' }))
  const states = async () => (await store.peers()).map(({ host, gone }) => `${host} ${gone}`)
  refuseWrites(true)
  expect(await settled(store.recordGone('a', 'dead', 5.5))).toBeUndefined()
  await settled(store.register({ ...registration, peerId: 'b', host: 'new', epoch: 'e1' }))
  await settled(store.recordGone('b', 'left', 6))
  await settled(store.recordGone('c', 'dead', 5))
  await settled(store.register({ ...registration, peerId: 'c', host: 'new', epoch: 'e1' }))
  expect(await settled(store.probe())).toBe('DISK_FAILED')
  expect(await states()).toEqual(Array(4).fill('h undefined'))
  refuseWrites(false)
  expect(await settled(store.probe())).toBeUndefined()
  expect(await states()).toEqual(['h dead', 'new left', 'new undefined', 'h undefined'])
})

test('of what could not be written, a value that the database refuses is left out, and the rest is written', async ({
  expect,
}) => {
  await using world = aStore()
  const { store, settled, refuseWrites } = world
  for (const peerId of ['a', 'b', 'c'])
    await settled(store.register({ ...registration, peerId, epoch: 'e1' }))
  refuseWrites(true)
  for (const [peerId, freeBytes] of [
    ['a', 6],
    ['b', 0.5],
    ['c', 6],
  ] as const) {
    const group = [
      // Fails first, and with it the group.
      store.recordGone('c', 'dead', 1),
      store.register({ ...registration, peerId, epoch: 'e1', freeBytes }),
    ]
    await settled(Promise.all(group))
  }
  refuseWrites(false)
  expect(await settled(store.probe())).toBeUndefined()
  const peers = await store.peers()
  expect(peers.map(({ freeBytes }) => freeBytes)).toEqual([6, 5, 6])
  refuseWrites(true)
  expect(await settled(store.recordGone('a', 'left', 2))).toBeUndefined()
})

test('a run that continues one that could not be written resumes', async ({ expect }) => {
  await using world = aStore()
  const { store, settled, refuseWrites } = world
  await settled(store.register({ ...registration, epoch: 'e1' }))
  await settled(store.announce({ ...nothing, changes: [], peerId: 'a', epoch: 'e1', lastSeq: 7 }))
  refuseWrites(true)
  const second = { epoch: 'e2', continues: { epoch: 'e1', lastSeq: 7 } }
  await settled(store.register({ ...registration, ...second }))
  refuseWrites(false)
  const third = { epoch: 'e3', continues: { epoch: 'e2', lastSeq: 9 } }
  expect(await settled(store.register({ ...registration, ...third }))).toMatchObject({ seenSeq: 7 })
})
