import { expect, test } from 'vitest'
import { ChunkSet } from '../../../common/content/chunk-set.ts'
import { AppError } from '../../../common/errors.ts'
import { deadlines } from '../../../common/limits.ts'
import { bytesSource } from '../../../common/protocol/bulk.ts'
import type { FoundContent } from '../../../common/protocol/messages.ts'
import { aContent, chunkOf, type TestContent } from '../../../common/testing/contents.ts'
import type { ScriptedSource } from '../../../common/testing/scripted-source.ts'
import { advanceUntil, aSwarm, type Swarm } from '../testing/swarm.ts'
import { fetchWindowBytes } from '../transfer/chunk-plan.ts'
import { type ReadRequest, readInOrder } from './read-in-order.ts'

const mebibyte = 1024 * 1024
const windowChunks = fetchWindowBytes / mebibyte
const many = aContent((3 * windowChunks + 1) * mebibyte - 5)
const few = aContent(4 * mebibyte + 1)

function claim({ content }: TestContent, ...from: readonly ScriptedSource[]): FoundContent {
  return { ...content, sources: from.map(({ source }) => source) }
}

/** Reads, and keeps what was written. */
class Reading {
  readonly #pieces: Buffer[] = []
  readonly done: Promise<void>

  constructor(swarm: Swarm, found: FoundContent[], options: Partial<ReadRequest> = {}) {
    const request: ReadRequest = {
      name: 'file',
      signal: new AbortController().signal,
      lookup: async () => found,
      ...options,
      write: async (bytes) => {
        await options.write?.(bytes)
        this.#pieces.push(Buffer.from(bytes))
      },
    }
    this.done = readInOrder(request, swarm.taking)
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#pieces)
  }
}

test.each([0, 1, mebibyte, mebibyte + 1, 4 * mebibyte + 1])(
  'a content of %i bytes is written in order',
  async (size) => {
    const swarm = await aSwarm()
    const content = aContent(size)
    const source = await swarm.source({ peerId: 'p1', content })
    const reading = new Reading(swarm, [claim(content, source)])
    await reading.done
    expect(reading.bytes.equals(content.bytes)).toBe(true)
    expect(source.asked).toEqual([...new Set(source.asked)])
  },
)

test('chunks arrive in any order and are written in theirs', async () => {
  const swarm = await aSwarm()
  let answerFirst = (): void => {}
  const source = await swarm.source({
    peerId: 'p1',
    content: few,
    read: async (chunk) => {
      if (chunk === 0) await new Promise<void>((resolve) => (answerFirst = resolve))
      if (chunk === 1) answerFirst()
      return bytesSource(chunkOf(few.bytes, chunk))
    },
  })
  const reading = new Reading(swarm, [claim(few, source)])
  await reading.done
  expect(reading.bytes.equals(few.bytes)).toBe(true)
})

test('no more is fetched than fits in memory while the reader takes nothing, however long that is', async () => {
  const swarm = await aSwarm()
  const source = await swarm.source({ peerId: 'p1', content: many })
  const taking = Promise.withResolvers<void>()
  const reading = new Reading(swarm, [claim(many, source)], { write: () => taking.promise })
  const asked = async (): Promise<number> => {
    await swarm.clock.advance(deadlines.fetchLookMs)
    return source.asked.length
  }
  await expect.poll(asked, { interval: 1 }).toBe(windowChunks)
  // Longer than an idle connection lives.
  await swarm.clock.advance(2 * deadlines.connectionIdleMs)
  expect(source.asked).toHaveLength(windowChunks)
  taking.resolve()
  await advanceUntil(swarm, reading.done)
  expect(reading.bytes.equals(many.bytes)).toBe(true)
  expect(source.asked).toEqual([...Array(3 * windowChunks + 1).keys()])
})

test('partial sources that lack the next chunk do not take the room that it needs', async () => {
  const swarm = await aSwarm()
  const later = new ChunkSet(3 * windowChunks + 1)
  for (let chunk = 2; chunk < later.chunkCount; chunk += 1) later.add(chunk)
  const partial = await swarm.source({ peerId: 'p1', content: many, holdings: () => later })
  const first = new ChunkSet(later.chunkCount)
  first.add(0)
  first.add(1)
  const other = await swarm.source({ peerId: 'p2', content: many, holdings: () => first })
  const reading = new Reading(swarm, [claim(many, partial, other)])
  await advanceUntil(swarm, reading.done)
  expect(reading.bytes.equals(many.bytes)).toBe(true)
})

test('a bad chunk is not written, but taken from another source', async () => {
  const swarm = await aSwarm()
  const liar = await swarm.source({
    peerId: 'p1',
    content: few,
    read: (chunk) => bytesSource(chunk === 2 ? Buffer.alloc(mebibyte) : chunkOf(few.bytes, chunk)),
  })
  const honest = await swarm.source({ peerId: 'p2', content: few })
  const reading = new Reading(swarm, [claim(few, liar, honest)])
  await advanceUntil(swarm, reading.done)
  expect(reading.bytes.equals(few.bytes)).toBe(true)
})

test('with a bad chunk from the only source the good ones before it are all that is written', async () => {
  const swarm = await aSwarm()
  const liar = await swarm.source({
    peerId: 'p1',
    content: few,
    read: (chunk) => bytesSource(chunk === 1 ? Buffer.alloc(mebibyte) : chunkOf(few.bytes, chunk)),
  })
  const reading = new Reading(swarm, [claim(few, liar)])
  const ended = advanceUntil(swarm, reading.done)
  await expect(reading.done).rejects.toMatchObject({ code: 'NO_SOURCE' })
  await ended
  expect(few.bytes.subarray(0, reading.bytes.length).equals(reading.bytes)).toBe(true)
  expect(reading.bytes.length).toBeLessThanOrEqual(mebibyte)
})

test('a content that is another one as a whole is never completed', async () => {
  const swarm = await aSwarm()
  const lie = aContent(few.content.size, 'lie')
  const source = await swarm.source({ peerId: 'p1', content: lie })
  const found = { ...claim(lie, source), sha256: few.content.sha256 }
  const reading = new Reading(swarm, [found])
  await expect(reading.done).rejects.toMatchObject({ code: 'HASH_MISMATCH' })
  expect(reading.bytes.equals(lie.bytes.subarray(0, 4 * mebibyte))).toBe(true)
  expect(swarm.blamed).toEqual([])
})

test('what two peers vouch for is believed before what one claims', async () => {
  const swarm = await aSwarm()
  const lie = aContent(few.content.size, 'lie')
  const liar = await swarm.source({ peerId: 'p1', content: lie })
  const honest = [
    await swarm.source({ peerId: 'p2', content: few }),
    await swarm.source({ peerId: 'p3', content: few }),
  ]
  const found = { ...claim(lie, liar), sha256: few.content.sha256 }
  const reading = new Reading(swarm, [found, claim(few, ...honest)])
  await reading.done
  expect(reading.bytes.equals(few.bytes)).toBe(true)
})

test('where peers differ and no two vouch, nothing is written before it is proved', async () => {
  const swarm = await aSwarm()
  const lie = aContent(few.content.size, 'lie')
  const liar = await swarm.source({ peerId: 'p1', content: lie })
  const honest = await swarm.source({ peerId: 'p2', content: few })
  const found = { ...claim(lie, liar), sha256: few.content.sha256 }
  const reading = new Reading(swarm, [found, claim(few, honest)])
  await reading.done
  expect(reading.bytes.equals(few.bytes)).toBe(true)
  expect([liar.asked.length, honest.asked.length]).toEqual([5, 10])
})

test('a reader that closes ends the reading with its error', async () => {
  const swarm = await aSwarm()
  const source = await swarm.source({ peerId: 'p1', content: many })
  const gone = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })
  const reading = new Reading(swarm, [claim(many, source)], { write: () => Promise.reject(gone) })
  await expect(reading.done).rejects.toBe(gone)
  expect(swarm.blamed).toEqual([])
})

test('giving up does not wait for the reader', async () => {
  const swarm = await aSwarm()
  const stop = new AbortController()
  const reason = new AppError('CANCELLED', { what: 'It' })
  const source = await swarm.source({ peerId: 'p1', content: many })
  const reading = new Reading(swarm, [claim(many, source)], {
    signal: stop.signal,
    write: () => {
      stop.abort(reason)
      return new Promise(() => {})
    },
  })
  await expect(reading.done).rejects.toBe(reason)
})

test('a version that no peer has is not found', async () => {
  const swarm = await aSwarm()
  const { done } = new Reading(swarm, [claim(few)], { sha256: many.content.sha256 })
  await expect(done).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
})
