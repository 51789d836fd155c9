/** Many small files with one request, some of which are not as they were: a fetcher and a serving peer with real files. */
import { appendFile, rm } from 'node:fs/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Source } from '../common/protocol/messages.ts'
import { seededRandom } from '../common/random.ts'
import { contentOf, type TestContent } from '../common/testing/contents.ts'
import { silentLog } from '../common/testing/silent-log.ts'
import { ChunkThreads } from './fetch/disk/chunk-threads.ts'
import { Fetcher } from './fetch/fetcher.ts'
import type { Missed } from './fetch/small/small-fetch.ts'
import type { SmallContent } from './fetch/small/small-reads.ts'
import { ConnectionPool } from './fetch/source/connection-pool.ts'
import type { ServedFile } from './serve/served-contents.ts'
import { aServingPeer, type ServeWorld } from './testing/serve-world.ts'

/** Beyond what is read ahead of its turn: such replies are promised first and read later. */
const fileBytes = 300 * 1024

function aContentOf(number: number): TestContent {
  return contentOf(Buffer.alloc(fileBytes, `file ${number}, `))
}

async function fetcherOf(world: ServeWorld): Promise<Fetcher> {
  const { transport, clock } = world
  const dependencies = { transport, clock, log: silentLog, random: seededRandom('fetch') }
  const pool = new ConnectionPool({ ownPeerId: 'me' }, dependencies)
  onTestFinished(async () => await pool[Symbol.asyncDispose]())
  const workers = new ChunkThreads()
  onTestFinished(async () => await workers[Symbol.asyncDispose]())
  return await Fetcher.open(
    { partialFolder: world.path('partial') },
    { ...dependencies, pool, workers, onReceived: () => undefined, onBlamed: () => {} },
  )
}

/** A peer that serves twelve small files, and what comes of fetching all of them. */
async function aWorld() {
  const world = await aServingPeer()
  const files: ServedFile[] = []
  for (let number = 0; number < 12; number += 1)
    files.push(await world.share(`file ${number}`, aContentOf(number)))
  const serving = await world.serve()
  onTestFinished(async () => await serving[Symbol.asyncDispose]())
  const source: Source = { peerId: 'source', kind: 'shared', ...serving.address }
  const fetcher = await fetcherOf(world)
  const fetchAll = async (): Promise<{ came: number; missed: Missed<SmallContent>[] }> => {
    const { signal } = new AbortController()
    using small = fetcher.smallFetch({ purpose: 'replication', signal })
    let came = 0
    const wanted = files.map(({ content }) => ({ content, sources: [source] }))
    const missed = await small.fetch(wanted, async (verified) => {
      came += verified.length
    })
    return { came, missed }
  }
  return { world, files, fetchAll }
}

test('a missing or changed file does not block the others', async () => {
  const { world, files, fetchAll } = await aWorld()
  await rm(world.path('file 3'))
  await appendFile(world.path('file 7'), 'more')
  const { came, missed } = await fetchAll()
  expect(came).toBe(10)
  expect(
    missed.map(({ file, tried }) => [
      files.findIndex((one) => one.content === file.content),
      tried,
    ]),
  ).toEqual([
    [3, expect.stringContaining("There is no file 'a small file'")],
    [7, expect.stringContaining("'a small file' changed")],
  ])
  expect(new Set(world.rechecked)).toEqual(new Set(['file 3', 'file 7']))
})

test('files that disappear while they are sent cost the others one more request', async () => {
  const { world, fetchAll } = await aWorld()
  const gone = ['file 5', 'file 6', 'file 11']
  let isFirst = true
  vi.spyOn(world.uploads, 'pass').mockImplementation(() => {
    if (!isFirst) return undefined
    isFirst = false
    return Promise.all(gone.map((name) => rm(world.path(name)))).then(() => {})
  })
  const { came, missed } = await fetchAll()
  expect(came).toBe(9)
  expect(missed).toHaveLength(3)
  for (const { tried } of missed) expect(tried).toContain("There is no file 'a small file'")
})
