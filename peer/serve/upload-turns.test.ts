import fc from 'fast-check'
import { expect, test } from 'vitest'
import { deadlines, limits } from '../../common/limits.ts'
import { nextWaiter, uploadsAtOnceAfter, type Waiter } from './upload-turns.ts'

const fresh: Waiter = { chunkSends: 0, lastTurn: 0, waitedMs: 0 }

test('the chunk that was sent the fewest times goes first, then whoever was served least recently', () => {
  const repeated = { ...fresh, chunkSends: 1 }
  const served = { ...fresh, lastTurn: 7 }
  const first = { ...fresh, lastTurn: 3 }
  expect(nextWaiter([repeated, served, first])).toBe(first)
  expect(nextWaiter([repeated, served])).toBe(served)
  expect(nextWaiter([first, { ...first }])).toBe(first)
  expect(nextWaiter([])).toBeUndefined()
})

test('who has waited for long goes before, whatever it wants', () => {
  const patient = { chunkSends: 9, lastTurn: 9, waitedMs: deadlines.uploadOverdueMs }
  expect(nextWaiter([fresh, patient])).toBe(patient)
  const unserved = { ...patient, lastTurn: 1 }
  expect(nextWaiter([fresh, patient, unserved])).toBe(unserved)
})

/**
 * A line into which others push new reads of chunks that were never sent, one for each read that is
 * answered: a read of a chunk that was sent often still has its turn, soon after it became overdue.
 */
test('nobody starves', () => {
  const others = fc.array(fc.nat(20), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(others, fc.integer({ min: 1, max: 500 }), (peers, sendMs) => {
      const lastTurns = new Map<number, number>()
      const poor = { peer: -1, chunkSends: 100, sinceMs: 0 }
      let line = [poor, ...peers.map((peer) => ({ peer, chunkSends: 0, sinceMs: 0 }))]
      let nowMs = 0
      for (let turn = 1; line.includes(poor); turn += 1, nowMs += sendMs) {
        const next = nextWaiter(
          line.map((one) => ({
            one,
            chunkSends: one.chunkSends,
            lastTurn: lastTurns.get(one.peer) ?? 0,
            waitedMs: nowMs - one.sinceMs,
          })),
        )
        const served = next?.one ?? poor
        lastTurns.set(served.peer, turn)
        line = line.filter((one) => one !== served)
        line.push({ peer: served.peer, chunkSends: 0, sinceMs: nowMs })
      }
      expect(nowMs).toBeLessThanOrEqual(deadlines.uploadOverdueMs + (peers.length + 2) * sendMs)
    }),
  )
})

test('peers that want as much are served as often', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 10 }), fc.integer({ min: 1, max: 5 }), (peers, each) => {
      const served = Array.from({ length: peers }, () => 0)
      const lastTurns = Array.from({ length: peers }, () => 0)
      for (let turn = 1; turn <= peers * each; turn += 1) {
        const waiters = lastTurns.map((lastTurn, peer) => ({ ...fresh, lastTurn, peer }))
        const peer = nextWaiter(waiters)?.peer ?? 0
        lastTurns[peer] = turn
        served[peer] = (served[peer] ?? 0) + 1
      }
      expect(served).toEqual(Array.from({ length: peers }, () => each))
    }),
  )
})

test('more are answered at once when each is fast, fewer when each is slow, always some', () => {
  const { uploadsAtOnceMin: min, uploadsAtOnceMax: max } = limits
  expect(uploadsAtOnceAfter(min, { tookMs: 10, isAnyWaiting: true })).toBe(min + 1)
  expect(uploadsAtOnceAfter(min, { tookMs: 10, isAnyWaiting: false })).toBe(min)
  expect(uploadsAtOnceAfter(max, { tookMs: 10, isAnyWaiting: true })).toBe(max)
  expect(uploadsAtOnceAfter(max, { tookMs: 300, isAnyWaiting: true })).toBe(max)
  expect(uploadsAtOnceAfter(max, { tookMs: 5_000, isAnyWaiting: true })).toBe(max - 1)
  expect(uploadsAtOnceAfter(min, { tookMs: 5_000, isAnyWaiting: true })).toBe(min)
})
