import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '../../common/random.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { FailedPairs, failedPairsMax, failedPairsPerContentMax } from './failed-pairs.ts'

function world(): { clock: FakeClock; pairs: FailedPairs } {
  const clock = new FakeClock()
  return { clock, pairs: new FailedPairs({ clock, random: seededRandom('pairs') }) }
}

test('a target waits longer after each failure of a content, and for no other content', async () => {
  const { clock, pairs } = world()
  const waits: number[] = []
  for (let round = 0; round < 3; round++) {
    pairs.fail(1, { code: 'DISK_FAILED', target: 'a', sources: [] })
    expect(pairs.isTargetWaiting(1, 'a')).toBe(true)
    expect([pairs.isTargetWaiting(2, 'a'), pairs.isTargetWaiting(1, 'b')]).toEqual([false, false])
    const [pair] = pairs.waitingOf(1)
    waits.push(Math.round(((pair?.untilMs ?? 0) - clock.monotonicMs()) / 1_000))
    await clock.advance(400_000)
    expect(pairs.isTargetWaiting(1, 'a')).toBe(false)
  }
  expect(waits[0]).toBeLessThan(20)
  expect(waits[1]).toBeGreaterThan(40)
  expect(waits[2]).toBeGreaterThan(200)
})

test('a source waits when two targets could not read from it, but not for a newer target', async () => {
  const { clock, pairs } = world()
  pairs.onArrival('a')
  await clock.advance(10)
  pairs.fail(1, { code: 'NO_SOURCE', target: 'a', sources: ['s'] })
  expect(pairs.isSourceWaiting(1, 's', 'b')).toBe(false)
  pairs.fail(1, { code: 'NO_SOURCE', target: 'b', sources: ['s'] })
  expect(['a', 'b', 'c'].map((target) => pairs.isSourceWaiting(1, 's', target))).toEqual([
    true,
    true,
    true,
  ])
  await clock.advance(10)
  pairs.onArrival('c')
  expect(pairs.isSourceWaiting(1, 's', 'c')).toBe(false)
  pairs.fail(1, { code: 'NO_SOURCE', target: 'c', sources: ['s'] })
  expect(pairs.isSourceWaiting(1, 's', 'c')).toBe(true)
})

test('a copy that is still needed is asked for again each minute, a quarter more or less, not each hour', async () => {
  const { clock, pairs } = world()
  for (let failures = 0; failures < 10; failures++) {
    pairs.fail(1, { code: 'STILL_NEEDED', target: 'a', sources: [] })
    expect(pairs.isTargetWaiting(1, 'a')).toBe(true)
    await clock.advance(75_000)
    expect(pairs.isTargetWaiting(1, 'a')).toBe(false)
  }
})

test('a peer that registers again has failed nothing', async () => {
  const { clock, pairs } = world()
  pairs.fail(1, { code: 'NO_SOURCE', target: 'a', sources: ['s'] })
  pairs.fail(1, { code: 'NO_SOURCE', target: 'b', sources: ['s'] })
  await clock.advance(10)
  pairs.onArrival('s')
  pairs.onArrival('a')
  expect(pairs.isSourceWaiting(1, 's', 'b')).toBe(false)
  expect([pairs.isTargetWaiting(1, 'a'), pairs.isTargetWaiting(1, 'b')]).toEqual([false, true])
})

test('memory is bounded: recent failures are kept, satisfied contents are forgotten', () => {
  const failed = fc.record({
    contentId: fc.nat(20),
    target: fc.nat(200),
    isForgotten: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(failed, { maxLength: 300 }), (all) => {
      const { pairs } = world()
      for (const { contentId, target, isForgotten } of all) {
        if (isForgotten) pairs.forget(contentId)
        else pairs.fail(contentId, { code: 'X', target: `${target}`, sources: ['s'] })
        expect(pairs.isTargetWaiting(contentId, `${target}`)).toBe(!isForgotten)
        expect(pairs.waitingOf(contentId).length).toBeLessThanOrEqual(failedPairsPerContentMax)
      }
      for (let contentId = 0; contentId <= 20; contentId++) pairs.forget(contentId)
      expect(pairs.count).toBe(0)
    }),
    { numRuns: 30 },
  )
})

test('of very many contents the oldest failures are forgotten', () => {
  const { pairs } = world()
  for (let contentId = 0; contentId <= failedPairsMax; contentId++)
    pairs.fail(contentId, { code: 'X', target: 'a', sources: [] })
  expect(pairs.count).toBe(failedPairsMax)
  expect([0, failedPairsMax].map((id) => pairs.isTargetWaiting(id, 'a'))).toEqual([false, true])
})
