/** Downloads of what only programs have. */
import { expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import type { FoundContent } from '../../common/protocol/messages.ts'
import { aContent } from '../../common/testing/contents.ts'
import { contentGoneMs } from './content-watch.ts'
import { DownloadWorld, source } from './testing/download-world.ts'

const listed: FoundContent = { ...aContent(3 * 2 ** 20).content, sources: [source] }
const { sha256 } = listed
const mismatch = new AppError('HASH_MISMATCH', { source: 'p1', what: 'all' })

function ofProgram(peerId: string): FoundContent {
  const program = { peerId, host: 'h', port: 9_000, kind: 'program' } as const
  return { ...listed, chunkRoot: sha256, sources: [program] }
}

test('each program is a claim, and only the last one is waited for', async () => {
  const world = new DownloadWorld({ lookup: async () => [ofProgram('p1'), ofProgram('p2')] })
  const { id } = world.downloads.start({ name: 'a.bin' })
  await world.settle()
  world.fetches[0]?.fail(mismatch)
  await world.settle()
  expect(world.fetches).toMatchObject([
    { sources: [{ peerId: 'p1' }], learnsChunks: true, waits: false },
    { sources: [{ peerId: 'p2' }], learnsChunks: true, waits: true },
  ])
  const [first, last] = world.fetches
  // Another program would mix its bytes with those of the first.
  expect([first?.moreSources, typeof last?.moreSources]).toEqual([undefined, 'function'])
  last?.done()
  expect(await world.downloads.wait(id, 1_000)).toMatchObject({ state: 'done' })
})

test('a download that no program feeds continues from peers that have it by now', async () => {
  let found = [ofProgram('p1')]
  const world = new DownloadWorld({ lookup: async () => found })
  const { id } = world.downloads.start({ name: 'a.bin' })
  await world.settle()
  const [waiting] = world.fetches
  const { signal } = new AbortController()
  expect(await waiting?.moreSources?.(signal)).toEqual(ofProgram('p1').sources)
  found = [listed]
  expect(await waiting?.moreSources?.(signal)).toEqual([])
  await world.settle()
  expect(world.fetches[1]).toMatchObject({ content: { chunkRoot: listed.chunkRoot } })
  expect(world.fetches[1]?.learnsChunks).toBe(false)
  world.fetches[1]?.done()
  expect(await world.downloads.wait(id, 1_000)).toMatchObject({ state: 'done' })
})

test('a program that left for good is not waited for for ever', async () => {
  const unknown = new AppError('NAME_NOT_FOUND', { name: 'a.bin' })
  let isThere = true
  const world = new DownloadWorld({
    lookup: async () => {
      if (isThere) return [ofProgram('p1')]
      throw unknown
    },
  })
  const { id } = world.downloads.start({ name: 'a.bin' })
  await world.settle()
  isThere = false
  const { signal } = new AbortController()
  const ask = async (): Promise<unknown> =>
    await world.fetches[0]?.moreSources?.(signal).catch((error: unknown) => error)
  expect(await ask()).toBe(unknown)
  await world.clock.advance(contentGoneMs)
  expect(await ask()).toBe(unknown)
  await world.settle()
  expect(await world.downloads.wait(id, 0)).toMatchObject({
    state: 'failed',
    error: { code: 'NAME_NOT_FOUND' },
  })
})
