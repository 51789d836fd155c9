import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Random, seededRandom } from '../../common/random.ts'
import { balanceMove, isCrowded, type MovableContent, roomAfter, zoneMove } from './move-policy.ts'
import { ableTargets, type PlacementPeer } from './placement.ts'
import { fullness, roomBytes } from './room.ts'
import { type SurplusHolder, zoneCountOf } from './surplus.ts'

const options = { reserveBytes: 0 }
const random = seededRandom('moves')

function peer(peerId: string, fields: Partial<PlacementPeer> = {}): PlacementPeer {
  const state = {
    state: 'live',
    isResting: false,
    isDraining: false,
    isDistrusted: false,
    unsteady: undefined,
  } as const
  const held = { storedBytes: 0, replicaBytes: 0, assignedBytes: 0 }
  return { peerId, zone: undefined, freeBytes: 1_000, ...held, ...state, ...fields }
}

function holder(peerId: string, fields: Partial<SurplusHolder> = {}): SurplusHolder {
  const kinds = { hasReplica: true, hasOwn: false }
  return { peerId, zone: 'x', isCounted: true, ...kinds, liveForMs: 0, fullness: 0, ...fields }
}

const owner = holder('owner', { hasReplica: false, hasOwn: true })
const content = (...holders: readonly SurplusHolder[]): MovableContent => ({
  sizeBytes: 10,
  factor: 2,
  holders,
})

test('a replica that shares the zone of the original moves to another zone', () => {
  const near = content(owner, holder('near'))
  const choice = { ...options, random }
  const targets = [peer('beside', { zone: 'x' }), peer('far', { zone: 'y' })]
  expect(zoneMove(near, targets, choice)).toEqual({ from: 'near', to: 'far' })
  expect(zoneMove(near, targets.slice(0, 1), choice)).toBeUndefined()
  expect(isCrowded(near)).toBe(true)
  const zoneless = zoneMove(near, [peer('alone')], choice)
  expect(zoneless).toEqual({ from: 'near', to: 'alone' })
})

test.each<[string, MovableContent]>([
  ['copies in two zones', content(owner, holder('far', { zone: 'y' }))],
  [
    'peers without a zone',
    content({ ...owner, zone: undefined }, holder('b', { zone: undefined })),
  ],
  ['a downloaded copy', content(owner, holder('user', { hasOwn: true }))],
  ['a holder that cannot be relied on', content({ ...owner, isCounted: false }, holder('b'))],
  ['missing copies', content(owner)],
  ['a factor of 1', { ...content(holder('b')), factor: 1 }],
])('%s: nothing moves to another zone', (_, unmoved) => {
  expect(zoneMove(unmoved, [peer('far', { zone: 'z' })], { ...options, random })).toBeUndefined()
})

test('a replica moves from a full peer to the least full one, if they differ enough', () => {
  const full = peer('full', { freeBytes: 500, storedBytes: 500, replicaBytes: 500 })
  const targets = [peer('half', { freeBytes: 700, storedBytes: 300 }), peer('empty')]
  const zoneless = content({ ...owner, zone: undefined }, holder('full', { zone: undefined }))
  const goal = { differenceMin: 0.3 }
  expect(balanceMove(zoneless, full, targets, goal)).toEqual({ from: 'full', to: 'empty' })
  expect(balanceMove(zoneless, full, targets.slice(0, 1), goal)).toBeUndefined()
  const large = { ...zoneless, sizeBytes: 400 }
  expect(balanceMove(large, full, targets, goal)).toBeUndefined()
  const downloaded = content(owner, holder('full', { hasOwn: true }))
  expect(balanceMove(downloaded, full, targets, goal)).toBeUndefined()
})

test('a move for balance leaves no zone', () => {
  const full = peer('full', { zone: 'y', freeBytes: 500, storedBytes: 500, replicaBytes: 500 })
  const spread = content(owner, holder('full', { zone: 'y' }))
  const goal = { differenceMin: 0.1 }
  expect(balanceMove(spread, full, [peer('a', { zone: 'x' })], goal)).toBeUndefined()
  const others = [peer('a', { zone: 'x' }), peer('b', { zone: 'y' }), peer('c', { zone: 'z' })]
  expect(balanceMove(spread, full, others, goal)?.to).toBe('b')
})

interface FakeContent {
  readonly sizeBytes: number
  readonly owner: string
  replicas: string[]
}

/** A cluster whose moves are complete immediately. */
class FakeCluster {
  readonly peers: Map<string, PlacementPeer>
  readonly contents: FakeContent[]
  readonly factor: number
  readonly #random: Random

  constructor(zones: readonly (string | undefined)[], contents: FakeContent[], seed: string) {
    this.peers = new Map(zones.map((zone, i) => [`p${i}`, peer(`p${i}`, { zone })]))
    this.factor = 1 + Math.max(0, ...contents.map(({ replicas }) => replicas.length))
    this.contents = contents
    this.#random = seededRandom(seed)
    for (const { owner: id, sizeBytes, replicas } of contents) {
      this.#add(id, sizeBytes, false)
      for (const replica of replicas) this.#add(replica, sizeBytes, true)
    }
  }

  movable({ sizeBytes, owner: id, replicas }: FakeContent): MovableContent {
    const holders = [id, ...replicas].map((peerId) => {
      const isOwner = peerId === id
      const room = this.peers.get(peerId) ?? peer(peerId)
      const kinds = { hasReplica: !isOwner, hasOwn: isOwner }
      return holder(peerId, { zone: room.zone, ...kinds, fullness: fullness(room) })
    })
    return { sizeBytes, factor: holders.length, holders }
  }

  zones(each: FakeContent): number {
    return zoneCountOf(this.movable(each).holders)
  }

  /** Moves all that the policy wants once; returns the number of moves. */
  pass(differenceMin: number): number {
    let count = 0
    for (const each of this.contents) {
      const movable = this.movable(each)
      const targets = this.#targets(each)
      const froms = each.replicas.flatMap((id) => this.peers.get(id) ?? [])
      const planned =
        zoneMove(movable, targets, { ...options, random: this.#random }) ??
        froms.map((from) => balanceMove(movable, from, targets, { differenceMin })).find(Boolean)
      if (planned === undefined) continue
      count += 1
      this.#add(planned.from, -each.sizeBytes, true)
      this.#add(planned.to, each.sizeBytes, true)
      each.replicas = each.replicas.map((id) => (id === planned.from ? planned.to : id))
    }
    return count
  }

  #targets({ sizeBytes, owner: id, replicas }: FakeContent): PlacementPeer[] {
    const request = {
      sizeBytes,
      takenBy: new Set([id, ...replicas]),
      ownedBy: new Set([id]),
      isWaiting: () => false,
      isLastCopy: false,
      isTrashed: false,
    }
    return ableTargets(request, [...this.peers.values()], options)
  }

  #add(peerId: string, bytes: number, isReplica: boolean): void {
    const before = this.peers.get(peerId) ?? peer(peerId)
    const after = roomAfter(before, bytes)
    const replicaBytes = isReplica ? after.replicaBytes : before.replicaBytes
    this.peers.set(peerId, { ...after, replicaBytes })
  }
}

test('moves end in any cluster, and keep zones, copies, and room', () => {
  const clusters = fc
    .tuple(
      fc.array(fc.constantFrom('x', 'y', 'z', undefined), { minLength: 2, maxLength: 7 }),
      fc.integer({ min: 1, max: 2 }),
      fc.array(fc.tuple(fc.nat(1e6), fc.integer({ min: 0, max: 40 })), { maxLength: 60 }),
      fc.string(),
    )
    .map(([zones, replicas, files, seed]) => {
      const ids = zones.map((_, index) => `p${index}`)
      const contents = files.map(([start, sizeBytes]): FakeContent => {
        // Early peers have more: the last ones are new and empty.
        const first = start % Math.max(1, ids.length - 1)
        const order = ids.map((_, step) => ids[(first + step) % ids.length] ?? '')
        return { sizeBytes, owner: order[0] ?? '', replicas: order.slice(1, 1 + replicas) }
      })
      return new FakeCluster(zones, contents, seed)
    })
  fc.assert(
    fc.property(clusters, fc.constantFrom(0.05, 0.1, 0.25), (cluster, differenceMin) => {
      const zonesBefore = cluster.contents.map((each) => cluster.zones(each))
      const copiesBefore = cluster.contents.map(({ replicas }) => replicas.length)
      let passes = 0
      while (cluster.pass(differenceMin) > 0) {
        passes += 1
        expect(passes).toBeLessThan(30)
      }
      for (const [index, each] of cluster.contents.entries()) {
        expect(cluster.zones(each)).toBeGreaterThanOrEqual(zonesBefore[index] ?? 0)
        expect(new Set([each.owner, ...each.replicas]).size).toBe(1 + (copiesBefore[index] ?? 0))
      }
      for (const room of cluster.peers.values())
        expect(roomBytes(room, options)).toBeGreaterThanOrEqual(0)
      expect(cluster.pass(differenceMin)).toBe(0)
    }),
    { numRuns: 300 },
  )
})
