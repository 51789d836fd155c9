import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SeqSet } from './seq-set.ts'

test('holds the numbers that were added, once and in order', () => {
  const seqs = fc.array(fc.oneof(fc.nat(300), fc.nat(2 ** 40)))
  fc.assert(
    fc.property(seqs, fc.nat(300), (added, other) => {
      const set = new SeqSet()
      for (const seq of added) set.add(seq)
      const expected = [...new Set(added)].toSorted((one, next) => one - next)
      expect([...set]).toEqual(expected)
      expect(set.size).toBe(expected.length)
      expect(set.has(other)).toBe(added.includes(other))
    }),
  )
})
