import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mayDropReplica, type SurplusHolder, surplusReplicas } from './surplus.ts'

const dayMs = 86_400_000

function holder(peerId: string, fields: Partial<SurplusHolder> = {}): SurplusHolder {
  const facts = { zone: undefined, isCounted: true, liveForMs: dayMs, fullness: 0.5 }
  return { peerId, ...facts, hasReplica: true, hasOwn: false, ...fields }
}

const original = (peerId: string, fields: Partial<SurplusHolder> = {}): SurplusHolder =>
  holder(peerId, { hasReplica: false, hasOwn: true, ...fields })

test.each<[string, SurplusHolder[], string[]]>([
  ['nothing at the factor', [original('a'), holder('b')], []],
  ['nothing below it', [holder('b')], []],
  ['the fullest peer', [original('a'), holder('b'), holder('c', { fullness: 0.6 })], ['c']],
  ['the first id of equal peers', [original('a'), holder('c'), holder('b')], ['b']],
  [
    'a peer that has not been live for a day, before a fuller one',
    [original('a'), holder('b', { fullness: 0.9 }), holder('c', { liveForMs: dayMs - 1 })],
    ['c'],
  ],
  [
    'a peer whose zone has another copy, before one that is alone in its zone',
    [
      original('a', { zone: 'x' }),
      holder('b', { zone: 'x' }),
      holder('c', { zone: 'y', fullness: 1 }),
    ],
    ['b'],
  ],
  [
    'no peer that is alone in its zone if the others share one',
    [original('a', { zone: 'x' }), original('b', { zone: 'x' }), holder('c', { zone: 'y' })],
    [],
  ],
  [
    'no peer while only uncounted ones make it a surplus',
    [original('a'), holder('b'), holder('c', { isCounted: false })],
    [],
  ],
  ['no peer without a replica', [original('a'), original('b'), original('c')], []],
  [
    'a replica beside a copy that its peer has anyway, which takes no copy away',
    [original('a'), holder('b', { hasOwn: true })],
    ['b'],
  ],
  ['all that are too many', [original('a'), holder('b'), holder('c'), holder('d')], ['b', 'c']],
])('trims %s', (_, holders, peerIds) => {
  expect(surplusReplicas(holders, 2)).toEqual(peerIds)
})

const anyHolders = fc.uniqueArray(
  fc.record({
    peerId: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'),
    zone: fc.constantFrom(undefined, undefined, 'x', 'y', 'z'),
    isCounted: fc.boolean(),
    hasReplica: fc.boolean(),
    hasOwn: fc.boolean(),
    liveForMs: fc.constantFrom(0, dayMs),
    fullness: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  { selector: ({ peerId }) => peerId },
)
const anyFactor = fc.integer({ min: 1, max: 5 })

/** The peers that are counted on and have a copy after `dropped` have dropped their replicas. */
function keeping(holders: readonly SurplusHolder[], dropped: readonly string[]): SurplusHolder[] {
  return holders.filter(
    ({ peerId, isCounted, hasReplica, hasOwn }) =>
      isCounted && (hasOwn || (hasReplica && !dropped.includes(peerId))),
  )
}

function zonesOf(holders: readonly SurplusHolder[]): number {
  return new Set(holders.map(({ peerId, zone }) => (zone === undefined ? `of ${peerId}` : zone)))
    .size
}

test('whatever the holders are, trimming never takes a content below its factor or other kinds away', () => {
  fc.assert(
    fc.property(anyHolders, anyFactor, (all, factor) => {
      const holders = all.filter(({ hasReplica, hasOwn }) => hasReplica || hasOwn)
      const before = keeping(holders, [])
      const trimmed = surplusReplicas(holders, factor)
      const after = keeping(holders, trimmed)
      expect(after.length).toBeGreaterThanOrEqual(Math.min(factor, before.length))
      expect(zonesOf(after)).toBeGreaterThanOrEqual(Math.min(factor, zonesOf(before)))
      for (const peerId of trimmed)
        expect(holders.find((one) => one.peerId === peerId)).toMatchObject({
          hasReplica: true,
          isCounted: true,
        })
      // Each is one that may be dropped when the ones before it are gone, in any order of asking.
      for (const [index, peerId] of trimmed.entries()) {
        const left = keeping(holders, trimmed.slice(0, index))
        expect(mayDropReplica(peerId, left, factor)).toBe(true)
      }
    }),
    { numRuns: 2_000 },
  )
})

test('without zones no replica stays that is not needed', () => {
  const anywhere = anyHolders.map((holders) =>
    holders.map((one) => ({ ...one, zone: undefined, hasReplica: one.hasReplica || !one.hasOwn })),
  )
  fc.assert(
    fc.property(anywhere, anyFactor, (holders, factor) => {
      fc.pre(keeping(holders, []).length >= factor)
      const trimmed = surplusReplicas(holders, factor)
      const after = keeping(holders, trimmed)
      const replicas = after.filter(
        ({ peerId, hasReplica }) => hasReplica && !trimmed.includes(peerId),
      )
      const others = after.filter(({ hasOwn }) => hasOwn).length
      expect(replicas).toHaveLength(Math.max(0, factor - others))
    }),
  )
})

test('one drop at a time, of any replica that may go, never goes below the factor', () => {
  fc.assert(
    fc.property(anyHolders, anyFactor, fc.infiniteStream(fc.nat()), (all, factor, chance) => {
      let holders = all.filter(({ hasReplica, hasOwn }) => hasReplica || hasOwn)
      const before = keeping(holders, []).length
      for (const pick of chance) {
        const able = holders.filter(({ peerId }) => mayDropReplica(peerId, holders, factor))
        const next = able[pick % able.length]
        if (next === undefined) break
        holders = holders.flatMap((one) => {
          if (one !== next) return [one]
          return one.hasOwn ? [{ ...one, hasReplica: false }] : []
        })
        expect(keeping(holders, []).length).toBeGreaterThanOrEqual(Math.min(factor, before))
      }
    }),
  )
})
