import { join } from 'node:path'
import { test } from 'vitest'
import { hasCode } from '../../common/errors.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { SqliteStore } from './sqlite-store.ts'
import { storeContract } from './store-contract.ts'
import type { OpenStore } from './store-fixture-contract.ts'

const openSqlite: OpenStore = async () => {
  const clock = new FakeClock()
  const folder = await temporaryFolder()
  const options = { path: join(folder.path, 'index.sqlite'), commitDelayMs: 0 }
  let store = new SqliteStore(options, { clock })
  return {
    get store() {
      return store
    },
    async commit(promise) {
      const [result] = await Promise.all([promise, clock.advance(0)])
      return result
    },
    async reopen() {
      await store[Symbol.asyncDispose]()
      store = new SqliteStore(options, { clock })
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
  await using first = new SqliteStore(options, { clock: new FakeClock() })
  await first.totals()
  const second = (): SqliteStore => new SqliteStore(options, { clock: new FakeClock() })
  expect(second).toThrow(expect.toSatisfy((error) => hasCode(error, 'DATA_IN_USE')))
})

test('a write that the database refuses fails alone, with none of its own changes kept', async ({
  expect,
}) => {
  const clock = new FakeClock()
  await using store = new SqliteStore({ path: ':memory:', commitDelayMs: 2 }, { clock })
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
