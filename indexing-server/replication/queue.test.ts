import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '../../common/random.ts'
import { DueHeap } from './due-heap.ts'
import { NeedQueue } from './queue.ts'
import { ranks } from './ranks.ts'
import { retryDelayMs } from './retry-delay.ts'
import type { Route } from './route-queues.ts'

const random = seededRandom('queue')
const all = (queue: NeedQueue): number[] => queue.ready(ranks, 100)

test('retries come after 15 s, 1 m, 5 m, 30 m and each hour, a quarter more or less', () => {
  const minutes = [0.25, 1, 5, 30, 60, 60, 60]
  for (const [index, expected] of minutes.entries()) {
    const delay = retryDelayMs(index + 1, random) / 60_000
    expect(delay).toBeGreaterThanOrEqual(0.75 * expected)
    expect(delay).toBeLessThan(1.25 * expected)
  }
})

test('new needs settle first; then the most urgent are first, and the oldest among these', () => {
  const queue = new NeedQueue()
  queue.need(1, 'copies/small', 10)
  queue.need(2, 'last-copy/small', 11)
  queue.need(3, 'copies/small', 5)
  queue.need(1, 'copies/small', 99)
  expect([queue.size, queue.nextDueMs, all(queue)]).toEqual([3, 5, []])
  queue.admitDue(10)
  expect(all(queue)).toEqual([3, 1])
  queue.admitDue(11)
  expect(all(queue)).toEqual([2, 3, 1])
  queue.need(1, 'last-copy/small', 99)
  expect(all(queue)).toEqual([2, 1, 3])
  expect(queue.ready(['copies/small'], 1)).toEqual([3])
})

test('failures add up until the content needs nothing', () => {
  const queue = new NeedQueue()
  queue.need(1, 'copies/small', 0)
  queue.admitDue(0)
  queue.hold(1, 'copies/small')
  expect([all(queue), queue.heldCount]).toEqual([[], 1])
  queue.fail(1, { code: 'NO_SOURCE', target: 'p' }, 1_000, random)
  queue.fail(1, { code: 'HASH_MISMATCH', target: 'q' }, 1_000, random)
  expect(queue.failureOf(1)).toEqual({ failures: 2, code: 'HASH_MISMATCH', target: 'q' })
  expect(queue.placeOf(1)).toMatchObject({ state: 'delayed', reason: 'failed' })
  queue.remove(1)
  expect([queue.has(1), queue.failureOf(1)]).toEqual([false, undefined])
})

test('a content that no peer can take is parked until a peer arrives, or may have space again', () => {
  const queue = new NeedQueue()
  queue.park(1, 'copies/small')
  expect(queue.nextDueMs).toBe(Infinity)
  queue.park(2, 'copies/small', 50)
  queue.admitDue(49)
  expect(all(queue)).toEqual([])
  queue.admitDue(50)
  expect(all(queue)).toEqual([1, 2])
  queue.park(1, 'copies/small')
  queue.unpark()
  expect(all(queue)).toEqual([1, 2])
})

test('parked contents rejoin by urgency and then by age, before those that came later', () => {
  const queue = new NeedQueue()
  const arrive = (id: number, rank: 'copies/small' | 'last-copy/small'): void => {
    queue.need(id, rank, 0)
    queue.admitDue(0)
  }
  for (const id of [1, 2, 3]) arrive(id, 'copies/small')
  for (const id of [1, 2, 3]) queue.park(id, 'copies/small')
  arrive(4, 'copies/small')
  arrive(5, 'last-copy/small')
  queue.unpark()
  expect(all(queue)).toEqual([5, 1, 2, 3, 4])
  // Its copies change while it is parked, also to the last one: its age stays.
  for (const id of [3, 1, 2]) queue.park(id, 'copies/small')
  queue.need(2, 'copies/small', 0)
  queue.unpark()
  expect(all(queue)).toEqual([5, 1, 2, 3, 4])
  queue.park(3, 'copies/small')
  queue.need(3, 'last-copy/small', 0)
  expect(all(queue)).toEqual([3, 5, 1, 2, 4])
  // One that found room is new if it needs something again.
  queue.hold(1, 'copies/small')
  queue.release(1, { reason: 'settling', dueMs: 1 })
  queue.admitDue(1)
  queue.park(1, 'copies/small')
  queue.park(2, 'copies/small')
  queue.unpark()
  expect(all(queue)).toEqual([3, 5, 2, 1, 4])
})

const route = (source: string, target: string): Route => ({ lane: 'small', source, target })
const routesIn = (queue: NeedQueue): string[] =>
  queue.heads(() => true).map(({ route: { source, target } }) => `${source}>${target}`)

test('what is queued for two routes comes out of the first that is free, oldest first', () => {
  const queue = new NeedQueue()
  const [slow, fast] = [route('a', 'slow'), route('b', 'fast')]
  for (const id of [1, 2, 3, 4]) queue.enqueue(id, 'copies/small', [slow])
  queue.enqueue(5, 'copies/small', [slow, fast])
  expect(queue.lengthsOf(slow)).toEqual({ ofRoute: 5, ofTarget: 5 })
  expect([routesIn(queue), all(queue)]).toEqual([['a>slow', 'b>fast'], []])
  expect(queue.heads((_, target) => target === 'fast').map(({ order }) => order)).toEqual([5])
  queue.admit(fast, 10)
  queue.admit(slow, 3)
  expect(all(queue)).toEqual([5, 1, 2, 3])
  expect(routesIn(queue)).toEqual(['a>slow'])
  queue.remove(4)
  expect(routesIn(queue)).toEqual([])
})

test('what becomes more urgent while it is queued overtakes the others', () => {
  const queue = new NeedQueue()
  const [slow, fast] = [route('a', 'slow'), route('b', 'fast')]
  for (const id of [1, 2, 3]) queue.enqueue(id, 'copies/small', [slow])
  queue.enqueue(4, 'copies/small', [slow, fast])
  queue.need(3, 'last-copy/small', 0)
  expect(routesIn(queue)).toEqual(['a>slow', 'b>fast'])
  queue.need(4, 'last-copy/small', 0)
  queue.admit(slow, 2)
  expect(all(queue)).toEqual([3, 4])
  expect(routesIn(queue)).toEqual(['a>slow'])
  queue.admitAll()
  expect(queue.ready(['copies/small'], 9)).toEqual([1, 2])
})

test('the last copy of a content comes first among those queued for a route', () => {
  const queue = new NeedQueue()
  for (const id of [1, 2, 3]) queue.enqueue(id, 'copies/small', [route('p', 'q')])
  queue.enqueue(4, 'move/small', [route('p', 'q')])
  queue.enqueue(5, 'last-copy/small', [route('p', 'q')])
  expect(queue.areRepairsWaiting).toBe(true)
  queue.admit(route('p', 'q'), 2)
  expect(all(queue)).toEqual([5, 1])
  queue.admit(route('p', 'q'), 9)
  for (const id of [1, 2, 3, 5]) queue.remove(id)
  expect(queue.areRepairsWaiting).toBe(false)
  expect(queue.isRepairing).toBe(false)
})

test('what no peer can take now does not count as being repaired', () => {
  const queue = new NeedQueue()
  queue.park(1, 'copies/small')
  queue.delay(2, 'last-copy/small', { reason: 'failed at peers', dueMs: 5 })
  queue.need(3, 'trim/small', 5)
  queue.hold(4, 'move/small')
  expect(queue.isRepairing).toBe(false)
  queue.hold(4, 'copies/small')
  expect(queue.isRepairing).toBe(true)
  expect(queue.areRepairsWaiting).toBe(false)
})

test('a content is in one place, whatever happens to it', () => {
  type Act = (queue: NeedQueue, id: number, ms: number) => void
  const acts: Act[] = [
    (queue, id, ms) => queue.need(id, 'copies/small', ms),
    (queue, id, ms) => queue.need(id, 'last-copy/small', ms),
    (queue, id, ms) => queue.delay(id, 'drop/small', { reason: 'settling', dueMs: ms }),
    (queue, id, ms) => queue.park(id, 'copies/small', ms),
    (queue, id) => queue.hold(id, 'copies/small'),
    (queue, id, ms) => queue.need(id, 'trim/small', ms),
    (queue, id) => queue.hold(id, 'trim/small'),
    (queue, id, ms) => queue.need(id, 'move/small', ms),
    (queue, id) => queue.retry(id),
    (queue, id) =>
      queue.enqueue(id, 'copies/small', [
        route('p', 'q'),
        ...(id % 2 === 0 ? [route('p', 'r')] : []),
      ]),
    (queue) => queue.admit(route('p', 'r'), 2),
    (queue) => queue.admitAll(),
    (queue, id, ms) => queue.release(id, { reason: 'confirming', dueMs: ms, awaited: 'p' }),
    (queue, id, ms) => queue.has(id) && queue.fail(id, { code: 'X', target: 'p' }, ms, random),
    (queue, id) => queue.remove(id),
    (queue, _, ms) => queue.admitDue(ms),
    (queue) => queue.unpark(),
  ]
  const step = fc.record({ act: fc.constantFrom(...acts), id: fc.nat(4), ms: fc.nat(50) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new NeedQueue()
      for (const { act, id, ms } of steps) {
        act(queue, id, ms)
        const known = [0, 1, 2, 3, 4].filter((each) => queue.has(each))
        expect(queue.size).toBe(known.length)
        const lacking = known.filter((each) => queue.classOf(each) === 'needed')
        const waiting = lacking.filter((each) => queue.placeOf(each)?.state !== 'held')
        expect(queue.waitingCount).toBe(waiting.length)
        const ready = known.filter((each) => queue.placeOf(each)?.state === 'ready')
        expect(all(queue).toSorted((a, b) => a - b)).toEqual(ready)
        const trims = ready.filter((each) => queue.classOf(each) === 'trim')
        expect(queue.ready(['trim/small'], 9).toSorted((a, b) => a - b)).toEqual(trims)
      }
      queue.unpark()
      queue.admitDue(1e9)
      for (const head of queue.heads(() => true)) queue.admit(head.route, 10)
      expect(queue.heads(() => true)).toEqual([])
      expect(queue.size).toBe(all(queue).length + queue.heldCount)
    }),
  )
})

test('the heap returns everything, the earliest first', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(100)), (times) => {
      const heap = new DueHeap<{ dueMs: number }>()
      for (const dueMs of times) heap.push({ dueMs })
      const popped = times.map(() => heap.pop()?.dueMs)
      expect(popped).toEqual(times.toSorted((a, b) => a - b))
      expect([heap.size, heap.first, heap.pop()]).toEqual([0, undefined, undefined])
    }),
  )
})
