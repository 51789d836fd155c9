import { readdir, readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { deadlines } from '../../common/limits.ts'
import { type BulkSource, bytesSource } from '../../common/protocol/bulk.ts'
import { aContent, chunkOf, contentOf, type TestContent } from '../../common/testing/contents.ts'
import type { ScriptedSource, SourceScript } from '../../common/testing/scripted-source.ts'
import type { Fetched, FetchRun } from './fetch-run.ts'
import { stallDeadlineMs } from './source/stall-deadline.ts'
import { aSwarm, nowhere, type Swarm } from './testing/swarm.ts'

const mebibyte = 1024 * 1024
const fiveChunks = aContent(4 * mebibyte + 1)

/** The bytes, with one changed. */
function spoiled(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1
  return copy
}

async function* endless(piece: Buffer, reached?: () => void): AsyncGenerator<Buffer> {
  yield piece
  reached?.()
  await new Promise(() => {})
}

async function* breakingOff(piece: Buffer): AsyncGenerator<Buffer> {
  yield piece
  throw new Error('unplugged')
}

const older = aContent(fiveChunks.bytes.length, 'an older version')
const badSources: readonly [string, Partial<SourceScript>, string][] = [
  [
    'refuses',
    {
      read: () => {
        throw new AppError('CONTENT_CHANGED', { name: 'its file' })
      },
    },
    "p1 @ 127.0.0.1:PORT could not send chunk 0: 'its file' changed while it was being read: try again once it has been announced again",
  ],
  [
    'does not know the content',
    {
      chunkList: () => {
        throw new AppError('CONTENT_NOT_FOUND', { sha256: 'that' })
      },
    },
    'p1 @ 127.0.0.1:PORT could not send the chunk list: There is no content with the SHA-256 that',
  ],
  [
    'sends a wrong byte',
    { read: (chunk) => honestUntil(2, chunk, spoiled) },
    "p1 @ 127.0.0.1:PORT sent wrong bytes for chunk 2 of 'file'; they were discarded",
  ],
  [
    'sends too little',
    { read: (chunk) => honestUntil(1, chunk, (bytes) => bytes.subarray(1)) },
    'p1 @ 127.0.0.1:PORT could not send chunk 1: p1 @ 127.0.0.1:PORT sent an invalid reply to read: 1048575 bytes instead of 1048576',
  ],
  [
    'sends nothing',
    { read: (chunk) => honestUntil(3, chunk, () => Buffer.alloc(0)) },
    'p1 @ 127.0.0.1:PORT could not send chunk 3: p1 @ 127.0.0.1:PORT sent an invalid reply to read: 0 bytes instead of 1048576',
  ],
  [
    'sends too much',
    { read: (chunk) => honestUntil(4, chunk, (bytes) => Buffer.concat([bytes, bytes])) },
    'p1 @ 127.0.0.1:PORT could not send chunk 4: A reply is larger than 1 bytes',
  ],
  [
    'breaks off in the middle of a chunk',
    { read: () => ({ bytes: mebibyte, pieces: breakingOff(fiveChunks.bytes.subarray(0, 1000)) }) },
    'p1 @ 127.0.0.1:PORT could not send chunk 0: The connection to 127.0.0.1:PORT ended before the reply arrived: try again',
  ],
  [
    'has a wrong chunk list',
    { chunkList: () => spoiled(fiveChunks.chunkList) },
    "p1 @ 127.0.0.1:PORT sent wrong bytes for the chunk list of 'file'; they were discarded",
  ],
  [
    'has a chunk list of another length',
    { chunkList: () => fiveChunks.chunkList.subarray(32) },
    'p1 @ 127.0.0.1:PORT could not send the chunk list: p1 @ 127.0.0.1:PORT sent an invalid reply to chunk-list: 128 bytes instead of 160',
  ],
  [
    'serves an older file',
    { read: (chunk) => honestUntil(0, chunk, () => chunkOf(older.bytes, chunk)) },
    "p1 @ 127.0.0.1:PORT sent wrong bytes for chunk 0 of 'file'; they were discarded",
  ],
  [
    'is another peer',
    { claimsToBe: 'p9' },
    'p1 @ 127.0.0.1:PORT could not send the list of its chunks: Cannot connect to 127.0.0.1:PORT: p1 is no longer at this address',
  ],
]

function honestUntil(bad: number, chunk: number, change: (bytes: Buffer) => Buffer): BulkSource {
  const bytes = chunkOf(fiveChunks.bytes, chunk)
  return bytesSource(chunk === bad ? change(bytes) : bytes)
}

test.each(badSources)('a source that %s is left for the next one', async (_, script) => {
  const swarm = await aSwarm()
  const bad = await swarm.source({ peerId: 'p1', content: fiveChunks, ...script })
  const good = await swarm.source({ peerId: 'p2', content: fiveChunks })
  const fetched = await swarm.fetch(fiveChunks, [nowhere('p0'), bad, good])
  expect((await readFile(fetched.partialPath)).equals(fiveChunks.bytes)).toBe(true)
  expect(fetched.sources).toContainEqual(good.source)
})

test.each(badSources)('a source that %s is named with the reason', async (_, script, reason) => {
  const swarm = await aSwarm()
  const bad = await swarm.source({ peerId: 'p1', content: fiveChunks, ...script })
  const failure = await swarm.fetch(fiveChunks, [bad]).catch((error: unknown) => error)
  expect(failure).toMatchObject({
    code: 'NO_SOURCE',
    details: { name: 'file', tried: reason.replaceAll('PORT', String(bad.source.port)) },
  })
  expect(await readdir(swarm.partialFolder)).toEqual([])
})

test('the good chunks of a source are kept when it fails, and each source is credited', async () => {
  const swarm = await aSwarm()
  const script = { read: (chunk: number) => honestUntil(3, chunk, spoiled) }
  const bad = await swarm.source({ peerId: 'p1', content: fiveChunks, ...script })
  await expect(swarm.fetch(fiveChunks, [bad])).rejects.toMatchObject({ code: 'NO_SOURCE' })
  expect(swarm.blamed).toEqual(['p1'])
  const good = await swarm.source({ peerId: 'p2', content: fiveChunks })
  const fetched = await swarm.fetch(fiveChunks, [bad, good])
  expect(fetched.sources).toContainEqual(good.source)
})

test('a fetch that waits says of a source that it caught lying that it is not asked again', async () => {
  const swarm = await aSwarm()
  const script = { read: (chunk: number) => honestUntil(3, chunk, spoiled) }
  const bad = await swarm.source({ peerId: 'p1', content: fiveChunks, ...script })
  const stop = new AbortController()
  const waiting = Promise.withResolvers<string>()
  const fetching = swarm.fetch(fiveChunks, [bad], {
    waits: true,
    signal: stop.signal,
    onProgress: ({ waitingFor }) => waitingFor !== undefined && waiting.resolve(waitingFor),
  })
  expect(await waiting.promise).toMatch(/^p1 @ .* sent wrong bytes for .* \(not asked again\)$/)
  stop.abort(new AppError('CANCELLED', { what: 'It' }))
  await expect(fetching).rejects.toMatchObject({ code: 'CANCELLED' })
})

test('what a source sends beyond what it was asked for counts as received, though it is thrown away', async () => {
  const swarm = await aSwarm()
  const content = aContent(1_000)
  const read = (): BulkSource => bytesSource(Buffer.alloc(5_000))
  const source = await swarm.source({ peerId: 'p1', content, read })
  await expect(swarm.fetch(content, [source])).rejects.toMatchObject({ code: 'NO_SOURCE' })
  await swarm.clock.advance(0)
  expect(swarm.receivedBytes).toBe(5_000)
})

test('a source that only fails is not blamed', async () => {
  const swarm = await aSwarm()
  const read = (): never => {
    throw new AppError('CONTENT_CHANGED', { name: 'its file' })
  }
  const failing = await swarm.source({ peerId: 'p1', content: fiveChunks, read })
  await expect(swarm.fetch(fiveChunks, [failing, nowhere('p0')])).rejects.toThrow('No peer')
  expect(swarm.blamed).toEqual([])
})

test('what a stalled source owes is requested from another, and no fetch waits for it', async () => {
  const swarm = await aSwarm()
  const stalled = Promise.withResolvers<void>()
  const bad = await swarm.source({
    peerId: 'p1',
    content: fiveChunks,
    read: () => ({
      bytes: mebibyte,
      pieces: endless(fiveChunks.bytes.subarray(0, 1000), () => stalled.resolve()),
    }),
  })
  const good = await swarm.source({ peerId: 'p2', content: fiveChunks })
  let missingBytes = fiveChunks.bytes.length
  const onProgress = ({ verifiedBytes }: FetchRun): void => {
    missingBytes = fiveChunks.bytes.length - verifiedBytes
  }
  const startMs = swarm.clock.monotonicMs()
  const fetching = swarm.fetch(fiveChunks, [bad, good], { onProgress })
  await stalled.promise
  // The clock stands still while the disk flushes: what is measured is the fetch's own patience.
  while (missingBytes > 0 && swarm.clock.monotonicMs() < deadlines.bulkStallMs)
    await swarm.clock.advance(deadlines.fetchLookMs)
  const fetched = await fetching
  expect(swarm.clock.monotonicMs() - startMs).toBeLessThan(deadlines.bulkStallMs)
  expect(fetched.sources).toEqual([good.source])
  expect((await readFile(fetched.partialPath)).equals(fiveChunks.bytes)).toBe(true)
  expect(good.asked.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4])
})

test('a source that never answers is left after a while', async () => {
  const swarm = await aSwarm()
  const asked = Promise.withResolvers<void>()
  const bad = await swarm.source({
    peerId: 'p1',
    content: fiveChunks,
    read: () => {
      asked.resolve()
      return new Promise(() => {})
    },
  })
  const fetching = swarm.fetch(fiveChunks, [bad]).catch((error: unknown) => error)
  await asked.promise
  // As it owes two chunks of 1 MiB.
  await swarm.clock.advance(stallDeadlineMs(2 * mebibyte))
  expect(await fetching).toMatchObject({
    code: 'NO_SOURCE',
    message: expect.stringContaining('did not finish within 17048 ms') as string,
  })
})

test('a peer that has fallen silent keeps no connection that the next fetch would wait on', async () => {
  const swarm = await aSwarm()
  const small = aContent(5)
  const silent = Promise.withResolvers<BulkSource>()
  const asked = Promise.withResolvers<void>()
  const read = (): Promise<BulkSource> => {
    asked.resolve()
    return silent.promise
  }
  const source = await swarm.source({ peerId: 'p1', content: small, read })
  const failed = expect(swarm.fetch(small, [source])).rejects.toMatchObject({ code: 'NO_SOURCE' })
  await asked.promise
  await swarm.clock.advance(stallDeadlineMs(5))
  await failed
  await swarm.clock.advance(0)
  expect(swarm.pool.size).toBe(0)
  silent.resolve(bytesSource(small.bytes))
  await swarm.fetch(small, [source])
  expect(swarm.pool.size).toBe(1)
})

test('a source that drips is left as one that stalls', async () => {
  const swarm = await aSwarm()
  const { clock } = swarm
  const dripping = Promise.withResolvers<void>()
  async function* drip(): AsyncGenerator<Buffer> {
    for (;;) {
      yield Buffer.alloc(1)
      dripping.resolve()
      await clock.sleep(deadlines.bulkStallMs / 3)
    }
  }
  const bad = await swarm.source({
    peerId: 'p1',
    content: fiveChunks,
    read: () => ({ bytes: mebibyte, pieces: drip() }),
  })
  const fetching = swarm.fetch(fiveChunks, [bad]).catch((error: unknown) => error)
  await dripping.promise
  await clock.advance(stallDeadlineMs(2 * mebibyte))
  expect(await fetching).toMatchObject({ code: 'NO_SOURCE' })
})

test('bytes that fit the chunk root but not the SHA-256 are thrown away', async () => {
  const swarm = await aSwarm()
  const lie = { ...older, content: { ...older.content, sha256: fiveChunks.content.sha256 } }
  const liar = await swarm.source({ peerId: 'p1', content: lie })
  await expect(swarm.fetch(lie, [liar])).rejects.toMatchObject({
    code: 'HASH_MISMATCH',
    details: { source: `p1 @ 127.0.0.1:${liar.source.port}`, what: "'file' as a whole" },
  })
  expect(await readdir(swarm.partialFolder)).toEqual([])
})

/**
 * Sources with any mixture of faults, at any chunks, in any order: the fetch ends, either with
 * exactly the right file or with an error that names every source; it must succeed when one is
 * honest; and nothing is left on the disk.
 */
test('any interleaving of failures ends in the right file or a clear error', async () => {
  const swarm = await aSwarm()
  const small = aContent(3 * mebibyte + 9)
  const faults = {
    honest: (bytes: Buffer) => bytesSource(bytes),
    spoils: (bytes: Buffer) => bytesSource(spoiled(bytes)),
    shortens: (bytes: Buffer) => bytesSource(bytes.subarray(1)),
    breaks: (bytes: Buffer) => ({ bytes: bytes.length, pieces: breakingOff(bytes.subarray(1)) }),
    refuses: () => {
      throw new AppError('CONTENT_NOT_FOUND')
    },
  }
  const fault = fc.constantFrom(...(Object.keys(faults) as (keyof typeof faults)[]))
  const someSources = fc.array(fc.tuple(fault, fault, fault, fault), { maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(someSources, async (scripts) => {
      const starting = scripts.map((script, i) =>
        startSource(swarm, `p${i}`, small, (chunk) =>
          faults[script[chunk] ?? 'honest'](chunkOf(small.bytes, chunk)),
        ),
      )
      const sources = await Promise.all(starting)
      const isPossible = scripts.some((script) => script.every((one) => one === 'honest'))
      const ending = await endingOf(swarm.fetch(small, sources))
      const names = sources.map(({ source }) => `${source.peerId} @ `)
      const isRight = ending === small.content.sha256
      const isClear = names.every((name) => ending.startsWith('NO_SOURCE') && ending.includes(name))
      expect(isRight || (isClear && !isPossible), ending).toBe(true)
      expect(await readdir(swarm.partialFolder)).toEqual([])
    }),
    { numRuns: 60 },
  )
})

/** The SHA-256 of the fetched file, or the error. */
async function endingOf(fetching: Promise<Fetched>): Promise<string> {
  try {
    await using fetched = await fetching
    return contentOf(await readFile(fetched.partialPath)).content.sha256
  } catch (error) {
    return error instanceof AppError ? `${error.code} ${error.message}` : String(error)
  }
}

async function startSource(
  swarm: Swarm,
  peerId: string,
  content: TestContent,
  read: (chunk: number) => BulkSource,
): Promise<ScriptedSource> {
  return await swarm.source({ peerId, content, read })
}
