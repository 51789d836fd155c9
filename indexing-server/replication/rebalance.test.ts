import { expect, test } from 'vitest'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import type { StoredContent } from '../store/store.ts'
import type { MoveFinder, Rooms } from './move-finder.ts'
import { roomAfter } from './move-policy.ts'
import type { Move } from './moves.ts'
import type { PlacementPeer } from './placement.ts'
import { RateBudget } from './rate-budget.ts'
import { Rebalance } from './rebalance.ts'

const hourMs = 3_600_000

/** Peers `full` with `count` replicas of 10 bytes, and `empty`; everything that may move does. */
function world(automaticDifference: number, count = 50) {
  const clock = new FakeClock()
  const peer = (peerId: string, bytes: number): PlacementPeer => ({
    peerId,
    zone: undefined,
    state: 'live',
    isResting: false,
    isDraining: false,
    isDistrusted: false,
    unsteady: undefined,
    freeBytes: 1_000 - bytes,
    storedBytes: bytes,
    replicaBytes: bytes,
    assignedBytes: 0,
  })
  const held = new Map([
    ['full', peer('full', 10 * count)],
    ['empty', peer('empty', 0)],
  ])
  const askedForMs: number[] = []
  const left = new Set(Array.from({ length: count }, (_, id) => id))
  const moving = new Set<number>()
  const finder = {
    rooms: (forMs = 0) => {
      askedForMs.push(forMs)
      return new Map(held) as Rooms
    },
    balanceMove: ({ contentId }: StoredContent, from: string, rooms: Rooms): Move | undefined => {
      const [source, target] = [rooms.get(from), rooms.get('empty')]
      if (!left.has(contentId) || source === undefined || target === undefined) return undefined
      rooms.set(from, roomAfter(source, -10)).set('empty', roomAfter(target, 10))
      return { contentId, sizeBytes: 10, from, to: 'empty', reason: 'balance' }
    },
  } as unknown as MoveFinder
  const store = {
    contentIds: async () => ({ contentIds: [...left], next: undefined }),
    contents: async (ids: readonly number[]) =>
      ids.map((contentId) => ({ contentId }) as StoredContent),
  }
  const moves = {
    countOf: () => moving.size,
    cancelAll: () => {
      const ids = [...moving]
      moving.clear()
      return ids
    },
  }
  const rebalance = new Rebalance({ automaticDifference }, { clock, finder, store, moves })
  const step = async (): Promise<number> => {
    const found = await rebalance.step(() => false)
    for (const { contentId, from, to } of found) {
      moving.add(contentId)
      left.delete(contentId)
      for (const [id, bytes] of [[from, -10] as const, [to, 10] as const])
        held.set(id, roomAfter(held.get(id) ?? peer(id, 0), bytes))
    }
    return found.length
  }
  const complete = (): void => {
    for (const contentId of moving)
      rebalance.onMoved({ contentId, sizeBytes: 10, from: 'full', to: 'empty', reason: 'balance' })
    moving.clear()
  }
  return { clock, rebalance, step, complete, askedForMs, held }
}

test('starts by itself when peers that have stayed for a day differ enough, and not again soon', async () => {
  const { clock, rebalance, step, complete, askedForMs, held } = world(0.25)
  await rebalance.look()
  expect(rebalance.progress).toMatchObject({ cause: 'automatic', isRunning: true })
  expect(new Set(askedForMs)).toEqual(new Set([24 * hourMs]))
  expect(await step()).toBe(19)
  expect(await step()).toBe(0)
  await rebalance.look()
  expect(rebalance.progress?.isRunning).toBe(true)
  complete()
  await rebalance.look()
  expect(rebalance.progress).toMatchObject({ isRunning: false, movedContents: 19, movedBytes: 190 })

  held.set('empty', { ...(held.get('full') as PlacementPeer), peerId: 'empty', storedBytes: 0 })
  await clock.advance(hourMs / 2)
  await rebalance.look()
  expect(rebalance.progress?.isRunning).toBe(false)
  await clock.advance(hourMs)
  await rebalance.look()
  expect(rebalance.progress?.isRunning).toBe(true)
})

test.each([
  ['peers that differ little', world(0.6)],
  ['a setting of 0', world(0)],
])('does not start by itself for %s', async (_, { clock, rebalance }) => {
  await rebalance.look()
  await clock.advance(2 * hourMs)
  await rebalance.look()
  expect(rebalance.progress).toBeUndefined()
})

test('a command moves more than the automatic one, and ends on command', async () => {
  const { rebalance, step } = world(0.25)
  const plan = await rebalance.plan()
  expect(plan).toEqual({
    flows: [{ from: 'full', to: 'empty', contents: 23, bytes: 230 }],
    contents: 23,
    bytes: 230,
    isPartial: false,
  })
  expect(rebalance.progress).toBeUndefined()
  await rebalance.start()
  expect(await step()).toBe(23)
  await rebalance.start()
  expect(rebalance.stop()).toHaveLength(23)
  expect(rebalance.progress).toMatchObject({ isRunning: false, isStopped: true })
  expect(rebalance.stop()).toEqual([])
  expect(await step()).toBe(0)
})

test('a budget allows its rate on average, and a content of any size', async () => {
  const clock = new FakeClock()
  const budget = new RateBudget({ bytesPerSecond: 100 }, { clock })
  budget.spend(100)
  expect(budget.isSpent).toBe(false)
  budget.spend(1_000)
  expect(budget.leftMs).toBe(10_000)
  await clock.advance(9_999)
  expect(budget.isSpent).toBe(true)
  await clock.advance(2)
  expect(budget.isSpent).toBe(false)
  let spent = 0
  for (let second = 0; second < 100; second++) {
    for (; !budget.isSpent; spent += 30) budget.spend(30)
    await clock.advance(1_000)
  }
  expect(spent).toBeGreaterThan(9_900)
  expect(spent).toBeLessThan(10_300)
  const unlimited = new RateBudget({ bytesPerSecond: Number.POSITIVE_INFINITY }, { clock })
  unlimited.spend(1e15)
  expect(unlimited.isSpent).toBe(false)
})
