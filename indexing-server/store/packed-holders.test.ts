import fc from 'fast-check'
import { expect, test } from 'vitest'
import { HolderLists, holderCode, packHolders, unpackCounts } from './packed-holders.ts'

/** Keys do not sort as ids do. */
const keys = { idOf: (key: number) => `peer-${1_000 - key}` }

test('holders that were packed are unpacked, sorted by peer id and kind', () => {
  const holder = fc.tuple(fc.nat(999), fc.nat(2), fc.integer({ min: 1, max: 5_000 }))
  fc.assert(
    fc.property(fc.array(holder), (holders) => {
      const counts = new Map(holders.map(([key, kind, count]) => [holderCode(key, kind), count]))
      const packed = packHolders(counts, keys)
      expect(unpackCounts(packed)).toEqual(counts)
      const listed = new HolderLists(keys).of(packed)
      expect(listed).toHaveLength(counts.size)
      const ids = listed.map(({ peerId }) => peerId)
      expect(ids).toEqual(ids.toSorted())
    }),
  )
})

test('a single copy of a kind has no count', () => {
  const counts = new Map([
    [holderCode(3, 0), 1],
    [holderCode(7, 2), 2],
  ])
  expect(packHolders(counts, keys)).toBe('7r2,3s')
  expect(packHolders(new Map(), keys)).toBe('')
})
