import { expect, test } from 'vitest'
import { ReplyCache } from './reply-cache.ts'

const entry = (reply: string, ...contentIds: number[]) => ({ reply, contentIds, sources: 1 })

test('a reply is made once, until its name or one of its contents is touched', async () => {
  const cache = new ReplyCache<string>({ sourcesMax: 100 })
  let made = 0
  const get = (name: string, ...contentIds: number[]): Promise<string> =>
    cache.get(name, async () => entry(`${name} ${++made}`, ...contentIds))
  expect(await get('a', 1, 2)).toBe('a 1')
  expect(await get('a', 1, 2)).toBe('a 1')
  expect(await get('b', 2)).toBe('b 2')
  cache.forget({ names: ['x'], contentIds: [1] })
  expect(await get('b', 2)).toBe('b 2')
  expect(await get('a', 1, 2)).toBe('a 3')
  cache.forget({ names: [], contentIds: [2] })
  expect([await get('a', 1, 2), await get('b', 2)]).toEqual(['a 4', 'b 5'])
  cache.forget({ names: ['b'], contentIds: [] })
  expect(await get('b', 2)).toBe('b 6')
  cache.forgetAll()
  expect(await get('a', 1, 2)).toBe('a 7')
  expect([cache.hits, cache.misses]).toEqual([2, 7])
})

test('a reply that was being made during a write is not kept', async () => {
  const cache = new ReplyCache<string>({ sourcesMax: 100 })
  const { promise, resolve } = Promise.withResolvers<void>()
  const old = cache.get('a', async () => {
    await promise
    return entry('old', 1)
  })
  cache.forget({ names: ['a'], contentIds: [] })
  resolve()
  expect(await old).toBe('old')
  expect(await cache.get('a', async () => entry('new', 1))).toBe('new')
})

test('it keeps at most a number of sources', async () => {
  const cache = new ReplyCache<string>({ sourcesMax: 18 })
  let made = 0
  const get = (name: string): Promise<string> =>
    cache.get(name, async () => entry(`${name} ${++made}`, 1))
  for (const name of ['a', 'b', 'c', 'd']) await get(name)
  expect(await get('b')).toBe('b 2')
  expect(await get('a')).toBe('a 5')
})
