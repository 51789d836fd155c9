import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SoonQueue } from './soon-queue.ts'

test('a content is due once, at the earliest of its times', () => {
  const queue = new SoonQueue({ sizeMax: 10 })
  queue.add(1, 30)
  queue.add(2, 20)
  queue.add(1, 10)
  queue.add(1, 40)
  expect([queue.size, queue.nextMs, queue.take(9)]).toEqual([2, 10, undefined])
  expect([queue.take(50), queue.take(50), queue.take(50), queue.nextMs]).toEqual([
    1,
    2,
    undefined,
    undefined,
  ])
})

test('a full queue takes only what it must', () => {
  const queue = new SoonQueue({ sizeMax: 1 })
  queue.add(1, 10)
  queue.add(2, 5)
  queue.add(3, 20, { must: true })
  queue.add(1, 1)
  expect([queue.take(50), queue.take(50), queue.take(50)]).toEqual([1, 3, undefined])
})

test('contents are taken in the order of their times, each once', () => {
  const adds = fc.array(fc.tuple(fc.nat(9), fc.nat(100)))
  fc.assert(
    fc.property(adds, (all) => {
      const queue = new SoonQueue({ sizeMax: 100 })
      const dueMs = new Map<number, number>()
      for (const [contentId, ms] of all) {
        queue.add(contentId, ms)
        dueMs.set(contentId, Math.min(ms, dueMs.get(contentId) ?? Infinity))
      }
      const taken = Array.from({ length: dueMs.size }, () => queue.take(100) ?? -1)
      expect(new Set(taken)).toEqual(new Set(dueMs.keys()))
      const times = taken.map((contentId) => dueMs.get(contentId) ?? 0)
      expect(times).toEqual(times.toSorted((a, b) => a - b))
      expect(queue.size).toBe(0)
    }),
  )
})
