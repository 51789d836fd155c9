import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fewCopies, isDue, isShown, paceOf, shownBytesMax } from './proof-pace.ts'

const dayMs = 86_400_000

test('a million contents are walked over once a day in even steps, a seventh of them in each walk', () => {
  const { rounds, stepMs, perStep } = paceOf({ intervalMs: 7 * dayMs, contents: 1_000_000 })
  expect([rounds, perStep]).toEqual([7, 116])
  expect((1_000_000 / perStep) * stepMs).toBeCloseTo(dayMs, 3)
})

test('a step is never more than a read of the database, however many contents there are', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 365 * dayMs }),
      fc.integer({ min: 0, max: 1e9 }),
      (intervalMs, contents) => {
        const { rounds, stepMs, perStep } = paceOf({ intervalMs, contents })
        expect(perStep).toBeGreaterThanOrEqual(1)
        expect(perStep).toBeLessThanOrEqual(500)
        const walkMs = (Math.max(1, contents) / perStep) * stepMs
        expect(walkMs * rounds).toBeCloseTo(intervalMs, 0)
      },
    ),
  )
})

test('each content is due in one of the walks, and in all while it could soon be lost', () => {
  const walks = Array.from({ length: 14 }, (_, round) => ({ round, rounds: 7 }))
  const times = (copies: number): number =>
    walks.filter((walk) => isDue({ contentId: 5, copies, factor: 3 }, walk)).length
  expect([0, 1, fewCopies, 3, 4].map(times)).toEqual([14, 14, 14, 2, 2])
})

test('small chunks are shown now and then, those of an only holder more often', () => {
  const share = (provers: number, chunkBytes: number): number =>
    Array.from({ length: 640 }, (_, draw) => draw / 640).filter((fraction) =>
      isShown({ provers, chunkBytes }, fraction),
    ).length
  expect([share(1, 1), share(2, 1), share(1, shownBytesMax + 1)]).toEqual([80, 10, 0])
})
