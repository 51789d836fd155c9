import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '../../common/random.ts'
import { bestTarget, eligibleTargets, type PlacementPeer } from './placement.ts'
import { fullness, keptFreeBytes, roomBytes } from './room.ts'

function peer(peerId: string, fields: Partial<PlacementPeer> = {}): PlacementPeer {
  const state = { isResting: false, isDraining: false, isDistrusted: false, unsteady: undefined }
  const idle = { storedBytes: 0, replicaBytes: 0, assignedBytes: 0, ...state }
  return { peerId, zone: undefined, state: 'live', freeBytes: 100, ...idle, ...fields }
}

const options = { reserveBytes: 10 }
const nothingFailed = {
  ownedBy: new Set<string>(),
  isWaiting: () => false,
  isLastCopy: false,
  isTrashed: false,
}
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
      peer('resting', { isResting: true }),
      peer('draining', { isDraining: true }),
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
    draining: 'draining',
    failed: 'waiting',
    'another owner': 'owner',
  })
})

test('a flapping peer takes only the second copy of a content, and only if no other peer can', () => {
  const peers = [peer('owner'), peer('steady'), peer('flapping', { unsteady: 'flapping' })]
  const beside = eligibleTargets({ ...request, isLastCopy: true }, peers, options)
  expect(ids(beside.eligible)).toEqual(['steady'])
  expect(beside.refusals.get('flapping')).toBe('flapping')
  const others = peers.filter(({ peerId }) => peerId !== 'steady')
  const alone = eligibleTargets({ ...request, isLastCopy: true }, others, options)
  expect(ids(alone.eligible)).toEqual(['flapping'])
  expect(ids(eligibleTargets(request, others, options).eligible)).toEqual([])
})

test('an owner that lost the file takes a copy only if no other peer can', () => {
  const lost = { ...request, takenBy: new Set(['keeper']), ownedBy: new Set(['owner']) }
  const peers = [peer('owner'), peer('keeper'), peer('other', { unsteady: 'maintenance' })]
  const beside = eligibleTargets({ ...lost, isLastCopy: true }, peers, options)
  expect([ids(beside.eligible), beside.refusals.get('owner')]).toEqual([['other'], 'owner'])
  const two = peers.slice(0, 2)
  expect(ids(eligibleTargets({ ...lost, isLastCopy: true }, two, options).eligible)).toEqual([
    'owner',
  ])
  const trashed = { ...lost, isLastCopy: true, isTrashed: true }
  expect(eligibleTargets(trashed, two, options).refusals.get('owner')).toBe('owner')
})

test('an owner that lost the file takes one of several copies only if all others have one', () => {
  const takenBy = new Set(['keeper', 'second keeper'])
  const lost = { ...request, takenBy, ownedBy: new Set(['owner']) }
  const peers = [peer('owner'), peer('keeper'), peer('second keeper')]
  const targets = (...others: PlacementPeer[]): string[] =>
    ids(eligibleTargets(lost, [...peers, ...others], options).eligible)
  expect(targets()).toEqual(['owner'])
  expect(targets(peer('gone', { state: 'dead' }), peer('leaving', { isDraining: true }))).toEqual([
    'owner',
  ])
  expect(targets(peer('back soon', { state: 'suspect' }))).toEqual([])
  const trashed = eligibleTargets({ ...lost, isTrashed: true }, peers, options)
  expect(ids(trashed.eligible)).toEqual([])
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
  const drained = [
    peer('owner', { zone: 'west' }),
    peer('leaving', { zone: 'east', isDraining: true }),
  ]
  const holding = { ...request, takenBy: new Set(['owner', 'leaving']) }
  const free = [peer('near', { zone: 'east' }), peer('far', { zone: 'west' })]
  expect(ids(eligibleTargets(holding, [...drained, ...free], options).eligible)).toEqual(['near'])
  const zoneless = [peer('owner'), peer('other')]
  expect(ids(eligibleTargets(request, zoneless, options).eligible)).toEqual(['other'])
})

const never = (): boolean => false

/** How many of `rounds` choices fall on each peer. */
function shares(
  peers: readonly PlacementPeer[],
  hasFailed: (peerId: string) => boolean = never,
  hasEarlierVersion: (peerId: string) => boolean = never,
): Record<string, number> {
  const random = seededRandom('shares')
  const counts: Record<string, number> = {}
  for (let round = 0; round < 1_000; round++) {
    const best =
      bestTarget(peers, { ...options, hasFailed, hasEarlierVersion, random })?.peerId ?? 'none'
    counts[best] = (counts[best] ?? 0) + 1
  }
  return counts
}

test('a clearly less full peer is preferred, and one that failed comes last', () => {
  const peers = [peer('full', { storedBytes: 100 }), peer('half', { storedBytes: 50 })]
  expect(shares(peers)).toEqual({ half: 1_000 })
  expect(shares(peers, (peerId) => peerId === 'half')).toEqual({ full: 1_000 })
  expect(shares([peer('only')], () => true)).toEqual({ only: 1_000 })
  expect(shares([])).toEqual({ none: 1_000 })
})

test('a peer with an earlier version is preferred, however full, unless it failed', () => {
  const peers = [peer('full', { storedBytes: 100 }), peer('a'), peer('b')]
  const isFull = (peerId: string): boolean => peerId === 'full'
  expect(shares(peers, never, isFull)).toEqual({ full: 1_000 })
  expect(shares(peers, isFull, isFull)).not.toHaveProperty('full')
  expect(shares(peers, () => true, isFull)).toEqual({ full: 1_000 })
})

test('peers that are about equally full get shares by their room', () => {
  const room = { freeBytes: 100_000, storedBytes: 50_000 }
  const equal = shares([peer('a', room), peer('b', { ...room, freeBytes: 99_000 })])
  expect(equal['a']).toBeGreaterThan(400)
  expect(equal['b']).toBeGreaterThan(400)
  const large = { freeBytes: 400_000, storedBytes: 200_000 }
  const { b = 0 } = shares([peer('a', room), peer('b', large)])
  expect(b).toBeGreaterThan(700)
  expect(b).toBeLessThan(900)
})

test('files of any sizes are spread evenly over random clusters', () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 100_000 }), { minLength: 200, maxLength: 400 })
  const disks = fc.array(fc.integer({ min: 50, max: 200 }), { minLength: 2, maxLength: 8 })
  fc.assert(
    fc.property(sizes, disks, fc.string(), (files, disksMb, seed) => {
      const random = seededRandom(seed)
      const held = disksMb.map((megabytes, index) => ({
        peerId: `p${index}`,
        diskBytes: megabytes * 1_000_000,
        files: 0,
        bytes: 0,
      }))
      const peerOf = ({ peerId, diskBytes, bytes }: (typeof held)[number]): PlacementPeer =>
        peer(peerId, { freeBytes: diskBytes - bytes, storedBytes: bytes, replicaBytes: bytes })
      for (const size of files) {
        const choice = { ...options, hasFailed: never, hasEarlierVersion: never, random }
        const best = bestTarget(held.map(peerOf), choice)?.peerId
        const chosen = held.find(({ peerId }) => peerId === best)
        if (chosen === undefined) throw new Error('no peer was chosen')
        chosen.files += 1
        chosen.bytes += size
      }
      const all = held.reduce((sum, { diskBytes }) => sum + diskBytes, 0)
      for (const { diskBytes, files: count, bytes } of held) {
        const expected = (files.length * diskBytes) / all
        expect(Math.abs(count - expected)).toBeLessThan(6 * Math.sqrt(expected) + 5)
        expect(bytes / diskBytes).toBeLessThan(0.5)
      }
      const full = held.map((each) => fullness(peerOf(each)))
      expect(Math.max(...full) - Math.min(...full)).toBeLessThan(0.25)
    }),
  )
})

test('no plan breaks a rule', () => {
  const anyPeer = fc.record({
    peerId: fc.string({ minLength: 1, maxLength: 2 }),
    zone: fc.option(fc.constantFrom('x', 'y'), { nil: undefined }),
    state: fc.constantFrom('live' as const, 'suspect' as const, 'dead' as const),
    freeBytes: fc.nat(200),
    storedBytes: fc.nat(200),
    replicaBytes: fc.nat(200),
    capacityBytes: fc.option(fc.nat(400), { nil: undefined }),
    assignedBytes: fc.nat(100),
    isResting: fc.boolean(),
    isDraining: fc.boolean(),
    isDistrusted: fc.boolean(),
    unsteady: fc.constantFrom('flapping' as const, 'maintenance' as const, undefined),
  })
  const peers = fc.uniqueArray(anyPeer, { selector: ({ peerId }) => peerId })
  fc.assert(
    fc.property(peers, fc.nat(100), fc.nat(5), fc.nat(7), (all, sizeBytes, taken, flags) => {
      const takenBy = new Set(ids(all.slice(0, taken)))
      const ownedBy = new Set(ids(all.filter((_, index) => ((flags >> (index % 3)) & 1) === 1)))
      const isWaiting = (peerId: string): boolean => peerId.length === (flags & 3)
      const isLastCopy = takenBy.size <= 1
      const isTrashed = (flags & 4) === 4
      const wanted = { sizeBytes, takenBy, ownedBy, isWaiting, isLastCopy, isTrashed }
      const isAnyOther = all.some(
        ({ peerId, state, isDraining, isDistrusted }) =>
          state !== 'dead' &&
          !isDraining &&
          !isDistrusted &&
          !takenBy.has(peerId) &&
          !ownedBy.has(peerId),
      )
      const { eligible, refusals } = eligibleTargets(wanted, all, options)
      expect(eligible.length + refusals.size + Math.min(taken, all.length)).toBe(all.length)
      for (const each of eligible) {
        expect(takenBy.has(each.peerId) || each.isResting || refusals.has(each.peerId)).toBe(false)
        expect(each.state).toBe('live')
        expect(each.isDraining).toBe(false)
        expect(each.isDistrusted).toBe(false)
        const isOwner = ownedBy.has(each.peerId)
        expect(isOwner).toBe(ownedBy.has(eligible[0]?.peerId ?? ''))
        expect(isOwner && (isTrashed || (!isLastCopy && isAnyOther))).toBe(false)
        expect(each.unsteady !== undefined && !isLastCopy).toBe(false)
        expect(isWaiting(each.peerId)).toBe(false)
        expect(roomBytes(each, options)).toBeGreaterThanOrEqual(sizeBytes)
        const { capacityBytes = Infinity, replicaBytes, assignedBytes } = each
        const onDisk = each.freeBytes - assignedBytes - sizeBytes - 10
        const given = capacityBytes - replicaBytes - assignedBytes - sizeBytes
        expect(sizeBytes === 0 || Math.min(onDisk, given) >= 0).toBe(true)
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

test('what a peer gives to the cluster limits its room, and makes it full', () => {
  const giver = peer('giver', { freeBytes: 1_000, capacityBytes: 100, storedBytes: 500 })
  expect(roomBytes(giver, options)).toBe(100)
  expect(roomBytes({ ...giver, replicaBytes: 60, assignedBytes: 30 }, options)).toBe(10)
  expect(roomBytes({ ...giver, replicaBytes: 160 }, options)).toBe(0)
  expect(roomBytes({ ...giver, freeBytes: 50 }, options)).toBe(40)
  expect(fullness(giver)).toBeCloseTo(1 / 3)
  expect(fullness({ ...giver, replicaBytes: 60, assignedBytes: 30 })).toBeCloseTo(0.9)
  expect(fullness({ ...giver, replicaBytes: 200 })).toBe(2)
})
