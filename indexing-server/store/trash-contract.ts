import { expect, test } from 'vitest'
import type { Change } from '../../common/protocol/messages.ts'
import type { GoneName, IndexStore } from './store.ts'
import {
  announcerOf,
  drop,
  hashOf,
  type OpenedStore,
  type OpenStore,
  put,
  registration,
} from './store-fixture-contract.ts'

const replica = { kind: 'replicated', owner: 'a' } as const

function removal(name: string, fields: Partial<Extract<Change, { op: 'remove' }>> = {}): Change {
  return { op: 'remove', seq: 1, name, reason: 'deleted', removedMs: 5, ...fields }
}

const renamed = (name: string, renamedTo: string): Change =>
  removal(name, { reason: 'renamed', renamedTo })

async function trashOf(store: IndexStore): Promise<unknown[]> {
  return (await store.trash({ owner: '', name: '' }, 99)).map(
    ({ owner, name }) => `${owner}/${name}`,
  )
}

/** Goes over all removed names, one at a time. */
async function forgetAllGone(opened: OpenedStore): Promise<void> {
  const page = { beforeMs: Number.MAX_SAFE_INTEGER, limit: 1 }
  for (let after: GoneName | undefined = { owner: '', name: '', goneMs: 0 }; after; )
    after = await opened.commit(opened.store.forgetGone({ ...page, after }))
}

async function namesIn(store: IndexStore): Promise<string[]> {
  return (await store.listNames({ name: '', contentId: 0 }, 99)).map(({ name }) => name)
}

/** What every store must do with files that their owners remove. */
export function trashContract(open: OpenStore): void {
  deleting(open)
  leavingTheTrash(open)
  renaming(open)
  renamingTwice(open)
  decidingAgain(open)
  forgettingNames(open)
  returning(open)
  returningLate(open)
}

function deleting(open: OpenStore): void {
  test('a deleted file is in the trash: wanted, but not listed; purged, its replicas may go', async () => {
    await using opened = await open()
    const owner = await announcerOf(opened, 'a')
    const keeper = await announcerOf(opened, 'k')
    await owner(put('f', 'text'))
    await keeper(put('f', 'text', replica), put('f', 'text', { kind: 'downloaded' }))
    await owner(removal('f'))
    await opened.reopen()
    const { store } = opened
    expect(await namesIn(store)).toEqual([])
    expect(await store.contentsNamed('f', 9)).toEqual([])
    const [trashed] = await store.trashNamed('f', 9)
    expect(trashed).toMatchObject({ owner: 'a', name: 'f', deletedMs: 5 })
    expect(trashed?.content).toMatchObject({
      file: { owner: 'a', name: 'f' },
      owners: ['a'],
      isTrashed: true,
      sha256: hashOf('text'),
    })
    const contentId = trashed?.content.contentId ?? 0
    expect(await store.obsoleteCopies(contentId, 9)).toEqual([])
    expect(await store.totals()).toMatchObject({
      names: 0,
      wanted: 1,
      copies: 2,
      trashFiles: 1,
      trashBytes: 4,
    })
    // Deleting twice changes nothing, as when an index hears everything again.
    await owner(removal('f', { removedMs: 6 }))
    expect(await trashOf(store)).toEqual(['a/f'])

    const trashIntent = async () => (await store.intents('trash', '', 9)).map(({ value }) => value)
    expect(await trashIntent()).toEqual([{ isKept: true }])
    const touched = await opened.commit(store.purgeTrash([{ owner: 'a', name: 'f' }]))
    expect(await trashIntent()).toEqual([{ isKept: false }])
    expect(touched.contentIds).toEqual([contentId])
    expect(await trashOf(store)).toEqual([])
    expect(await store.obsoleteCopies(contentId, 9)).toMatchObject([{ peerId: 'k', name: 'f' }])
    expect(await store.totals()).toMatchObject({ wanted: 0, trashFiles: 0, trashBytes: 0 })
    expect(await namesIn(store)).toEqual([])
    await keeper(drop('f', replica))
    await forgetAllGone(opened)
    // The download keeps its name hidden as long as it exists.
    expect(await namesIn(store)).toEqual([])
  })

  test('a file that lived for less than a minute, or has no copy, is not kept', async () => {
    await using opened = await open()
    const owner = await announcerOf(opened, 'a')
    const keeper = await announcerOf(opened, 'k')
    await owner(put('uncopied', 'no copy'))
    await owner(put('temporary', 'x'))
    await keeper(put('temporary', 'x', replica))
    await owner(removal('temporary'), removal('uncopied'))
    const { store } = opened
    expect(await trashOf(store)).toEqual([])
    const [content] = await store.contentsHashed(hashOf('x'))
    expect(content?.file).toBeUndefined()
    expect(await store.obsoleteCopies(content?.contentId ?? 0, 9)).toHaveLength(1)
    expect(await store.totals()).toMatchObject({ contents: 1, wanted: 0 })
    // A copy that was being made arrives after all.
    await keeper(put('uncopied', 'no copy', replica))
    expect(await trashOf(store)).toEqual(['a/uncopied'])
  })
}

function leavingTheTrash(open: OpenStore): void {
  test('a name shared again leaves the trash; other content is kept as an earlier version', async () => {
    await using opened = await open()
    const owner = await announcerOf(opened, 'a')
    const keeper = await announcerOf(opened, 'k')
    const other = await announcerOf(opened, 'b')
    await owner(put('f', 'one'), put('g', 'same'))
    await other(put('f', 'another'))
    await keeper(put('f', 'one', replica), put('g', 'same', replica))
    await owner(removal('f'), removal('g'))
    const { store } = opened
    expect(await trashOf(store)).toEqual(['a/f', 'a/g'])
    expect(await namesIn(store)).toEqual(['f'])
    await owner(put('f', 'two'), put('g', 'same'))
    expect(await trashOf(store)).toEqual([])
    const versions = await store.versionsOf({ owner: 'a', name: 'f' })
    expect(versions.map(({ content }) => content.sha256)).toEqual([hashOf('two'), hashOf('one')])
    const [same] = await store.contentsHashed(hashOf('same'))
    expect(same).toMatchObject({ isTrashed: false, file: { owner: 'a', name: 'g' } })
    expect(await store.obsoleteCopies(same?.contentId ?? 0, 9)).toEqual([])
    // Restored files are old: deleting one again keeps it.
    await owner(removal('g'))
    expect(await trashOf(store)).toEqual(['a/g'])
  })

  test('unsharing a name empties it from the trash, and a withdrawn file is not kept', async () => {
    await using opened = await open()
    const owner = await announcerOf(opened, 'a')
    const keeper = await announcerOf(opened, 'k')
    await owner(put('f', 'one'), put('g', 'two'))
    await keeper(put('f', 'one', replica), put('g', 'two', replica))
    await owner(removal('f'), removal('g', { reason: 'withdrawn' }))
    const { store } = opened
    expect(await trashOf(store)).toEqual(['a/f'])
    await opened.commit(store.unshare({ owner: 'a', name: 'f' }))
    expect(await trashOf(store)).toEqual([])
    for (const text of ['one', 'two']) {
      const [content] = await store.contentsHashed(hashOf(text))
      expect(await store.obsoleteCopies(content?.contentId ?? 0, 9)).toHaveLength(1)
    }
  })
}

function renaming(open: OpenStore): void {
  test('a renamed file leaves its replica stray until it is relabelled', async () => {
    await using opened = await open()
    const owner = await announcerOf(opened, 'a')
    const keeper = await announcerOf(opened, 'k')
    await owner(put('old', 'text'))
    await keeper(put('old', 'text', replica))
    expect(await opened.store.strays('k', 9)).toEqual([])
    await owner(put('new', 'text'), renamed('old', 'new'))
    await opened.reopen()
    const { store } = opened
    expect(await namesIn(store)).toEqual(['new'])
    expect(await trashOf(store)).toEqual([])
    const stray = { owner: 'a', name: 'old', version: '', sha256: hashOf('text') }
    expect(await store.strays('k', 9)).toMatchObject([
      { ...stray, to: { owner: 'a', name: 'new' } },
    ])
    await keeper(put('new', 'text', replica), drop('old', replica))
    expect(await store.strays('k', 9)).toEqual([])
    // A copy of the old name that was being made meanwhile.
    await keeper(put('old', 'text', replica))
    expect(await store.strays('k', 9)).toHaveLength(1)
    await keeper(drop('old', replica))
    expect(await store.goneBeyondMs(0)).toBeGreaterThan(0)
    await forgetAllGone(opened)
    expect(await store.goneBeyondMs(0)).toBe(0)
  })

  test('a file renamed and edited keeps its content as an earlier version of the new name', async () => {
    await using opened = await open()
    const owner = await announcerOf(opened, 'a')
    const keeper = await announcerOf(opened, 'k')
    await owner(put('a', 'one'))
    await keeper(put('a', 'one', replica))
    // The catalog sends only the newest state of each name.
    await owner(renamed('a', 'b'), put('b', 'two'))
    const { store } = opened
    const versions = await store.versionsOf({ owner: 'a', name: 'b' })
    expect(versions.map(({ content }) => content.sha256)).toEqual([hashOf('two'), hashOf('one')])
    const contentId = versions[1]?.content.contentId ?? 0
    expect(await store.obsoleteCopies(contentId, 9)).toEqual([])
    await opened.commit(store.forgetReplaced({ owner: 'a', name: 'b' }, [contentId]))
    expect(await store.obsoleteCopies(contentId, 9)).toMatchObject([{ peerId: 'k', name: 'a' }])
  })
}

function renamingTwice(open: OpenStore): void {
  test('a chain of renames ends at the last name, and a swap changes contents', async () => {
    await using opened = await open()
    const owner = await announcerOf(opened, 'a')
    const keeper = await announcerOf(opened, 'k')
    await owner(put('a', 'x'), put('s', 'one'), put('t', 'two'))
    await keeper(put('a', 'x', replica), put('s', 'one', replica), put('t', 'two', replica))
    await owner(renamed('a', 'b'), put('c', 'x'), renamed('b', 'c'))
    const { store } = opened
    expect(await namesIn(store)).toEqual(['c', 's', 't'])
    expect(await store.strays('k', 9)).toMatchObject([{ name: 'a', to: { name: 'c' } }])
    await owner(put('s', 'two'), put('t', 'one'))
    const forget = async (name: string, text: string): Promise<void> => {
      const [content] = await store.contentsHashed(hashOf(text))
      await opened.commit(store.forgetReplaced({ owner: 'a', name }, [content?.contentId ?? 0]))
    }
    await forget('s', 'one')
    await forget('t', 'two')
    expect(await store.strays('k', 9)).toMatchObject([
      { name: 'a', to: { name: 'c' } },
      { name: 's', to: { name: 't' } },
      { name: 't', to: { name: 's' } },
    ])
  })

  test('a file that was deleted first and then found again was renamed', async () => {
    await using opened = await open()
    const owner = await announcerOf(opened, 'a')
    const keeper = await announcerOf(opened, 'k')
    await owner(put('old', 'text'))
    await keeper(put('old', 'text', replica))
    await owner(removal('old'))
    expect(await trashOf(opened.store)).toEqual(['a/old'])
    await owner(put('new', 'text'), renamed('old', 'new'))
    expect(await trashOf(opened.store)).toEqual([])
    expect(await opened.store.strays('k', 9)).toMatchObject([{ to: { name: 'new' } }])
  })
}

async function trashIntentOf(store: IndexStore): Promise<unknown> {
  const records = await store.intents('trash', '', 9)
  return Object.fromEntries(records.map(({ key, value }) => [key, value?.isKept]))
}

function decidingAgain(open: OpenStore): void {
  test('a rename to the name of a deleted file revokes the decision to delete that one', async () => {
    await using opened = await open()
    const owner = await announcerOf(opened, 'a')
    const keeper = await announcerOf(opened, 'k')
    await owner(put('old', 'x'), put('new', 'y'))
    await keeper(put('old', 'x', replica), put('new', 'y', replica))
    await owner(removal('new'))
    await opened.commit(opened.store.purgeTrash([{ owner: 'a', name: 'new' }]))
    expect(await trashIntentOf(opened.store)).toEqual({ 'a/new': false })
    await owner(renamed('old', 'new'), put('new', 'x'))
    expect(await trashIntentOf(opened.store)).toEqual({})
  })

  test('a deleted file that turns out to be renamed is no longer one to keep', async () => {
    await using opened = await open()
    const owner = await announcerOf(opened, 'a')
    const keeper = await announcerOf(opened, 'k')
    await owner(put('old', 'x'))
    await keeper(put('old', 'x', replica))
    await owner(removal('old'))
    expect(await trashIntentOf(opened.store)).toEqual({ 'a/old': true })
    await owner(renamed('old', 'new'), put('new', 'x'))
    expect(await trashIntentOf(opened.store)).toEqual({ 'a/old': false })
  })

  test('a deleted file that another peer shares does not return to the trash', async () => {
    await using opened = await open()
    const { store } = opened
    const owner = await announcerOf(opened, 'a')
    const keeper = await announcerOf(opened, 'k')
    await owner(put('f', 'x'))
    await keeper(put('f', 'x', replica))
    await owner(removal('f'))
    const other = await announcerOf(opened, 'b')
    await other(put('f', 'x'))
    expect(await trashOf(store)).toEqual([])
    await keeper(put('f', 'x', replica))
    expect(await trashOf(store)).toEqual([])
    expect(await trashIntentOf(store)).toEqual({ 'a/f': false })
    expect(await store.strays('k', 9)).toMatchObject([{ to: { owner: 'b', name: 'f' } }])
  })
}

function forgettingNames(open: OpenStore): void {
  test('removed names are forgotten in order, without those that a copy could restore', async () => {
    await using opened = await open()
    const { store } = opened
    const owner = await announcerOf(opened, 'a')
    const keeper = await announcerOf(opened, 'k')
    const names = ['1', '2', '3', '4']
    await owner(...names.map((name) => put(name, name)))
    await keeper(put('2', '2', { kind: 'downloaded' }))
    await owner(...names.map((name) => removal(name, { reason: 'withdrawn' })))
    const newestMs = await store.goneBeyondMs(0)
    expect(await store.goneBeyondMs(3)).toBe(newestMs)
    expect(await store.goneBeyondMs(4)).toBe(0)
    const after = { owner: '', name: '', goneMs: 0 }
    const page = { beforeMs: newestMs, after, limit: 3 }
    expect(await opened.commit(store.forgetGone({ ...page, beforeMs: 0 }))).toBeUndefined()
    expect(await store.goneBeyondMs(3)).toBe(newestMs)
    const next = await opened.commit(store.forgetGone(page))
    expect(next).toEqual({ owner: 'a', name: '3', goneMs: newestMs })
    expect([await store.goneBeyondMs(1), await store.goneBeyondMs(2)]).toEqual([newestMs, 0])
  })
}

function returning(open: OpenStore): void {
  test('a replica of a removed file does not bring it back to an index that lost its disk', async () => {
    await using opened = await open()
    const { store } = opened
    await opened.commit(store.register(registration('k')))
    const keeper = await announcerOf(opened, 'k')
    await keeper(
      put('deleted', 'one', replica),
      put('renamed', 'two', replica),
      put('withdrawn', 'three', replica),
    )
    expect(await namesIn(store)).toEqual(['deleted', 'renamed', 'withdrawn'])
    const owner = await announcerOf(opened, 'a')
    await owner(
      put('now', 'two'),
      removal('deleted'),
      renamed('renamed', 'now'),
      removal('withdrawn', { reason: 'withdrawn' }),
    )
    expect(await namesIn(store)).toEqual(['now'])
    expect(await trashOf(store)).toEqual(['a/deleted'])
    const [withdrawn] = await store.contentsHashed(hashOf('three'))
    expect(await store.obsoleteCopies(withdrawn?.contentId ?? 0, 9)).toHaveLength(1)
    expect(await store.strays('k', 9)).toMatchObject([{ name: 'renamed', to: { name: 'now' } }])
  })

  test('an index that lost its disk learns of deletions by the decisions that peers keep', async () => {
    await using opened = await open()
    const { store } = opened
    const keeper = await announcerOf(opened, 'k')
    const texts = ['kept', 'purged', 'shared again', 'kept before']
    const decide = async (key: string, value: { isKept: boolean } | null, changedMs = 5) =>
      await opened.commit(store.mergeIntent([{ kind: 'trash', key: `a/${key}`, value, changedMs }]))
    await decide('kept before', { isKept: true })
    await keeper(...texts.map((text) => put(text, text, replica)))
    expect(await namesIn(store)).toEqual(['kept', 'purged', 'shared again'])
    expect(await trashOf(store)).toEqual(['a/kept before'])
    await decide('kept', { isKept: true })
    await decide('purged', { isKept: false })
    await decide('shared again', { isKept: true })
    await decide('shared again', null, 6)
    await decide('shared again', { isKept: true }, 5)
    expect(await namesIn(store)).toEqual(['shared again'])
    expect(await trashOf(store)).toEqual(['a/kept', 'a/kept before'])
    const [purged] = await store.contentsHashed(hashOf('purged'))
    expect(await store.obsoleteCopies(purged?.contentId ?? 0, 9)).toHaveLength(1)
    // The owner's own word counts more than an old decision.
    const owner = await announcerOf(opened, 'a')
    await owner(put('kept', 'kept'))
    await decide('kept', { isKept: true }, 4)
    expect(await namesIn(store)).toEqual(['kept', 'shared again'])
    const inForce = await store.intents('trash', '', 9)
    expect(inForce.map(({ key }) => key)).toEqual(['a/kept before', 'a/purged'])
  })
}

function returningLate(open: OpenStore): void {
  test('a file that seemed to be a temporary one is kept if another index knew it for longer', async () => {
    await using opened = await open()
    const { store } = opened
    const owner = await announcerOf(opened, 'a')
    const keeper = await announcerOf(opened, 'k')
    // In its inventory; later ones are new.
    await owner(put('first', 'first'))
    for (const name of ['old', 'new']) {
      await owner(put(name, name))
      await keeper(put(name, name, replica))
      await owner(removal(name))
    }
    expect(await trashOf(store)).toEqual([])
    const record = { kind: 'trash', key: 'a/old', value: { isKept: true } } as const
    const { contentIds } = await opened.commit(store.mergeIntent([{ ...record, changedMs: 5 }]))
    expect(await trashOf(store)).toEqual(['a/old'])
    const [trashed] = await store.trashNamed('old', 1)
    expect(contentIds).toEqual([trashed?.content.contentId])
    expect(trashed?.content).toMatchObject({ isTrashed: true, sha256: hashOf('old') })
    expect(await store.obsoleteCopies(trashed?.content.contentId ?? 0, 9)).toEqual([])
    expect(await store.strays('k', 9)).toEqual([])
  })

  test('the owner removed a file before its keeper announces it', async () => {
    await using opened = await open()
    const owner = await announcerOf(opened, 'a')
    await owner(removal('deleted'), removal('gone', { reason: 'withdrawn' }))
    const keeper = await announcerOf(opened, 'k')
    await keeper(put('deleted', 'one', replica), put('gone', 'two', replica))
    expect(await namesIn(opened.store)).toEqual([])
    expect(await trashOf(opened.store)).toEqual(['a/deleted'])
    const [gone] = await opened.store.contentsHashed(hashOf('two'))
    expect(await opened.store.obsoleteCopies(gone?.contentId ?? 0, 9)).toHaveLength(1)
  })
}
