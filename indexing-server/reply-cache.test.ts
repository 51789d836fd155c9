import { expect, test } from 'vitest'
import { EncodedReply } from '../common/protocol/encoded-reply.ts'
import { type MadeReply, ReplyCache } from './reply-cache.ts'

const encoded = (reply: string): EncodedReply<'lookup'> => new EncodedReply(JSON.stringify(reply))

/** A cache whose replies say how many were made before them. */
function counting(bytesMax: number) {
  const cache = new ReplyCache<'lookup'>({ bytesMax })
  let made = 0
  const make = (name: string, contentIds: readonly number[]) => () => ({
    reply: encoded(`${name} ${++made}`),
    contentIds,
  })
  const get = async (name: string, ...contentIds: number[]): Promise<unknown> =>
    (await cache.get(name, make(name, contentIds))).decode()
  return { cache, get }
}

test('a reply is kept from the second request on, until its name or one of its contents is touched', async () => {
  const { cache, get } = counting(100_000)
  expect(await get('a', 1, 2)).toBe('a 1')
  expect(await get('a', 1, 2)).toBe('a 2')
  expect(await get('a', 1, 2)).toBe('a 2')
  expect([await get('b', 2), await get('b', 2)]).toEqual(['b 3', 'b 4'])
  cache.forget({ names: ['x'], contentIds: [1] })
  expect(await get('b', 2)).toBe('b 4')
  expect(await get('a', 1, 2)).toBe('a 5')
  cache.forget({ names: [], contentIds: [2] })
  expect([await get('a', 1, 2), await get('b', 2)]).toEqual(['a 6', 'b 7'])
  cache.forget({ names: ['b'], contentIds: [] })
  expect(await get('b', 2)).toBe('b 8')
  cache.forgetAll()
  expect(await get('a', 1, 2)).toBe('a 9')
  expect([cache.hits, cache.misses]).toEqual([2, 9])
})

test('what is made without waiting is returned without a promise', () => {
  const cache = new ReplyCache<'lookup'>({ bytesMax: 100_000 })
  const made = { reply: encoded('now'), contentIds: [] }
  expect(cache.get('a', () => made)).toBe(made.reply)
})

test('a reply that was being made during a write is not kept', async () => {
  const cache = new ReplyCache<'lookup'>({ bytesMax: 100_000 })
  const get = async (make: () => Promise<MadeReply<'lookup'>>): Promise<unknown> =>
    (await cache.get('a', make)).decode()
  const reply = async (text: string) => ({ reply: encoded(text), contentIds: [1] })
  await get(() => reply('first'))
  const { promise, resolve } = Promise.withResolvers<void>()
  const old = get(() => promise.then(() => reply('old')))
  cache.forget({ names: ['a'], contentIds: [] })
  resolve()
  expect(await old).toBe('old')
  expect(await get(() => reply('new'))).toBe('new')
})

test('it keeps a bounded number of bytes', async () => {
  const { get } = counting(2_500)
  for (const name of ['a', 'b', 'c', 'd']) {
    await get(name, 1)
    await get(name, 1)
  }
  expect(await get('d', 1)).toBe('d 8')
  expect(await get('c', 1)).toBe('c 6')
  expect(await get('a', 1)).toBe('a 9')
})
