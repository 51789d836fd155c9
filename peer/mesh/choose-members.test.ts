import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '../../common/random.ts'
import { ProbeOrder, reachOutProbability, someOf } from './choose-members.ts'

test('some of the items are different ones of them', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(50)), fc.nat(60), fc.string(), (items, count, seed) => {
      const some = someOf(items, count, seededRandom(seed))
      expect(some).toHaveLength(Math.min(count, items.length))
      expect(new Set(some).size).toBe(some.length)
      expect(items).toEqual(expect.arrayContaining(some))
    }),
  )
})

test('each member is probed once per pass, and those that are gone never', () => {
  const order = new ProbeOrder({ random: seededRandom('pass') })
  const all = ['a', 'b', 'c', 'd', 'e']
  const pass = all.map(() => order.next(all))
  expect(new Set(pass)).toEqual(new Set(all))
  expect(order.next(all)).toBeDefined()
  for (let probes = 0; probes < 10; probes += 1) expect(order.next(['b', 'c'])).toMatch(/b|c/)
  expect(order.next([])).toBeUndefined()
})

test('one member per round tries each that is dead, and one that is alone does so each round', () => {
  expect(reachOutProbability({ gone: 0, others: 5 })).toBe(0)
  expect(reachOutProbability({ gone: 2, others: 8 })).toBe(0.25)
  expect(reachOutProbability({ gone: 5, others: 3 })).toBe(1)
  expect(reachOutProbability({ gone: 1, others: 0 })).toBe(1)
})
