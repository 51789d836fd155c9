import { expect, test } from 'vitest'
import { hasCode } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import { fileKeyText } from './file-key.ts'
import type { Decision } from './intent-kinds.ts'
import { announcerOf, type OpenStore, put } from './store-fixture-contract.ts'

const rule = (key: string, factor: number | null): Decision => ({
  kind: 'replication',
  key,
  value: factor === null ? null : { factor },
})

/** What every store does with decisions. */
export function intentContract(open: OpenStore): void {
  decisions(open)
  merging(open)
}

function decisions(open: OpenStore): void {
  test('decisions outlive the store, and the last one on a key is in force', async () => {
    await using opened = await open()
    const { logId } = await opened.store.intentState()
    for (const decision of [
      rule('b', 3),
      rule('a', 1),
      rule('b', 4),
      rule('c', 2),
      rule('c', null),
    ])
      await opened.commit(opened.store.decide([decision]))
    await opened.reopen()
    const { store } = opened
    const page = await store.intents('replication', '', 1)
    expect(page).toMatchObject([{ kind: 'replication', key: 'a', value: { factor: 1 } }])
    const rest = await store.intents('replication', 'a', 10)
    expect(rest).toMatchObject([{ key: 'b', value: { factor: 4 } }])
    expect(await store.intentState()).toEqual({ logId, revision: 5 })
    const written = await store.intentSince(2, 10)
    expect(written).toMatchObject([
      { key: 'b', value: '{"factor":4}', revision: 3 },
      { key: 'c', value: null, revision: 5 },
    ])
    expect(await store.intentSince(3, 1)).toMatchObject([{ revision: 5 }])
  })

  test('a decision that is in force already is not recorded again', async () => {
    await using opened = await open()
    const { store } = opened
    const hidden: Decision = { kind: 'unshared', key: 'o/a', value: true }
    const first = await opened.commit(store.decide([hidden]))
    expect(first.intent).toMatchObject([hidden])
    const second = await opened.commit(store.decide([hidden, rule('unknown', null)]))
    expect(second.intent).toEqual([])
    expect(await store.intentState()).toMatchObject({ revision: 1 })
  })

  test('a rule that is set again is the last one set', async () => {
    await using opened = await open()
    const { store } = opened
    await opened.commit(store.decide([rule('a', 3), rule('b', 3)]))
    await opened.commit(store.decide([rule('a', 3)]))
    const [a, b] = await store.intents('replication', '', 2)
    expect(a?.changedMs).toBeGreaterThan(b?.changedMs ?? Infinity)
  })

  test('a kind that is full refuses the whole request', async () => {
    await using opened = await open()
    const { store } = opened
    const max = limits.replicationRulesMax
    const rules = Array.from({ length: max }, (_, index) => rule(`rule ${index}`, 3))
    await opened.commit(store.decide(rules))
    const further = [rule('rule 0', 5), rule('one more', 3)]
    await expect(opened.commit(store.decide(further))).rejects.toSatisfy((error) =>
      hasCode(error, 'INTENT_FULL'),
    )
    const [first] = await store.intents('replication', '', 1)
    expect(first).toMatchObject({ value: { factor: 3 } })
    // A rule is changed, or replaced by another.
    await opened.commit(
      store.decide([rule('rule 0', 5), rule('rule 1', null), further[1] as Decision]),
    )
    expect(await store.intents('replication', '', max + 1)).toHaveLength(max)
  })
}

function merging(open: OpenStore): void {
  test('merged decisions win only if they are later, and a decision here is later still', async () => {
    await using opened = await open()
    const { store } = opened
    const merge = async (factor: number | null, changedMs: number) => {
      const { intent } = await opened.commit(
        store.mergeIntent([{ ...rule('a', factor), changedMs }]),
      )
      return intent.length
    }
    const future = 9_000_000_000_000
    expect(await merge(3, future)).toBe(1)
    expect(await merge(3, future)).toBe(0)
    expect(await merge(null, future - 1)).toBe(0)
    expect(await store.intents('replication', '', 2)).toMatchObject([rule('a', 3)])
    const { intent } = await opened.commit(store.decide([rule('a', null)]))
    expect(intent).toEqual([{ ...rule('a', null), changedMs: future + 1 }])
    expect(await merge(3, future)).toBe(0)
    expect(await store.intents('replication', '', 2)).toEqual([])
  })

  test('the logs whose records were merged are remembered, up to where', async () => {
    await using opened = await open()
    for (const revision of [3, 7, 5])
      await opened.commit(opened.store.recordIntentSource('other', revision))
    await opened.reopen()
    expect(await opened.store.intentSources()).toEqual(new Map([['other', 7]]))
  })

  test('a log that is forked has another name, and the old one as a source', async () => {
    await using opened = await open()
    const { store } = opened
    await opened.commit(store.decide([rule('a', 3)]))
    const { logId } = await store.intentState()
    await opened.commit(store.forkIntentLog())
    const after = await store.intentState()
    expect(after.revision).toBe(1)
    expect(after.logId).not.toBe(logId)
    expect(await store.intentSources()).toEqual(new Map([[logId, 0]]))
  })

  test('unsharing is a decision, whether requested, announced or merged', async () => {
    await using opened = await open()
    const { store } = opened
    const announce = await announcerOf(opened, 'o')
    for (const name of ['asked', 'announced', 'merged']) await announce(put(name, name))
    const files = async () =>
      (await store.listNames({ name: '', contentId: 0 }, 9)).map((f) => f.name)
    const key = (name: string): string => fileKeyText({ owner: 'o', name })

    await opened.commit(store.unshare({ owner: 'o', name: 'asked' }))
    const announced = await announce({ op: 'unshare', seq: 1, name: 'announced' })
    expect(announced.intent).toMatchObject([{ kind: 'unshared', key: key('announced') }])
    const again = await announce({ op: 'unshare', seq: 2, name: 'announced' })
    expect(again.intent).toEqual([])
    expect(await files()).toEqual(['merged'])

    const merged = { kind: 'unshared', key: key('merged'), value: true, changedMs: 5 } as const
    const touched = await opened.commit(store.mergeIntent([merged]))
    expect(touched).toMatchObject({ names: ['merged'], intent: [merged] })
    expect(await files()).toEqual([])
    const inForce = await store.intents('unshared', '', 9)
    expect(inForce.map((one) => one.key)).toEqual(['announced', 'asked', 'merged'].map(key))

    const back = await opened.commit(
      store.mergeIntent([
        { ...merged, value: null, changedMs: 6 },
        { ...merged, changedMs: 4 },
      ]),
    )
    expect(back.intent).toHaveLength(1)
    expect(await files()).toEqual(['merged'])
    await opened.commit(store.share({ owner: 'o', name: 'asked' }))
    expect(await files()).toEqual(['asked', 'merged'])
  })
}
