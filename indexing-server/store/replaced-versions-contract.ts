import { expect, test } from 'vitest'
import { announcerOf, drop, hashOf, type OpenStore, put } from './store-fixture-contract.ts'

/** What every store must do with earlier contents of files. */
export function replacedVersionsContract(open: OpenStore): void {
  test('an earlier content is kept until it is forgotten, as long as it has a copy', async () => {
    await using opened = await open()
    const owner = await announcerOf(opened, 'a')
    const keeper = await announcerOf(opened, 'k')
    const replica = { kind: 'replicated', owner: 'a' } as const
    const file = { owner: 'a', name: 'f' }
    const versions = async (): Promise<unknown[]> =>
      (await opened.store.versionsNamed('f', { limit: 9 })).map(
        ({ content: { sha256 }, replacedMs }) => [
          ['one', 'two'].find((text) => hashOf(text) === sha256),
          replacedMs === undefined ? 'current' : 'replaced',
        ],
      )
    await owner(put('f', 'one'))
    await keeper(put('f', 'one', replica))
    const changed = await owner(put('f', 'two'))
    expect(changed.replaced).toEqual([file])
    expect(await versions()).toEqual([
      ['two', 'current'],
      ['one', 'replaced'],
    ])
    // Two versions on one peer: the old one is kept beside the new one.
    const aside = { ...replica, version: hashOf('one') }
    await keeper(put('f', 'one', aside), put('f', 'two', replica))
    await opened.reopen()
    expect(await opened.store.totals()).toMatchObject({ contents: 2, copies: 3 })
    const [, old] = await opened.store.versionsNamed('f', { limit: 9 })
    const contentId = old?.content.contentId ?? 0
    expect(old?.content.holders).toEqual([{ peerId: 'k', kind: 'replicated' }])
    const copy = { ...file, sha256: hashOf('one') }
    expect(await opened.store.obsoleteCopy('k', copy)).toBeUndefined()
    expect(await opened.store.dueReplaced(0, { owner: '', name: '' }, 9)).toEqual([])
    const due = await opened.store.dueReplaced(Number.MAX_SAFE_INTEGER, { owner: '', name: '' }, 9)
    expect(due).toEqual([file])
    expect(await opened.store.replacedBeyond(2, 9)).toEqual([file])
    expect(await opened.store.replacedBeyond(3, 9)).toEqual([])

    // The old content returns, and is replaced again.
    await owner(put('f', 'one'))
    expect(await versions()).toEqual([
      ['one', 'current'],
      ['two', 'replaced'],
    ])
    await owner(put('f', 'two'))
    await opened.commit(opened.store.forgetReplaced(file, [contentId]))
    expect(await versions()).toEqual([['two', 'current']])
    expect(await opened.store.obsoleteCopy('k', copy)).toMatchObject({ contentId })
    await keeper(drop('f', aside))
    expect(await opened.store.contentsHashed(hashOf('one'))).toEqual([])
  })

  test('an unknown version of a keeper is kept again; unshare releases all versions', async () => {
    await using opened = await open()
    const owner = await announcerOf(opened, 'a')
    const keeper = await announcerOf(opened, 'k')
    const aside = { kind: 'replicated', owner: 'a', version: hashOf('one') } as const
    await owner(put('f', 'two'))
    const announced = await keeper(put('f', 'one', aside))
    expect(announced.replaced).toEqual([{ owner: 'a', name: 'f' }])
    const [old] = await opened.store.contentsHashed(hashOf('one'))
    expect(await opened.store.obsoleteCopies(old?.contentId ?? 0, 9)).toEqual([])
    const again = await keeper(put('f', 'one', aside))
    expect(again.replaced).toEqual([])
    await opened.commit(opened.store.unshare({ owner: 'a', name: 'f' }))
    expect(await opened.store.versionsNamed('f', { limit: 9 })).toEqual([])
    expect(await opened.store.obsoleteCopies(old?.contentId ?? 0, 9)).toHaveLength(1)
  })
}

/** How every store must list the contents of a name. */
export function versionListContract(open: OpenStore): void {
  test('versions of a name are read from anywhere in their order, or by their content', async () => {
    await using opened = await open()
    for (const peerId of ['a', 'b']) {
      const owner = await announcerOf(opened, peerId)
      const texts = [`${peerId}1`, `${peerId}2`, `${peerId}3`]
      for (const text of texts) {
        const aside = { kind: 'replicated', owner: peerId, version: hashOf(text) } as const
        const keeper = await announcerOf(opened, `keeper of ${text}`)
        await owner(put('f', text))
        await keeper(put('f', text, aside))
      }
    }
    const all = await opened.store.versionsNamed('f', { limit: 9 })
    const states = all.map(({ replacedMs }) => (replacedMs === undefined ? 'current' : 'old'))
    expect(states.join(' ')).toBe('current current old old old old')
    for (const [index, { owner, replacedMs, content }] of all.entries()) {
      const after = { owner, replacedMs, contentId: content.contentId }
      const rest = await opened.store.versionsNamed('f', { limit: 9, after })
      expect(rest, `after ${index}`).toEqual(all.slice(index + 1))
    }
    const sha256 = hashOf('b1')
    const hashed = await opened.store.versionsNamed('f', { limit: 9, sha256 })
    expect(hashed.map(({ content }) => content.sha256)).toEqual([sha256])
  })
}
