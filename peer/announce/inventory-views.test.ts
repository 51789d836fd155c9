import { expect, test } from 'vitest'
import type { Inventory } from './inventory.ts'
import { viewsOf } from './inventory-views.ts'

test('removals are forgotten that both indexes have heard of', () => {
  const seen: number[] = []
  const catalog: Inventory = {
    epoch: 'e',
    continues: undefined,
    lastSeq: 9,
    isComplete: true,
    changesSince: (seq) => [{ op: 'unshare', seq: seq + 1, name: 'x' }],
    canResumeFrom: (seq) => seq > 3,
    seenByIndex: (seq) => seen.push(seq),
    onChange: () => () => {},
  }
  const [one, other] = viewsOf(catalog)
  one.seenByIndex(5)
  other.seenByIndex(2)
  other.seenByIndex(7)
  one.seenByIndex(6)
  expect(seen).toEqual([0, 2, 5, 6])
  expect(one.lastSeq).toBe(9)
  expect(other.changesSince(4, 1)).toMatchObject([{ seq: 5 }])
  expect(other.canResumeFrom(3)).toBe(false)
})
