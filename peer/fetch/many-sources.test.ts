import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ChunkSet } from '../../common/content/chunk-set.ts'
import { AppError, toAppError } from '../../common/errors.ts'
import { bytesSource } from '../../common/protocol/bulk.ts'
import { aContent, chunkOf } from '../../common/testing/contents.ts'
import type { ScriptedSource } from '../../common/testing/scripted-source.ts'
import type { FetchRun } from './fetch-run.ts'
import { advanceUntil, aSwarm, nowhere } from './testing/swarm.ts'
import { openReadsMax } from './transfer/chunk-picker.ts'

const mebibyte = 1024 * 1024
const chunkCount = 12
const many = aContent(chunkCount * mebibyte - 5)
const allChunks = [...Array(chunkCount).keys()]

function someChunks(chunks: readonly number[], count = chunkCount): ChunkSet {
  const set = new ChunkSet(count)
  for (const chunk of chunks) set.add(chunk)
  return set
}

function askedOf(sources: readonly ScriptedSource[]): number[] {
  return sources.flatMap(({ asked }) => asked).toSorted((a, b) => a - b)
}

/** Where time passes a chunk may be asked for twice: the disk of the test does not know its clock. */
function everAskedOf(sources: readonly ScriptedSource[]): number[] {
  return [...new Set(askedOf(sources))]
}

test('sources share the work, and no chunk is asked for twice', async () => {
  const swarm = await aSwarm()
  const sources = await Promise.all(
    ['p1', 'p2', 'p3'].map((peerId) => swarm.source({ peerId, content: many })),
  )
  const fetched = await swarm.fetch(many, sources)
  expect((await readFile(fetched.partialPath)).equals(many.bytes)).toBe(true)
  expect(askedOf(sources)).toEqual(allChunks)
  for (const { asked } of sources) expect(asked.length).toBeGreaterThan(0)
  expect(fetched.sources).toEqual(sources.map(({ source }) => source))
})

test('in a swarm a source that has all chooses what it sends, and nothing arrives twice', async () => {
  const swarm = await aSwarm()
  const sent = new Set<number>()
  const prefers = (or: readonly number[], first: number): number | undefined => {
    const chosen = [...or].reverse().find((chunk) => !sent.has(chunk))
    sent.add(chosen ?? first)
    return chosen
  }
  const sources = await Promise.all([
    swarm.source({ peerId: 'partial', content: many, holdings: () => someChunks([0, 1]) }),
    swarm.source({ peerId: 'whole', content: many, prefers }),
  ])
  const fetched = await swarm.fetch(many, sources)
  expect((await readFile(fetched.partialPath)).equals(many.bytes)).toBe(true)
  expect(sent.size).toBe(chunkCount - 2)
  expect(askedOf(sources)).toEqual(allChunks)
})

test('the only source of a fetch that has nothing chooses the first chunks, and no others', async () => {
  const swarm = await aSwarm()
  const offered: number[] = []
  const prefers = (or: readonly number[]): number | undefined => {
    offered.push(or.length)
    return or.at(-offered.length)
  }
  const only = await swarm.source({ peerId: 'only', content: many, prefers })
  const fetched = await swarm.fetch(many, [only])
  expect((await readFile(fetched.partialPath)).equals(many.bytes)).toBe(true)
  expect(askedOf([only])).toEqual(allChunks)
  expect(offered.filter((count) => count > 0).length).toBe(openReadsMax)
})

test('a source that chooses each chunk twice is given up', async () => {
  const swarm = await aSwarm()
  const content = aContent(24 * mebibyte)
  let last: number | undefined
  const prefers = (or: readonly number[]): number | undefined => {
    last = last !== undefined && or.includes(last) ? last : or.at(-1)
    return last
  }
  const sources = await Promise.all([
    swarm.source({ peerId: 'partial', content, holdings: () => someChunks([0], 24) }),
    swarm.source({ peerId: 'stubborn', content, prefers }),
  ])
  const ending = swarm.fetch(content, sources).catch((error: unknown) => error)
  await advanceUntil(swarm, ending)
  const failure = await ending
  expect(failure).toMatchObject({ code: 'NO_SOURCE' })
  expect(String(failure)).toContain('repeats')
  expect(sources[1].asked.length).toBeLessThan(24)
})

test('a source that sends a chunk that was not requested is given up', async () => {
  const swarm = await aSwarm()
  const prefers = (or: readonly number[], first: number): number | undefined =>
    allChunks.find((chunk) => chunk !== first && !or.includes(chunk))
  const sources = await Promise.all([
    swarm.source({ peerId: 'partial', content: many, holdings: () => someChunks(allChunks) }),
    swarm.source({ peerId: 'odd', content: many, prefers }),
  ])
  const fetched = await swarm.fetch(many, sources)
  expect((await readFile(fetched.partialPath)).equals(many.bytes)).toBe(true)
  expect(fetched.sources.map(({ peerId }) => peerId)).toEqual(['partial'])
})

test('a content of one chunk is asked of one source', async () => {
  const swarm = await aSwarm()
  const one = aContent(1000)
  const sources = await Promise.all(
    ['p1', 'p2', 'p3'].map((peerId) => swarm.source({ peerId, content: one })),
  )
  await swarm.fetch(one, sources)
  expect(sources.map(({ connectionCount }) => connectionCount)).toEqual([1, 0, 0])
})

/**
 * Sources with any part of the content: each is asked only for what it has, all of it is asked for,
 * and the fetch ends with the file exactly when they have it all together, and with NO_SOURCE otherwise.
 */
test('sources that have parts are asked for those only', async () => {
  const swarm = await aSwarm()
  const parts = fc.array(fc.uniqueArray(fc.nat(chunkCount - 1)), { minLength: 1, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(parts, fc.boolean(), async (haves, withRest) => {
      const missing = allChunks.filter((chunk) => !haves.flat().includes(chunk))
      const all = withRest ? [...haves, missing] : haves
      const sources = await Promise.all(
        all.map((have, place) =>
          swarm.source({ peerId: `p${place}`, content: many, holdings: () => someChunks(have) }),
        ),
      )
      const fetching = swarm.fetch(many, sources)
      const ending = fetching.then(
        () => 'complete',
        (error: unknown) => toAppError(error).code,
      )
      await advanceUntil(swarm, ending)
      expect(await ending).toBe(withRest || missing.length === 0 ? 'complete' : 'NO_SOURCE')
      for (const [place, { asked }] of sources.entries())
        expect(asked.filter((chunk) => !all[place]?.includes(chunk))).toEqual([])
      expect(everAskedOf(sources)).toEqual([...new Set(all.flat())].toSorted((a, b) => a - b))
      await using _ = await fetching.catch(() => undefined)
    }),
    { numRuns: 25, endOnFailure: true },
  )
}, 60_000)

test('a source that gains chunks is asked for them', async () => {
  const swarm = await aSwarm()
  let have = [0, 1, 2]
  const growing = await swarm.source({
    peerId: 'p1',
    content: many,
    holdings: () => someChunks(have),
    read: (chunk) => {
      if (chunk === 2) have = allChunks
      return bytesSource(chunkOf(many.bytes, chunk))
    },
  })
  const fetching = swarm.fetch(many, [growing])
  await advanceUntil(swarm, fetching)
  await fetching
  expect(everAskedOf([growing])).toEqual(allChunks)
})

test('a source that has no chunk list yet is asked for it again', async () => {
  const swarm = await aSwarm()
  let questions = 0
  const behind = await swarm.source({
    peerId: 'p1',
    content: many,
    chunkList: () => {
      questions += 1
      if (questions < 3) throw new AppError('CHUNK_MISSING')
      return many.chunkList
    },
  })
  const fetching = swarm.fetch(many, [behind])
  await advanceUntil(swarm, fetching)
  expect((await fetching).sources).toEqual([behind.source])
})

test('a source that turns up during the fetch takes part in it', async () => {
  const swarm = await aSwarm()
  const late = await swarm.source({ peerId: 'p2', content: many })
  const questions: number[] = []
  const fetched = await swarm.fetch(many, [nowhere('p1')], {
    moreSources: async () => {
      questions.push(1)
      return [late.source]
    },
  })
  expect(fetched.sources).toEqual([late.source])
  expect(questions.length).toBe(1)
})

test('a fetch that waits continues with any source that joins, and says why it waits', async () => {
  const swarm = await aSwarm()
  const late = await swarm.source({ peerId: 'p2', content: many })
  let isThere = false
  const reasons = new Set<string | undefined>()
  const fetching = swarm.fetch(many, [nowhere('p1')], {
    waits: true,
    moreSources: async () => (isThere ? [late.source] : []),
    onProgress: ({ waitingFor }) => reasons.add(waitingFor),
  })
  await advanceUntil(swarm, swarm.clock.sleep(100_000))
  expect([...reasons].join()).toContain('p1 @ 127.0.0.1:9 could not send')
  isThere = true
  await advanceUntil(swarm, fetching)
  expect((await fetching).sources).toEqual([late.source])
})

test('a source that is back is retried by a fetch that waits', async () => {
  const swarm = await aSwarm()
  let isBroken = true
  const flaky = await swarm.source({
    peerId: 'p1',
    content: many,
    read: (chunk) => {
      if (isBroken && chunk === 5) throw new Error('not now')
      return bytesSource(chunkOf(many.bytes, chunk))
    },
  })
  const fetching = swarm.fetch(many, [flaky], { waits: true })
  await advanceUntil(swarm, swarm.clock.sleep(500))
  isBroken = false
  await advanceUntil(swarm, fetching)
  await fetching
  expect(flaky.asked.filter((chunk) => chunk === 0).length).toBe(1)
})

test('a source that lies about a chunk costs that chunk and no other', async () => {
  const swarm = await aSwarm()
  const liar = await swarm.source({
    peerId: 'p1',
    content: many,
    read: (chunk) => bytesSource(chunk === 0 ? Buffer.alloc(mebibyte) : chunkOf(many.bytes, chunk)),
  })
  const good = await swarm.source({ peerId: 'p2', content: many })
  // The first chunk is the liar's: the other is not there yet.
  let run: FetchRun | undefined
  await swarm.fetch(many, [liar], {
    moreSources: async () => [good.source],
    onProgress: (progress) => {
      run = progress
    },
  })
  expect(swarm.blamed).toEqual(['p1'])
  const lists = many.chunkList.length * (liar.chunkListsAsked + good.chunkListsAsked)
  expect(swarm.receivedBytes - lists).toBeLessThanOrEqual(many.bytes.length + mebibyte)
  // What the liar sent counts after it was given up, and after the fetch.
  expect(run?.receivedBytes).toBeGreaterThan(many.bytes.length)
  expect(run?.receivedBytes).toBeLessThanOrEqual(swarm.receivedBytes)
})

test('a complete file does not wait for an index that is slow to say who else has it', async () => {
  const swarm = await aSwarm()
  const source = await swarm.source({ peerId: 'p1', content: many })
  let isAsked = false
  const moreSources = (signal: AbortSignal): Promise<never> => {
    isAsked = true
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error))
    })
  }
  await swarm.fetch(many, [source], { waits: true, moreSources })
  expect(isAsked).toBe(true)
})
