import { expect, test } from 'vitest'
import { seededRandom } from '../../common/random.ts'
import { nextAbsenceMs, nextAction, nextSize } from './soak-plan.ts'

test('a seed always gives the same actions, of all kinds', () => {
  const actions = (seed: string): string[] => {
    const random = seededRandom(seed)
    return Array.from({ length: 500 }, () => nextAction(random))
  }
  expect(actions('a')).toEqual(actions('a'))
  expect(actions('a')).not.toEqual(actions('b'))
  expect(new Set(actions('a')).size).toBe(12)
})

test('sizes range from nothing to many chunks', () => {
  const random = seededRandom('sizes')
  const sizes = Array.from({ length: 500 }, () => nextSize(random))
  expect(Math.min(...sizes)).toBe(0)
  expect(Math.max(...sizes)).toBeGreaterThan(4 * 2 ** 20)
})

test('most absences are blips, some outlast the time after which a peer is dead', () => {
  const random = seededRandom('absences')
  const absences = Array.from({ length: 500 }, () => nextAbsenceMs(random, 1_000))
  const long = absences.filter((ms) => ms > 1_000).length
  expect(long).toBeGreaterThan(50)
  expect(long).toBeLessThan(150)
})
