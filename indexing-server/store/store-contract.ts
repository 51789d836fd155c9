import { describe, expect, test } from 'vitest'
import { hasCode } from '../../common/errors.ts'
import { countersContract } from './counters-contract.ts'
import { damagedCopies } from './damaged-copies-contract.ts'
import { eventsContract } from './events-contract.ts'
import { folderContract } from './folder-contract.ts'
import { forgetContract } from './forget-contract.ts'
import { intentContract } from './intent-contract.ts'
import { proofsContract } from './proofs-contract.ts'
import { replacedVersionsContract, versionListContract } from './replaced-versions-contract.ts'
import type { Registration } from './store.ts'
import {
  announcerOf,
  drop,
  epoch,
  hashOf,
  type OpenedStore,
  type OpenStore,
  put,
  registration,
} from './store-fixture-contract.ts'
import { trashContract } from './trash-contract.ts'

async function textsNamed({ store }: OpenedStore, name: string, texts: readonly string[]) {
  const found = await store.contentsNamed(name, 100)
  return found.map(({ sha256 }) => texts.find((text) => hashOf(text) === sha256))
}

/** What every store must do. */
export function storeContract(what: string, open: OpenStore): void {
  describe(`${what} as an IndexStore`, () => {
    registrations(open)
    identities(open)
    announcements(open)
    inventories(open)
    files(open)
    unsharing(open)
    replacedVersionsContract(open)
    versionListContract(open)
    trashContract(open)
    damagedCopies(open)
    eventsContract(open)
    proofsContract(open)
    intentContract(open)
    countersContract(open)
    forgetContract(open)
    folderContract(open)
    questions(open)
    times(open)
  })
}

function registrations(open: OpenStore): void {
  test('peers and their ends outlive the store', async () => {
    await using opened = await open()
    const { store } = opened
    await opened.commit(store.register(registration('a', { zone: 'z' })))
    await opened.commit(store.register(registration('b')))
    await opened.commit(store.recordGone('b', 'left', 8.625))
    await opened.reopen()
    expect(await opened.store.peers()).toEqual([
      {
        peerId: 'a',
        host: 'h',
        port: 1,
        zone: 'z',
        freeBytes: 5,
        copies: 0,
        bytes: 0,
        replicas: 0,
        replicaBytes: 0,
        heardMs: 7,
        gone: undefined,
      },
      {
        peerId: 'b',
        host: 'h',
        port: 1,
        zone: undefined,
        freeBytes: 5,
        copies: 0,
        bytes: 0,
        replicas: 0,
        replicaBytes: 0,
        heardMs: 9,
        gone: 'left',
      },
    ])
    await opened.commit(opened.store.register(registration('b', { host: 'other' })))
    expect((await opened.store.peers())[1]).toMatchObject({ host: 'other', gone: undefined })
  })

  test('a peer without copies can be forgotten', async () => {
    await using opened = await open()
    const { store } = opened
    const announce = await announcerOf(opened, 'holder')
    await announce(put('a', 'text'))
    await opened.commit(store.unshare({ owner: 'holder', name: 'a' }))
    await opened.commit(store.register(registration('idle')))
    for (const peerId of ['holder', 'idle', 'unknown'])
      await opened.commit(store.forgetPeer(peerId, { releasesId: false }))
    expect((await store.peers()).map(({ peerId }) => peerId)).toEqual(['holder'])
  })

  test('the last change is recorded per epoch, and only for a finished inventory', async () => {
    await using opened = await open()
    const announce = await announcerOf(opened, 'a')
    await announce(put('f', 'x'))
    await opened.reopen()
    const seenSeq = async (fields: Partial<Registration> = {}): Promise<number> => {
      const { store } = opened
      return (await opened.commit(store.register(registration('a', fields)))).seenSeq
    }
    expect(await seenSeq()).toBe(1)
    expect(await seenSeq({ epoch: 'f'.repeat(16) })).toBe(0)
    const begin = { peerId: 'a', epoch, begin: true, previousSeq: 0, lastSeq: 5, changes: [] }
    await opened.commit(opened.store.announce(begin))
    expect(await seenSeq()).toBe(0)
  })
}

function identities(open: OpenStore): void {
  const [first, second] = ['1'.repeat(64), '2'.repeat(64)]

  test('an id is bound to the identity that came first', async () => {
    await using opened = await open()
    const register = (identity: string | undefined): Promise<unknown> =>
      opened.commit(opened.store.register(registration('a', { identity })))
    await register(undefined)
    expect(await opened.store.identityOf('a')).toBeUndefined()
    await register(first)
    await expect(register(second)).rejects.toMatchObject({ code: 'PEER_ID_BOUND' })
    await expect(register(undefined)).rejects.toMatchObject({ code: 'PEER_ID_BOUND' })
    await opened.reopen()
    expect(await opened.store.identityOf('a')).toBe(first)
    await register(first)
  })

  test('an id is released by force, or when nothing belongs to it', async () => {
    await using opened = await open()
    await opened.commit(opened.store.register(registration('a', { identity: first })))
    const release = (onlyIfEmpty: boolean): Promise<boolean> =>
      opened.commit(opened.store.releaseIdentity('a', { onlyIfEmpty }))
    const file = { owner: 'a', name: 'f' }
    await opened.commit(opened.store.unshare(file))
    expect(await release(true)).toBe(false)
    await opened.commit(opened.store.share(file))
    expect(await release(true)).toBe(true)
    expect(await release(false)).toBe(false)
    await opened.commit(opened.store.register(registration('a', { identity: second })))
    expect(await release(false)).toBe(true)
    expect(await opened.store.identityOf('a')).toBeUndefined()
  })
}

function announcements(open: OpenStore): void {
  test('a gap is refused and changes nothing', async () => {
    await using opened = await open()
    const announce = await announcerOf(opened, 'a')
    await announce(put('f', 'x'))
    const gap = { peerId: 'a', epoch, previousSeq: 7, lastSeq: 8, changes: [put('g', 'y')] }
    const refused: unknown = await opened
      .commit(opened.store.announce(gap))
      .catch((error: unknown) => error)
    expect(hasCode(refused, 'SEQUENCE_GAP') && refused.details).toEqual({ expected: 1, got: 7 })
    expect(await opened.store.contentsNamed('g', 1)).toEqual([])
  })

  test('writes report what they touched: old and new content, each name', async () => {
    await using opened = await open()
    const announce = await announcerOf(opened, 'a')
    const first = await announce(put('f', 'old'))
    const again = await announce(put('f', 'old'))
    expect(again).toMatchObject({ contentIds: [], names: [] })
    const changed = await announce(put('f', 'new'))
    expect(changed.names).toEqual(['f'])
    expect(changed.contentIds).toHaveLength(2)
    expect(changed.contentIds).toContain(first.contentIds[0])
  })
}

function inventories(open: OpenStore): void {
  test('sums of sizes stay in bounds, whatever peers claim to have', async () => {
    await using opened = await open()
    const announce = await announcerOf(opened, 'p')
    const names = Array.from({ length: 1_100 }, (_, index) => `n${index}`)
    const huge = { size: Number.MAX_SAFE_INTEGER, chunkRoot: hashOf('root') }
    const { holdings } = await announce(...names.map((name) => ({ ...put(name, name), ...huge })))
    expect(holdings.bytes).toBe(Number.MAX_SAFE_INTEGER)
    expect((await opened.store.totals()).bytes).toBe(Number.MAX_SAFE_INTEGER)
    expect(await opened.store.peers()).toMatchObject([{ bytes: Number.MAX_SAFE_INTEGER }])
    await announce(put('small', 'small'))
    const dropped = await announce(...names.map((name) => drop(name)))
    expect(dropped.holdings.copies).toBe(1)
    expect(dropped.holdings.bytes).toBeGreaterThanOrEqual(0)
  })

  test('the end of an inventory removes what it does not name', async () => {
    await using opened = await open()
    const announce = await announcerOf(opened, 'a')
    await announce(put('f', 'x'), put('g', 'y', { kind: 'downloaded' }))
    const inventory = { peerId: 'a', epoch: 'f'.repeat(16), previousSeq: 0, lastSeq: 1 }
    const changes = [put('f', 'x')]
    await opened.commit(opened.store.announce({ ...inventory, begin: true, changes }))
    expect(await opened.store.totals()).toMatchObject({ copies: 2 })
    const end = { ...inventory, end: true, previousSeq: 1, changes: [] }
    const swept = await opened.commit(opened.store.announce(end))
    expect(swept).toMatchObject({ names: ['g'], holdings: { copies: 1, bytes: 1 } })
  })

  test('a claim about a hash is a separate content', async () => {
    await using opened = await open()
    const a = await announcerOf(opened, 'a')
    const b = await announcerOf(opened, 'b')
    await a(put('f', 'x'))
    await b(put('f', 'x', { chunkRoot: hashOf('lie') }))
    const claims = await opened.store.contentsHashed(hashOf('x'))
    expect(claims.map(({ holders }) => holders)).toEqual([
      [{ peerId: 'a', kind: 'shared' }],
      [{ peerId: 'b', kind: 'shared' }],
    ])
  })
}

const texts = ['one', 'two', 'three']

function files(open: OpenStore): void {
  test('a file outlives the copy of its owner', async () => {
    await using opened = await open()
    const announce = await announcerOf(opened, 'a')
    await announce(put('f', 'one'))
    await announce(drop('f'))
    const [content] = await opened.store.contentsNamed('f', 1)
    expect(content).toMatchObject({ file: { owner: 'a', name: 'f' }, holders: [] })
  })

  test('a keeper restores an unknown file; the owner’s announcement overrides it', async () => {
    await using opened = await open()
    const keeper = await announcerOf(opened, 'k')
    const replica = { kind: 'replicated', owner: 'a' } as const
    await keeper(put('f', 'one', { ...replica, modifiedMs: 5 }))
    const other = await announcerOf(opened, 'l')
    await other(put('f', 'two', { ...replica, modifiedMs: 4 }))
    expect(await textsNamed(opened, 'f', texts)).toEqual(['one'])
    const owner = await announcerOf(opened, 'a')
    await owner(put('f', 'three', { modifiedMs: 1 }))
    await keeper(put('f', 'one', { ...replica, modifiedMs: 9 }))
    expect(await textsNamed(opened, 'f', texts)).toEqual(['three'])
    const [old] = await opened.store.contentsHashed(hashOf('one'))
    const contentId = old?.contentId ?? 0
    expect(await opened.store.obsoleteCopies(contentId, 9)).toEqual([])
    await opened.commit(opened.store.forgetReplaced({ owner: 'a', name: 'f' }, [contentId]))
    expect(await opened.store.obsoleteCopies(contentId, 9)).toEqual([
      { peerId: 'k', owner: 'a', name: 'f' },
    ])
  })

  test('the replicas of a content on a peer are listed, and a replica leads to its content', async () => {
    await using opened = await open()
    const { store } = opened
    const owner = await announcerOf(opened, 'a')
    await owner(put('f', 'one'), put('g', 'one'), put('h', 'two'))
    const keeper = await announcerOf(opened, 'k')
    const replica = { kind: 'replicated', owner: 'a' } as const
    const aside = { ...replica, version: hashOf('one') }
    await keeper(put('f', 'one', replica), put('g', 'one', replica), put('h', 'one', aside))
    await keeper(put('h', 'two', replica), put('x', 'one', { kind: 'downloaded' }))
    const [content] = await store.contentsHashed(hashOf('one'))
    const contentId = content?.contentId ?? 0
    const names = async (peerId: string, limit: number): Promise<string[]> =>
      (await store.replicasAt(contentId, peerId, limit)).map(({ name }) => name)
    expect(await names('k', 9)).toEqual(['f', 'g', 'h'])
    expect(await names('k', 2)).toHaveLength(2)
    expect(await names('a', 9)).toEqual([])
    const idOf = async (peerId: string, name: string, text: string): Promise<unknown> =>
      await store.replicaContentId(peerId, { owner: 'a', name, sha256: hashOf(text) })
    expect(await idOf('k', 'h', 'one')).toBe(contentId)
    expect(await idOf('k', 'h', 'two')).toBe(contentId + 1)
    expect(await idOf('k', 'f', 'two')).toBeUndefined()
    expect(await idOf('k', 'x', 'one')).toBeUndefined()
    expect(await idOf('a', 'f', 'one')).toBeUndefined()
  })

  test('a keeper restores files of an owner that lost its disk, too, but not for ever', async () => {
    await using opened = await open()
    const keeper = await announcerOf(opened, 'k')
    const owner = await announcerOf(opened, 'a')
    const replica = { kind: 'replicated', owner: 'a', modifiedMs: 9 } as const
    await owner(put('own', 'two'))
    await keeper(put('kept', 'one', replica), put('own', 'three', replica))
    expect(await textsNamed(opened, 'kept', texts)).toEqual(['one'])
    expect(await textsNamed(opened, 'own', texts)).toEqual(['two'])
    await opened.pass(31 * 86_400_000)
    await keeper(put('invented', 'three', replica))
    expect(await opened.store.contentsNamed('invented', 9)).toEqual([])
    expect(await opened.store.versionsNamed('invented', { limit: 9 })).toEqual([])
  })
}

function unsharing(open: OpenStore): void {
  test('unshare hides a file and its downloads from names, share brings it back', async () => {
    await using opened = await open()
    const owner = await announcerOf(opened, 'a')
    const user = await announcerOf(opened, 'u')
    const keeper = await announcerOf(opened, 'k')
    await owner(put('f', 'one'))
    await user(put('f', 'one', { kind: 'downloaded' }))
    await keeper(put('f', 'one', { kind: 'replicated', owner: 'a' }))
    const file = { owner: 'a', name: 'f' }
    const nothing = { owners: [], unsharedBy: [], isListedByDownloads: false }
    const namesakes = async (): Promise<unknown> => await opened.store.namesakes('f', 9)
    expect(await namesakes()).toEqual({ ...nothing, owners: ['a'], isListedByDownloads: true })
    const touched = await opened.commit(opened.store.unshare(file))
    expect(touched.names).toEqual(['f'])
    await opened.reopen()
    expect(await namesakes()).toEqual({ ...nothing, unsharedBy: ['a'] })
    expect(await opened.store.contentsNamed('f', 9)).toEqual([])
    expect(await opened.store.listNames({ name: '', contentId: 0 }, 9)).toEqual([])
    expect(await opened.store.totals()).toMatchObject({ wanted: 0, names: 0, copies: 2 })
    const [content] = await opened.store.contents(touched.contentIds)
    expect(content?.holders.map(({ peerId }) => peerId)).toEqual(['k', 'u'])
    expect(await opened.store.obsoleteCopies(content?.contentId ?? 0, 9)).toHaveLength(1)

    await owner(put('f', 'two'))
    await keeper(put('f', 'two', { kind: 'replicated', owner: 'a' }))
    expect(await opened.store.contentsNamed('f', 9)).toEqual([])
    await opened.commit(opened.store.share(file))
    expect(await textsNamed(opened, 'f', texts)).toContain('two')
    expect(await opened.store.totals()).toMatchObject({ wanted: 1, names: 1, copies: 3 })
  })

  test('an announced unshare removes a file that a replica restored', async () => {
    await using opened = await open()
    const owner = await announcerOf(opened, 'a')
    const keeper = await announcerOf(opened, 'k')
    await keeper(put('f', 'one', { kind: 'replicated', owner: 'a' }))
    expect(await textsNamed(opened, 'f', texts)).toEqual(['one'])
    await owner({ op: 'unshare', seq: 1, name: 'f' })
    expect(await textsNamed(opened, 'f', texts)).toEqual([])
    await keeper(put('f', 'one', { kind: 'replicated', owner: 'a', modifiedMs: 9 }))
    expect(await textsNamed(opened, 'f', texts)).toEqual([])
    const [content] = await opened.store.contentsHashed(hashOf('one'))
    expect(content?.file).toBeUndefined()
    expect(await opened.store.obsoleteCopies(content?.contentId ?? 0, 9)).toHaveLength(1)
  })
}

function questions(open: OpenStore): void {
  test('the contents of a name are listed newest first, up to the limit', async () => {
    await using opened = await open()
    for (const [index, peerId] of ['a', 'b', 'c'].entries()) {
      const announce = await announcerOf(opened, peerId)
      await announce(put('f', `text ${index}`, { modifiedMs: index }))
    }
    const times = async (limit: number): Promise<number[]> =>
      (await opened.store.contentsNamed('f', limit)).map(({ modifiedMs }) => modifiedMs)
    expect(await times(9)).toEqual([2, 1, 0])
    expect(await times(2)).toEqual([2, 1])
  })

  test('names are listed in order, each with each content once', async () => {
    await using opened = await open()
    const a = await announcerOf(opened, 'a')
    const b = await announcerOf(opened, 'b')
    await a(put('y', 'one'), put('x', 'one'), put('z', 'two', { kind: 'downloaded' }))
    await b(put('y', 'one'), put('y', 'three', { kind: 'downloaded' }))
    const all = await opened.store.listNames({ name: '', contentId: 0 }, 9)
    expect(all.map(({ name }) => name)).toEqual(['x', 'y', 'y', 'z'])
    const [first, second, ...rest] = all
    expect(await opened.store.listNames({ name: '', contentId: 0 }, 2)).toEqual([first, second])
    expect(second && (await opened.store.listNames(second, 9))).toEqual(rest)
  })

  test('content ids are listed page by page, of all or of one peer', async () => {
    await using opened = await open()
    const a = await announcerOf(opened, 'a')
    const b = await announcerOf(opened, 'b')
    await a(...Array.from({ length: 5 }, (_, index) => put(`a${index}`, `a${index}`)))
    await b(put('b', 'b'))
    const walk = async (of: string | undefined): Promise<number> => {
      const seen = new Set<number>()
      let after: string | undefined
      do {
        const page = await opened.store.contentIds(of, after, 2)
        for (const contentId of page.contentIds) seen.add(contentId)
        after = page.next
      } while (after !== undefined)
      return seen.size
    }
    expect([await walk(undefined), await walk('a'), await walk('b')]).toEqual([6, 5, 1])
  })

  test('a peer holds a content once per kind, under however many names', async () => {
    await using opened = await open()
    const announce = await announcerOf(opened, 'a')
    await announce(put('f', ''), put('g', ''), put('h', '', { kind: 'downloaded' }))
    const [content] = await opened.store.contentsHashed(hashOf(''))
    expect(content?.holders).toEqual([
      { peerId: 'a', kind: 'shared' },
      { peerId: 'a', kind: 'downloaded' },
    ])
    expect(await opened.store.copiesOf(content?.contentId ?? 0, 2)).toEqual([
      { peerId: 'a', kind: 'shared', name: 'f' },
      { peerId: 'a', kind: 'shared', name: 'g' },
    ])
    await announce(drop('f'), drop('g'))
    const [later] = await opened.store.contents([content?.contentId ?? 0])
    expect(later?.holders).toEqual([{ peerId: 'a', kind: 'downloaded' }])
  })
}

function times(open: OpenStore): void {
  test('the newest of the files with a name and a content says when it was modified', async () => {
    await using opened = await open()
    const a = await announcerOf(opened, 'a')
    const b = await announcerOf(opened, 'b')
    await a(put('y', 'one', { modifiedMs: 3 }), put('x', 'one', { modifiedMs: 9 }))
    await b(put('y', 'one', { modifiedMs: 5 }))
    await b(put('y', 'two', { kind: 'downloaded', modifiedMs: 4 }))
    const rows = await opened.store.listNames({ name: '', contentId: 0 }, 9)
    const gone = { name: 'z', contentId: rows[0]?.contentId ?? 0 }
    expect(await opened.store.modifiedTimes([...rows, gone])).toEqual([9, 5, 4, undefined])
  })
}
