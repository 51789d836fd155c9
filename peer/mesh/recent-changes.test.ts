import { expect, test } from 'vitest'
import type { Announcement } from '../../common/protocol/registration-shapes.ts'
import { RecentChanges } from './recent-changes.ts'

const epoch = '0'.repeat(16)

function changesAfter(previousSeq: number, count: number): Announcement {
  const changes = Array.from({ length: count }, (_, index) => ({
    op: 'unshare' as const,
    seq: previousSeq + index + 1,
    name: 'f',
  }))
  return { epoch, previousSeq, lastSeq: previousSeq + count, changes }
}

test('changes are passed on to who has exactly those before them', () => {
  const recent = new RecentChanges()
  const first = changesAfter(0, 2)
  const second = changesAfter(2, 1)
  recent.add('a', first)
  recent.add('a', second)
  expect(recent.after('a', epoch, 0)).toBe(first)
  expect(recent.after('a', epoch, 2)).toBe(second)
  for (const seq of [1, 3]) expect(recent.after('a', epoch, seq), `${seq}`).toBeUndefined()
  expect(recent.after('b', epoch, 0)).toBeUndefined()
  expect(recent.after('a', '1'.repeat(16), 0)).toBeUndefined()
})

test('the oldest are forgotten, and the same ones count once', () => {
  const recent = new RecentChanges()
  const large = changesAfter(0, 40_000)
  for (let i = 0; i < 5; i++) recent.add('a', large)
  recent.add('b', large)
  expect(recent.after('a', epoch, 0)).toBe(large)
  recent.add('c', large)
  expect(recent.after('a', epoch, 0)).toBeUndefined()
  expect(recent.after('b', epoch, 0)).toBe(large)
  expect(recent.after('c', epoch, 0)).toBe(large)
})
