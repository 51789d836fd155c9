/** The part of the store contract about copies whose bytes are no longer their content. */
import { expect, test } from 'vitest'
import { announcerOf, drop, hashOf, type OpenStore, put } from './store-fixture-contract.ts'

export function damagedCopies(open: OpenStore): void {
  test('a damaged copy keeps its file wanted, but no peer holds it until it is good again', async () => {
    await using opened = await open()
    const owner = await announcerOf(opened, 'a')
    const keeper = await announcerOf(opened, 'k')
    await owner(put('f', 'one'))
    await keeper(put('f', 'one', { kind: 'replicated', owner: 'a' }))
    const facts = async (): Promise<unknown> => {
      const [content] = await opened.store.contentsHashed(hashOf('one'))
      const copies = await opened.store.copiesOf(content?.contentId ?? 0, 9)
      return {
        holders: content?.holders.map(({ peerId }) => peerId),
        damaged: copies.filter((copy) => copy.damaged).map(({ peerId }) => peerId),
        file: content?.file,
      }
    }
    const file = { owner: 'a', name: 'f' }
    const good = { holders: ['a', 'k'], damaged: [], file }
    expect(await facts()).toEqual(good)

    const touched = await owner(put('f', 'one', { damaged: true }))
    expect(touched.contentIds).toHaveLength(1)
    await opened.reopen()
    expect(await facts()).toEqual({ holders: ['k'], damaged: ['a'], file })
    expect(await opened.store.versionsNamed('f', { limit: 9 })).toHaveLength(1)
    await keeper(drop('f', { kind: 'replicated', owner: 'a' }))
    expect(await facts()).toEqual({ holders: [], damaged: ['a'], file })

    await keeper(put('f', 'one', { kind: 'replicated', owner: 'a' }))
    await owner(put('f', 'one'))
    expect(await facts()).toEqual(good)
    await owner(put('f', 'one', { damaged: true }), put('f', 'two'))
    expect(await facts()).toEqual({ holders: ['k'], damaged: [], file: undefined })
    const [two] = await opened.store.contentsHashed(hashOf('two'))
    expect(two).toMatchObject({ file, holders: [{ peerId: 'a' }] })
  })
}
