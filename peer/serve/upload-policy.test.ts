import fc from 'fast-check'
import { expect, test } from 'vitest'
import { limits } from '../../common/limits.ts'
import {
  nextRead,
  type ReadFacts,
  uploadOverdueMs,
  uploadsAtOnceAfter,
  uploadsAtOnceMax,
} from './upload-policy.ts'

const fresh: ReadFacts = { chunkSends: 0, lastSlot: 0, waitedMs: 0 }

test('the chunk that was sent the fewest times goes first, then the requester that was served least recently', () => {
  const repeated = { ...fresh, chunkSends: 1 }
  const served = { ...fresh, lastSlot: 7 }
  const first = { ...fresh, lastSlot: 3 }
  expect(nextRead([repeated, served, first])).toBe(first)
  expect(nextRead([repeated, served])).toBe(served)
  expect(nextRead([first, { ...first }])).toBe(first)
  expect(nextRead([])).toBeUndefined()
})

test('a read that has waited too long takes precedence, whatever its chunk is', () => {
  const patient = { chunkSends: 9, lastSlot: 9, waitedMs: uploadOverdueMs }
  expect(nextRead([fresh, patient])).toBe(patient)
  const unserved = { ...patient, lastSlot: 1 }
  expect(nextRead([fresh, patient, unserved])).toBe(unserved)
})

/**
 * Requesters add new reads of chunks that were never sent, one for each read that is answered. A read of a
 * chunk that was sent often is still answered, soon after it became overdue.
 */
test('no requester starves', () => {
  const others = fc.array(fc.nat(20), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(others, fc.integer({ min: 1, max: 500 }), (peers, sendMs) => {
      const lastSlots = new Map<number, number>()
      const poor = { peer: -1, chunkSends: 100, sinceMs: 0 }
      let queue = [poor, ...peers.map((peer) => ({ peer, chunkSends: 0, sinceMs: 0 }))]
      let nowMs = 0
      for (let slot = 1; queue.includes(poor); slot += 1, nowMs += sendMs) {
        const next = nextRead(
          queue.map((one) => ({
            one,
            chunkSends: one.chunkSends,
            lastSlot: lastSlots.get(one.peer) ?? 0,
            waitedMs: nowMs - one.sinceMs,
          })),
        )
        const served = next?.one ?? poor
        lastSlots.set(served.peer, slot)
        queue = queue.filter((one) => one !== served)
        queue.push({ peer: served.peer, chunkSends: 0, sinceMs: nowMs })
      }
      expect(nowMs).toBeLessThanOrEqual(uploadOverdueMs + (peers.length + 2) * sendMs)
    }),
  )
})

test('peers that want the same amount are served equally often', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 10 }), fc.integer({ min: 1, max: 5 }), (peers, each) => {
      const served = Array.from({ length: peers }, () => 0)
      const lastSlots = Array.from({ length: peers }, () => 0)
      for (let slot = 1; slot <= peers * each; slot += 1) {
        const reads = lastSlots.map((lastSlot, peer) => ({ ...fresh, lastSlot, peer }))
        const peer = nextRead(reads)?.peer ?? 0
        lastSlots[peer] = slot
        served[peer] = (served[peer] ?? 0) + 1
      }
      expect(served).toEqual(Array.from({ length: peers }, () => each))
    }),
  )
})

test('fast reads raise the number answered at a time, slow ones lower it to the minimum', () => {
  const { uploadsAtOnceMin: min } = limits
  const max = uploadsAtOnceMax
  expect(uploadsAtOnceAfter(min, { tookMs: 10, isAnyQueued: true })).toBe(min + 1)
  expect(uploadsAtOnceAfter(min, { tookMs: 10, isAnyQueued: false })).toBe(min)
  expect(uploadsAtOnceAfter(max, { tookMs: 10, isAnyQueued: true })).toBe(max)
  expect(uploadsAtOnceAfter(max, { tookMs: 300, isAnyQueued: true })).toBe(max)
  expect(uploadsAtOnceAfter(max, { tookMs: 5_000, isAnyQueued: true })).toBe(max - 1)
  expect(uploadsAtOnceAfter(min, { tookMs: 5_000, isAnyQueued: true })).toBe(min)
})

test('a read in the background comes after all others, until it has waited too long', () => {
  const background = { ...fresh, isBackground: true }
  const repeated = { ...fresh, chunkSends: 5 }
  expect(nextRead([background, repeated])).toBe(repeated)
  expect(nextRead([background])).toBe(background)
  const patient = { ...background, waitedMs: uploadOverdueMs }
  expect(nextRead([repeated, patient])).toBe(patient)
})
