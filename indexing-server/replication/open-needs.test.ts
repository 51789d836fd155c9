import { expect, test } from 'vitest'
import { limits } from '../../common/limits.ts'
import { seededRandom } from '../../common/random.ts'
import { lackings, OpenNeeds } from './open-needs.ts'

test('a content that lacks copies counts until it has them, and keeps its age and cause', () => {
  const needs = new OpenNeeds()
  needs.open(5_000, { lacking: 'last-copy', bytes: 10, had: false }, 100)
  needs.open(7, { lacking: 'copies', bytes: 5, had: true }, 200)
  needs.open(5_000, { lacking: 'lost', bytes: 20, had: true }, 300)
  expect(lackings.map((lacking) => needs.countOf(lacking))).toEqual([1, 0, 0, 1])
  expect([needs.count, needs.missingBytes, needs.oldestSinceMs]).toEqual([2, 25, 100])
  expect(needs.close(5_000, 400)).toEqual({ lackedMs: 300, cause: 'new' })
  expect(needs.close(5_000, 400)).toBeUndefined()
  expect(needs.close(1_000_000, 400)).toBeUndefined()
  expect(needs.oldestSinceMs).toBe(200)
  expect(needs.close(7, 500)).toEqual({ lackedMs: 300, cause: 'lost' })
  expect([needs.count, needs.missingBytes, needs.oldestSinceMs]).toEqual([0, 0, undefined])
})

test('counters equal the sum of what is open, up to the largest contents', () => {
  for (let seed = 0; seed < 50; seed++) {
    const random = seededRandom(`needs ${seed}`)
    const below = (count: number): number => Math.floor(random.fraction() * count)
    const needs = new OpenNeeds()
    const open = new Map<number, { lacking: (typeof lackings)[number]; bytes: number }>()
    const wrong: number[] = []
    for (let step = 0; step < 500; step++) {
      const contentId = below(100)
      const lacking = lackings[below(lackings.length)] ?? 'lost'
      const bytes = (limits.replicationFactorMax - 1) * below(limits.contentBytesMax + 1)
      if (below(3) === 0) {
        const wasOpen = needs.close(contentId, step) !== undefined
        if (wasOpen !== open.delete(contentId)) wrong.push(step)
      } else {
        needs.open(contentId, { lacking, bytes, had: below(2) === 0 }, step)
        open.set(contentId, { lacking, bytes })
      }
    }
    expect(wrong, `seed ${seed}`).toEqual([])
    const all = [...open.values()]
    for (const lacking of lackings)
      expect(needs.countOf(lacking), `seed ${seed}`).toBe(
        all.filter((one) => one.lacking === lacking).length,
      )
    expect(needs.missingBytes, `seed ${seed}`).toBe(all.reduce((sum, one) => sum + one.bytes, 0))
  }
})
