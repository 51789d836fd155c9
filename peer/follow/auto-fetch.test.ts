import { expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { seededRandom } from '../../common/random.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { autoFetch } from './auto-fetch.ts'
import { FollowWorld } from './testing/follow-world.ts'

test('a few files that the peer lacks are fetched, others instead of those that fail', async () => {
  const world = new FollowWorld()
  const { clock, shelf, downloads } = world
  world.shared.add('own')
  for (const name of ['own', 'a', 'b']) world.add(name, name)
  const index = {
    awaitChanges: (after: string | undefined, signal: AbortSignal) =>
      world.index.awaitChanges(after, signal),
    listRemote: async ({ after }: { after?: string | undefined }, signal: AbortSignal) => {
      const { files, ...more } = await world.index.match({ pattern: '**', after }, signal)
      return { files: files.map((file) => ({ ...file, kind: 'remote' as const })), ...more }
    },
  }
  const { store } = world
  const tools = { clock, random: seededRandom('fetch'), log: silentLog }
  const parts = { ...tools, shelf, downloads, index, store }
  let isEnded = false
  const { signal } = new AbortController()
  const fetching = autoFetch(3, parts, signal).then(() => {
    isEnded = true
  })
  await world.pass()
  expect(world.running).toEqual(['a', 'b'])
  await world.done('a')
  await world.fail('b', new AppError('NO_SOURCE', { name: 'b', tried: 'peer2' }))
  for (const name of ['c', 'd', 'e']) world.add(name, name)
  await world.pass(2_000)
  expect(world.running).toEqual(['c', 'd'])
  for (const name of ['c', 'd']) await world.done(name)
  await fetching
  // The next run of this peer has nothing left to fetch, unless it wants more.
  const asked = world.asked.length
  await autoFetch(3, parts, signal)
  expect([world.asked.length, store.autoFetched]).toEqual([asked, 3])
  const another = autoFetch(4, parts, signal)
  await world.pass(2_000)
  expect(world.running).toEqual(['b'])
  await world.done('b')
  await another
  expect([isEnded, world.asked.every(({ replacesOnly }) => replacesOnly.length === 0)]).toEqual([
    true,
    true,
  ])
})
