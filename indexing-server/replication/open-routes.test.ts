import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openRoutes, type Slot } from './open-routes.ts'
import type { Rank } from './ranks.ts'
import type { RouteHead } from './route-queues.ts'

const lane = 'small'
const streamsMax = 2

function head(source: string | undefined, target: string, rank: Rank = 'copies/small'): RouteHead {
  return { route: { lane, source, target }, rank, order: 0 }
}

/** Facts about targets with these batches, each by its source, of which the first is carried out. */
function facts(batches: Record<string, readonly string[]>): Parameters<typeof openRoutes>[1] {
  const counted = Object.values(batches).flatMap((sources) => [...new Set(sources)])
  return {
    slotOf(target): Slot | undefined {
      const count = batches[target]?.length ?? 0
      if (count === 0) return 'own'
      return count === 1 ? 'next' : undefined
    },
    sourceAt: (target) => batches[target]?.[0],
    spareStreams: (stream) =>
      streamsMax - counted.filter((source) => stream === `small ${source}`).length,
  }
}

const namesOf = (routes: ReturnType<typeof openRoutes>['open']): string[] =>
  routes.map(({ source, target }) => `${source ?? ''}>${target}`)

test('one route per target opens, that of its most urgent content', () => {
  const heads = [head('a', 't', 'last-copy/small'), head('b', 't'), head('b', 'u'), head('b', 'v')]
  expect(namesOf(openRoutes(heads, facts({ v: ['a', 'b'] })).open)).toEqual(['a>t', 'b>u'])
})

test('a batch that waits continues the stream of its source', () => {
  const { open } = openRoutes([head('a', 't')], facts({ t: ['a'], u: ['a'] }))
  expect(namesOf(open)).toEqual(['a>t'])
  expect(namesOf(openRoutes([head('b', 't')], facts({ t: ['a'], u: ['b'] })).open)).toEqual(['b>t'])
  expect(openRoutes([head('b', 't')], facts({ t: ['a'], u: ['b'], v: ['b'] })).open).toEqual([])
})

test('an idle target gets the stream before a batch that would wait', () => {
  const heads = [head('a', 't', 'last-copy/small'), head('a', 'idle')]
  const busy = openRoutes(heads, facts({ t: ['a'], u: ['a'] }))
  expect([busy.open, [...busy.contended]]).toEqual([[], ['small a']])
  const spare = openRoutes(heads, facts({ t: ['a'] }))
  expect(namesOf(spare.open)).toEqual(['a>idle', 'a>t'])
})

test('drops need no source', () => {
  const batches = facts({ t: ['a'], u: ['a', 'a'] })
  const heads = [head(undefined, 't'), head(undefined, 'u'), head(undefined, 'v')]
  expect(namesOf(openRoutes(heads, batches).open)).toEqual(['>v', '>t'])
})

test('no source has too many streams, no target two routes, and none that could be idle is', () => {
  const peer = fc.constantFrom('p', 'q', 'r', 's')
  const route = fc.record({ source: peer, target: peer })
  const batches = fc.dictionary(peer, fc.array(peer, { maxLength: 2 }))
  fc.assert(
    fc.property(fc.array(route, { maxLength: 12 }), batches, (routes, given) => {
      const known = facts(given)
      const heads = routes.map(({ source, target }) => head(source, target))
      const { open, contended } = openRoutes(heads, known)
      expect(new Set(open.map(({ target }) => target)).size).toBe(open.length)
      for (const source of ['p', 'q', 'r', 's']) {
        const stream = `small ${source}` as const
        const added = open.filter((each) => {
          const continues = known.slotOf(each.target, lane) === 'next'
          return (
            each.source === source && !(continues && known.sourceAt(each.target, lane) === source)
          )
        })
        expect(added.length).toBeLessThanOrEqual(Math.max(0, known.spareStreams(stream)))
        const isWanted = heads.some(({ route: { target, ...other } }) => {
          const isIdle = known.slotOf(target, lane) === 'own'
          return isIdle && other.source === source && !open.some((each) => each.target === target)
        })
        expect(contended.has(stream)).toBe(isWanted)
      }
    }),
  )
})
