import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Change } from '../../common/protocol/messages.ts'
import { cutChanges } from './cut-changes.ts'

function aDrop(seq: number, name: string): Change {
  return { op: 'drop', seq, kind: 'shared', name }
}

const bytesOf = (part: readonly Change[]): number =>
  part.reduce((sum, change) => sum + Buffer.byteLength(JSON.stringify(change)) + 1, 0)

test('an empty list is split into no parts', () => {
  expect(cutChanges([], { changesMax: 1, bytesTarget: 1 })).toEqual([])
})

test('a change larger than the part size is a part of its own', () => {
  const changes = [aDrop(1, 'a'), aDrop(2, 'x'.repeat(500)), aDrop(3, 'b')]
  const parts = cutChanges(changes, { changesMax: 10, bytesTarget: 200 })
  expect(parts.map((part) => part.map(({ seq }) => seq))).toEqual([[1], [2], [3]])
})

test('parts hold the changes in order, are bounded, and could not take the next change', () => {
  const names = fc.array(fc.string({ unit: 'binary', maxLength: 60 }), { maxLength: 100 })
  const changesMax = fc.integer({ min: 1, max: 20 })
  const bytesTarget = fc.integer({ min: 100, max: 2_000 })
  fc.assert(
    fc.property(names, fc.record({ changesMax, bytesTarget }), (all, limits) => {
      const changes = all.map((name, index) => aDrop(index + 1, name))
      const parts = cutChanges(changes, limits)
      expect(parts.flat()).toEqual(changes)
      const isBounded = (part: Change[]): boolean =>
        part.length === 1 ||
        (part.length <= limits.changesMax && bytesOf(part) <= limits.bytesTarget)
      expect(parts.filter((part) => part.length === 0 || !isBounded(part))).toEqual([])
      const extended = parts
        .slice(1)
        .map((next, index) => [...(parts[index] ?? []), ...next.slice(0, 1)])
      expect(extended.filter(isBounded)).toEqual([])
    }),
  )
})
