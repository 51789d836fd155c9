import { expect, test } from 'vitest'
import { announcerOf, drop, type OpenStore, put } from './store-fixture-contract.ts'

/** What every store must count. */
export function countersContract(open: OpenStore): void {
  test('the replicas of a peer are counted apart', async () => {
    await using opened = await open()
    const announce = await announcerOf(opened, 'a')
    const replica = { kind: 'replicated', owner: 'b' } as const
    const { holdings } = await announce(
      put('own', 'xy'),
      put('one', 'abc', replica),
      put('two', 'abcd', replica),
    )
    expect(holdings).toMatchObject({ copies: 3, replicas: 2, replicaBytes: 7 })
    const edited = await announce(put('one', 'z', replica), drop('two', replica))
    expect(edited.holdings).toMatchObject({ copies: 2, replicas: 1, replicaBytes: 1 })
    await opened.reopen()
    expect(await opened.store.peers()).toMatchObject([{ replicas: 1, replicaBytes: 1 }])
  })

  test('counters follow copies of every kind, and unused contents are removed', async () => {
    await using opened = await open()
    const announce = await announcerOf(opened, 'a')
    const { holdings } = await announce(
      put('one', 'xy'),
      put('two', 'xy'),
      put('d', 'abc', { kind: 'downloaded' }),
    )
    expect(holdings).toEqual({ copies: 3, bytes: 7, replicas: 0, replicaBytes: 0 })
    expect(await opened.store.totals()).toEqual({
      names: 2,
      contents: 2,
      wanted: 1,
      copies: 3,
      bytes: 5,
      trashFiles: 0,
      trashBytes: 0,
    })
    await announce(drop('d', { kind: 'downloaded' }), drop('one'))
    expect(await opened.store.totals()).toEqual({
      names: 2,
      contents: 1,
      wanted: 1,
      copies: 1,
      bytes: 2,
      trashFiles: 0,
      trashBytes: 0,
    })
    await announce(put('two', 'xyz'), put('one', 'xyz'))
    expect(await opened.store.totals()).toEqual({
      names: 2,
      contents: 1,
      wanted: 1,
      copies: 2,
      bytes: 3,
      trashFiles: 0,
      trashBytes: 0,
    })
  })
}
