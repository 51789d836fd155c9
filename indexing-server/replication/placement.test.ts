import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bestTarget, eligibleTargets, keptFreeBytes, type PlacementPeer } from './placement.ts'

function peer(peerId: string, fields: Partial<PlacementPeer> = {}): PlacementPeer {
  const idle = { storedBytes: 0, assignedBytes: 0, isResting: false, isFlapping: false }
  return { peerId, zone: undefined, state: 'live', freeBytes: 100, ...idle, ...fields }
}

const options = { reserveBytes: 10 }
const nothingFailed = { ownedBy: new Set<string>(), isWaiting: () => false, isLastCopy: false }
const request = { sizeBytes: 50, takenBy: new Set(['owner']), ...nothingFailed }
const ids = (peers: readonly PlacementPeer[]): string[] => peers.map(({ peerId }) => peerId)

test('which peers may take a copy, and why the others may not', () => {
  const { eligible, refusals } = eligibleTargets(
    {
      ...request,
      ownedBy: new Set(['owner', 'another owner']),
      isWaiting: (peerId) => peerId === 'failed',
    },
    [
      peer('owner'),
      peer('good'),
      peer('exactly', { freeBytes: 60 }),
      peer('full', { freeBytes: 59 }),
      peer('promised', { freeBytes: 100, assignedBytes: 41 }),
      peer('suspect', { state: 'suspect' }),
      peer('resting', { isFlapping: false, isResting: true }),
      peer('failed'),
      peer('another owner'),
    ],
    options,
  )
  expect(ids(eligible)).toEqual(['good', 'exactly'])
  expect(Object.fromEntries(refusals)).toEqual({
    full: 'no space',
    promised: 'no space',
    suspect: 'not live',
    resting: 'resting',
    failed: 'waiting',
    'another owner': 'owner',
  })
})

test('a flapping peer takes only the second copy of a content, and only if no other peer can', () => {
  const peers = [peer('owner'), peer('steady'), peer('flapping', { isFlapping: true })]
  const beside = eligibleTargets({ ...request, isLastCopy: true }, peers, options)
  expect(ids(beside.eligible)).toEqual(['steady'])
  expect(beside.refusals.get('flapping')).toBe('flapping')
  const others = peers.filter(({ peerId }) => peerId !== 'steady')
  const alone = eligibleTargets({ ...request, isLastCopy: true }, others, options)
  expect(ids(alone.eligible)).toEqual(['flapping'])
  expect(ids(eligibleTargets(request, others, options).eligible)).toEqual([])
})

test('another zone is taken as long as a peer there can', () => {
  const peers = [
    peer('owner', { zone: 'east' }),
    peer('near', { zone: 'east' }),
    peer('far', { zone: 'west' }),
  ]
  const elsewhere = eligibleTargets(request, peers, options)
  expect(ids(elsewhere.eligible)).toEqual(['far'])
  expect(elsewhere.refusals.get('near')).toBe('same zone')
  const full = peers.map((each) => (each.peerId === 'far' ? { ...each, freeBytes: 0 } : each))
  expect(ids(eligibleTargets(request, full, options).eligible)).toEqual(['near'])
  const zoneless = [peer('owner'), peer('other')]
  expect(ids(eligibleTargets(request, zoneless, options).eligible)).toEqual(['other'])
})

const never = (): boolean => false

test('the best target is the least full, then the first by id, and not the one that failed', () => {
  const peers = [
    peer('b', { storedBytes: 100 }),
    peer('d', { storedBytes: 50 }),
    peer('c', { storedBytes: 50 }),
    peer('a', { storedBytes: 50, assignedBytes: 1 }),
  ]
  expect(bestTarget(peers, never)?.peerId).toBe('c')
  expect(bestTarget(peers, (peerId) => peerId === 'c')?.peerId).toBe('d')
  expect(bestTarget([peer('only')], () => true)?.peerId).toBe('only')
  expect(bestTarget([], never)).toBeUndefined()
})

test('no plan breaks a rule', () => {
  const anyPeer = fc.record({
    peerId: fc.string({ minLength: 1, maxLength: 2 }),
    zone: fc.option(fc.constantFrom('x', 'y'), { nil: undefined }),
    state: fc.constantFrom('live' as const, 'suspect' as const, 'dead' as const),
    freeBytes: fc.nat(200),
    storedBytes: fc.nat(200),
    assignedBytes: fc.nat(100),
    isResting: fc.boolean(),
    isFlapping: fc.boolean(),
  })
  const peers = fc.uniqueArray(anyPeer, { selector: ({ peerId }) => peerId })
  fc.assert(
    fc.property(peers, fc.nat(100), fc.nat(5), fc.nat(7), (all, sizeBytes, taken, flags) => {
      const takenBy = new Set(ids(all.slice(0, taken)))
      const ownedBy = new Set(ids(all.filter((_, index) => ((flags >> (index % 3)) & 1) === 1)))
      const isWaiting = (peerId: string): boolean => peerId.length === (flags & 3)
      const isLastCopy = takenBy.size <= 1
      const wanted = { sizeBytes, takenBy, ownedBy, isWaiting, isLastCopy }
      const { eligible, refusals } = eligibleTargets(wanted, all, options)
      expect(eligible.length + refusals.size + Math.min(taken, all.length)).toBe(all.length)
      for (const each of eligible) {
        expect(takenBy.has(each.peerId) || each.isResting || refusals.has(each.peerId)).toBe(false)
        expect(each.state).toBe('live')
        expect(each.isFlapping).toBe(eligible[0]?.isFlapping)
        expect(each.isFlapping && !isLastCopy).toBe(false)
        expect(ownedBy.has(each.peerId) || isWaiting(each.peerId)).toBe(false)
        expect(each.freeBytes - each.assignedBytes).toBeGreaterThanOrEqual(sizeBytes + 10)
      }
    }),
  )
})

test('less of a small disk is reserved, so that it can be used', () => {
  const options = { reserveBytes: 256 * 1024 * 1024 }
  const stick = peer('stick', { diskBytes: 60_000_000, freeBytes: 50_000_000 })
  expect(keptFreeBytes(stick, options)).toBe(3_000_000)
  expect(keptFreeBytes({ diskBytes: 1e12 }, options)).toBe(options.reserveBytes)
  expect(keptFreeBytes({ diskBytes: undefined }, options)).toBe(options.reserveBytes)
  const none = new Set<string>()
  const request = { ...nothingFailed, sizeBytes: 2, takenBy: none }
  expect(eligibleTargets(request, [stick], options).eligible).toEqual([stick])
  const full = { ...stick, freeBytes: 3_000_001 }
  expect(eligibleTargets(request, [full], options).refusals.get('stick')).toBe('no space')
})
