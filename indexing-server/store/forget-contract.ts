import { expect, test } from 'vitest'
import type { Forgotten, IndexStore } from './store.ts'
import {
  announcerOf,
  drop,
  hashOf,
  type OpenedStore,
  type OpenStore,
  put,
  registration,
} from './store-fixture-contract.ts'

async function names(store: IndexStore): Promise<string[]> {
  return (await store.listNames({ name: '', contentId: 0 }, 99)).map(({ name }) => name)
}

/** Removes all copies and needless files of a peer, in steps of at most `limit`. */
async function forgotten(opened: OpenedStore, peerId: string, limit = 9) {
  const { store } = opened
  const touched = new Set<string>()
  let copies = 0
  const run = async (step: (after: string) => Promise<Forgotten>): Promise<void> => {
    for (let after: string | undefined = ''; after !== undefined; ) {
      const { removed, names, next }: Forgotten = await opened.commit(step(after))
      expect(removed).toBeLessThanOrEqual(limit)
      for (const name of names) touched.add(name)
      copies += removed
      after = next
    }
  }
  await run(() => store.forgetCopies(peerId, limit))
  const result = { copies, touched }
  await run((after) => store.forgetFiles(peerId, after, limit))
  return result
}

/** What every store does to forget a peer. */
export function forgetContract(open: OpenStore): void {
  forgettingPeers(open)
  filesOfForgottenOwners(open)
}

function forgettingPeers(open: OpenStore): void {
  test('forgetting a peer removes its copies in steps, with the files that have no other', async () => {
    await using opened = await open()
    const { store } = opened
    const gone = await announcerOf(opened, 'gone')
    const other = await announcerOf(opened, 'other')
    await gone(put('kept', 'kept'), put('lost', 'lost'), put('also lost', 'lost'))
    await gone(put('theirs', 'theirs', { kind: 'replicated', owner: 'other' }))
    await other(put('kept', 'kept', { kind: 'replicated', owner: 'gone' }))
    expect(await names(store)).toEqual(['also lost', 'kept', 'lost', 'theirs'])

    const { copies, touched } = await forgotten(opened, 'gone', 2)
    expect(copies).toBe(4)
    expect(touched).toEqual(new Set(['also lost', 'kept', 'lost', 'theirs']))
    // The owner of `theirs` may return with it.
    expect(await names(store)).toEqual(['kept', 'theirs'])
    expect(await store.contentsHashed(hashOf('lost'))).toEqual([])
    const [kept] = await store.contentsHashed(hashOf('kept'))
    expect(kept).toMatchObject({
      holders: [{ peerId: 'other', kind: 'replicated' }],
      file: { owner: 'gone', name: 'kept' },
    })
    await opened.commit(store.forgetPeer('gone', { releasesId: true }))
    expect((await store.peers()).map(({ peerId }) => peerId)).toEqual(['other'])
    expect(await store.totals()).toMatchObject({ names: 2, contents: 2, wanted: 2, copies: 1 })
  })

  test('a forgotten peer starts anew, with its unshared names still unshared', async () => {
    await using opened = await open()
    const { store } = opened
    const gone = await announcerOf(opened, 'gone')
    await gone(put('hidden', 'text'), put('open', 'text'))
    await opened.commit(store.unshare({ owner: 'gone', name: 'hidden' }))
    await forgotten(opened, 'gone')
    const again = await opened.commit(store.register(registration('gone')))
    expect(again).toMatchObject({ seenSeq: 0, holdings: { copies: 0 } })
    await opened.commit(store.forgetPeer('gone', { releasesId: true }))
    const returned = await announcerOf(opened, 'gone')
    await returned(put('hidden', 'text'), put('open', 'text'))
    expect(await names(store)).toEqual(['open'])
  })

  test('its claim on its id is released, even if files belong to it', async () => {
    await using opened = await open()
    const { store } = opened
    const identity = 'a'.repeat(64)
    await opened.commit(store.register(registration('gone', { identity })))
    const keeper = await announcerOf(opened, 'keeper')
    await keeper(put('a', 'a', { kind: 'replicated', owner: 'gone' }))
    await opened.commit(store.forgetPeer('gone', { releasesId: false }))
    expect(await store.identityOf('gone')).toBe(identity)
    await opened.commit(store.register(registration('gone', { identity })))
    await opened.commit(store.forgetPeer('gone', { releasesId: true }))
    expect(await store.identityOf('gone')).toBeUndefined()
  })
}

function filesOfForgottenOwners(open: OpenStore): void {
  test('a file that another peer shares under the same name is only that one’s from then on', async () => {
    await using opened = await open()
    const { store } = opened
    const gone = await announcerOf(opened, 'gone')
    const heir = await announcerOf(opened, 'heir')
    await gone(put('same', 'text'), put('edited', 'old'))
    await heir(put('same', 'text'), put('edited', 'new'))
    await heir(put('edited', 'old', { kind: 'replicated', owner: 'gone' }))
    await forgotten(opened, 'gone', 1)
    const owners = async (name: string) => (await store.namesakes(name, 9)).owners
    expect([await owners('same'), await owners('edited')]).toEqual([['heir'], ['gone', 'heir']])
  })

  test('no keeper restores a file that a forgotten owner did not have', async () => {
    await using opened = await open()
    const { store } = opened
    const gone = await announcerOf(opened, 'gone')
    await gone(put('a', 'a'))
    await (await announcerOf(opened, 'other'))(put('a', 'a'))
    await forgotten(opened, 'gone')
    await opened.commit(store.forgetPeer('gone', { releasesId: true }))
    const keeper = await announcerOf(opened, 'keeper')
    await keeper(put('b', 'b', { kind: 'replicated', owner: 'gone' }))
    expect(await names(store)).toEqual(['a'])
  })

  test('a lost file returns with a peer that has it after all', async () => {
    await using opened = await open()
    const { store } = opened
    const gone = await announcerOf(opened, 'gone')
    await gone(put('a', 'a'))
    await gone(drop('a'))
    expect(await names(store)).toEqual(['a'])
    await forgotten(opened, 'gone')
    await opened.commit(store.forgetPeer('gone', { releasesId: true }))
    expect(await names(store)).toEqual([])
    const keeper = await announcerOf(opened, 'keeper')
    await keeper(put('a', 'a', { kind: 'replicated', owner: 'gone' }))
    expect(await names(store)).toEqual(['a'])
  })

  test('a file of another owner that only the forgotten peer had is still missed', async () => {
    await using opened = await open()
    const { store } = opened
    const other = await announcerOf(opened, 'other')
    await other(put('a', 'a'))
    const gone = await announcerOf(opened, 'gone')
    await gone(put('a', 'a', { kind: 'replicated', owner: 'other' }))
    await other(drop('a'))
    await forgotten(opened, 'gone')
    expect(await names(store)).toEqual(['a'])
  })
}
