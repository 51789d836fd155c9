import fc from 'fast-check'
import { expect, test } from 'vitest'
import { deadlines } from '../limits.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { ConnectionSlots, type Occupant } from './connection-slots.ts'

const { slotIdleMs } = deadlines

function slotsOf<T extends Occupant>(
  occupants: readonly T[],
  clock = new FakeClock(),
): ConnectionSlots<T> {
  const slots = new ConnectionSlots<T>({ clock })
  for (const one of occupants) slots.add(one)
  return slots
}

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
  const leaving = slotsOf(occupants).leavingFor(host)
  expect(leaving).toEqual(place === undefined ? [] : [occupants[place]])
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
      const [found] = slotsOf(all).leavingFor(host)
      const isAnyLarger = all.some(({ hostKey }) => countOf(hostKey) > countOf(host) + 1)
      expect(found !== undefined || !isAnyLarger).toBe(true)
      if (found === undefined || (!found.isGreeted && found.silentMs >= slotIdleMs)) return
      // No other connection is evicted from a host that has fewer.
      expect(countOf(found.hostKey)).toBeGreaterThanOrEqual(countOf(host))
    }),
  )
})

test('all that are silent before their hello leave together', () => {
  const slots = slotsOf([occupant('a', silent), occupant('b'), occupant('c', silent)])
  expect(slots.leavingFor('d').map(({ hostKey }) => hostKey)).toEqual(['a', 'c'])
})

test('one look at all connections finds places for many newcomers', () => {
  let looks = 0
  const crowd = Array.from({ length: 1_000 }, (_, i) => ({
    ...occupant(`host ${i % 10}`),
    get silentMs() {
      looks += 1
      return 5_000
    },
  }))
  const slots = slotsOf<Occupant>(crowd)
  for (let newcomer = 0; newcomer < 50; newcomer += 1) {
    const [one] = slots.leavingFor('other')
    if (one === undefined) throw new Error('there is no room')
    slots.delete(one)
    slots.add(occupant('other', fresh))
  }
  expect(looks).toBeLessThan(4 * crowd.length)
})

test('a candidate that is gone, or has work by now, is passed over', () => {
  const clock = new FakeClock()
  const works = { ...occupant('a'), isBusy: false }
  const all = [works, occupant('a'), occupant('a'), occupant('a')]
  const slots = slotsOf(all, clock)
  expect(slots.leavingFor('b')).toEqual([works])
  works.isBusy = true
  const [next] = slots.leavingFor('b')
  expect(all.indexOf(next as Occupant & { isBusy: boolean })).toBe(1)
  slots.delete(next as typeof works)
  expect(slots.leavingFor('b')).not.toContain(works)
})

test('a newcomer for which no candidate leaves has all connections looked at', () => {
  // Idle ones of hosts with one connection each are the first to leave, but not for a host with two.
  const others = Array.from({ length: 200 }, (_, i) => occupant(`host ${i}`, { silentMs: 9_000 }))
  const own = [occupant('two'), occupant('two')]
  const slots = slotsOf([...others, ...own])
  expect(slots.leavingFor('new')).toHaveLength(1)
  expect(own).toContain(slots.leavingFor('two')[0])
})
