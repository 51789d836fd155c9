import fc from 'fast-check'
import { expect, test } from 'vitest'
import { connectionToEvict, type Occupant } from './connection-slots.ts'

const slotIdleMs = 1_000

function occupant(hostKey: string, more: Partial<Occupant> = {}): Occupant {
  const usual = { isGreeted: true, isRegistered: false, isBusy: false, silentMs: 5_000 }
  return { hostKey, ...usual, ...more }
}

const silent = { isGreeted: false }
const fresh = { silentMs: 10 }
const busy = { isBusy: true, silentMs: 0 }
const registered = { isRegistered: true, silentMs: 0 }

test.each<[string, Occupant[], string, number | undefined]>([
  ['of one host, who is silent before hello', [occupant('a'), occupant('a', silent)], 'a', 1],
  [
    'of one host, who is silent for longest',
    [occupant('a'), occupant('a', { silentMs: 9_000 })],
    'a',
    1,
  ],
  ['none, when all are fresh', [occupant('a', fresh), occupant('a', fresh)], 'a', undefined],
  ['none, when all are busy', [occupant('a', busy), occupant('a', busy)], 'a', undefined],
  ['none, when all are registered', [occupant('a', registered)], 'a', undefined],
  ['of a host with more, even who is fresh', [occupant('a', fresh), occupant('a', fresh)], 'b', 0],
  ['of a host with more, even who is at work', [occupant('a', busy), occupant('a', busy)], 'b', 0],
  ['the idle one before those at work', [occupant('a', busy), occupant('a')], 'b', 1],
  [
    'of the host with the most',
    [occupant('c', busy), occupant('c', busy), ...[1, 2, 3].map(() => occupant('a', busy))],
    'b',
    2,
  ],
  ['a registered one last', [occupant('a', registered), occupant('a', busy)], 'b', 1],
  [
    'a registered one of a host with more',
    [occupant('a', registered), occupant('a', registered)],
    'b',
    0,
  ],
  ['none of a host with no more', [occupant('a', busy)], 'b', undefined],
  ['an idle one of a host with as many', [occupant('a')], 'b', 0],
])('there leaves %s', (_, occupants, host, place) => {
  const found = connectionToEvict(occupants, host, { slotIdleMs })
  expect(found === undefined ? undefined : occupants.indexOf(found)).toBe(place)
})

test('a host with fewer connections than another is never turned away', () => {
  const one = fc.record({
    hostKey: fc.constantFrom('a', 'b', 'c', 'd'),
    isGreeted: fc.boolean(),
    isRegistered: fc.boolean(),
    isBusy: fc.boolean(),
    silentMs: fc.nat({ max: 5_000 }),
  })
  fc.assert(
    fc.property(fc.array(one, { minLength: 3 }), fc.constantFrom('a', 'b', 'new'), (all, host) => {
      const countOf = (key: string): number => all.filter(({ hostKey }) => hostKey === key).length
      const found = connectionToEvict(all, host, { slotIdleMs })
      const isAnyLarger = all.some(({ hostKey }) => countOf(hostKey) > countOf(host) + 1)
      expect(found !== undefined || !isAnyLarger).toBe(true)
      // No connection is evicted from a host that has fewer.
      expect(
        found === undefined ? Number.POSITIVE_INFINITY : countOf(found.hostKey),
      ).toBeGreaterThanOrEqual(countOf(host))
    }),
  )
})
