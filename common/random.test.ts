import { describe, expect, test } from 'vitest'
import { randomId, seededRandom, shuffled, systemRandom } from './random.ts'

describe.each([
  ['system', systemRandom],
  ['seeded', seededRandom('a')],
])('%s randomness', (_, random) => {
  test('returns the requested number of bytes', () => {
    for (const count of [0, 1, 16, 100_000]) expect(random.bytes(count)).toHaveLength(count)
  })

  test('returns evenly spread fractions in [0, 1)', () => {
    const fractions = Array.from({ length: 10_000 }, () => random.fraction())
    expect(Math.min(...fractions)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...fractions)).toBeLessThan(1)
    const mean = fractions.reduce((sum, fraction) => sum + fraction, 0) / fractions.length
    // Eleven standard errors: a correct source fails once in 10^27 runs.
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.032)
  })
})

test('a seed gives the same sequence on every machine', () => {
  const random = seededRandom('tandem')
  expect(random.bytes(8).toString('hex')).toBe('c46fd63d8101b945')
  expect(random.fraction()).toBe(0.20565650929752977)
})

test('the sequence does not depend on how it is cut', () => {
  const [whole, pieces] = [seededRandom('s'), seededRandom('s')]
  expect(Buffer.concat([pieces.bytes(5), pieces.bytes(27)])).toEqual(whole.bytes(32))
})

test('different seeds give different sequences', () => {
  expect(seededRandom('a').bytes(16)).not.toEqual(seededRandom('b').bytes(16))
})

test('an id is lower-case hex of the length asked for', () => {
  expect(randomId(systemRandom)).toMatch(/^[0-9a-f]{16}$/)
  expect(randomId(systemRandom, 16)).toMatch(/^[0-9a-f]{32}$/)
  expect(randomId(systemRandom)).not.toBe(randomId(systemRandom))
})

test('shuffling keeps each item once, in any order', () => {
  const items = [1, 2, 3]
  const random = seededRandom('shuffle')
  const orders = Array.from({ length: 200 }, () => shuffled(items, random).join(''))
  expect(new Set(orders)).toEqual(new Set(['123', '132', '213', '231', '312', '321']))
  expect(items).toEqual([1, 2, 3])
})
