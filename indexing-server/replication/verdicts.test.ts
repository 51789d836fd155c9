import { expect, test } from 'vitest'
import { Verdicts } from './verdicts.ts'

test('the count follows every change of mind, for any id', () => {
  const verdicts = new Verdicts()
  verdicts.set(1, 'at-factor')
  verdicts.set(1, 'at-factor')
  verdicts.set(5_000_000, 'at-factor')
  expect(verdicts.atFactor).toBe(2)
  verdicts.set(1, 'below-factor')
  verdicts.set(5_000_000, 'unwanted')
  verdicts.set(7, 'unknown')
  expect(verdicts.atFactor).toBe(0)
  verdicts.set(7, 'above-factor')
  verdicts.set(7, 'above-factor')
  expect([verdicts.atFactor, verdicts.aboveFactor]).toEqual([1, 1])
  verdicts.set(7, 'at-factor')
  expect([verdicts.atFactor, verdicts.aboveFactor]).toEqual([1, 0])
})
