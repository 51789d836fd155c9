import { expect, test } from 'vitest'
import { ChunkSet } from '../../../common/content/chunk-set.ts'
import { AppError } from '../../../common/errors.ts'
import { BufferPool } from '../../../common/protocol/buffer-pool.ts'
import { seededRandom } from '../../../common/random.ts'
import { aContent, chunkOf } from '../../../common/testing/contents.ts'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import type { ChunkSource, ChunksHeld, ChunksHeldUpdate } from '../source/chunk-source.ts'
import { chunksAtOnceFor } from './chunk-plan.ts'
import { Transfer } from './transfer.ts'

const mebibyte = 1024 * 1024
const never = new AbortController().signal

/**
 * A transfer of this many chunks to nowhere, and a source that has them all and sends them immediately.
 * @param isGood whether a chunk that arrived is good; what it throws is the disk's error
 * @param begin gets the file ready for a chunk list that is not known yet
 */
function aTransfer(
  chunkCount: number,
  isGood: (chunk: number) => Promise<boolean> = async () => true,
  begin?: () => Promise<void>,
) {
  const { content, bytes, chunkList } = aContent(chunkCount * mebibyte)
  const verified = new ChunkSet(chunkCount)
  const clock = new FakeClock()
  const file = {
    verified,
    chunkList: begin === undefined ? chunkList : undefined,
    begin: begin ?? (async () => {}),
    put: async (chunk: number) => {
      const isKept = await isGood(chunk)
      if (isKept) verified.add(chunk)
      return { isGood: isKept }
    },
  }
  const transfer = new Transfer(
    { content, name: 'file', file, hasOneSource: false },
    { clock, buffers: new BufferPool({ bufferBytes: mebibyte }), random: seededRandom('transfer') },
  )
  const fill = (into: Buffer, chunk: number): void => void chunkOf(bytes, chunk).copy(into)
  const whole: ChunkSource = {
    label: 'whole',
    pace: { bytesPerMs: 1, delayMs: 1, bytesOwed: 0 },
    chunkList: async () => chunkList,
    chunksHeld: async () => undefined,
    read: async ({ chunk }, into, _, onBegin) => {
      onBegin(chunk)
      fill(into, chunk)
    },
  }
  /** Lets everything run that does not wait for time. */
  const settle = async (turns: number): Promise<void> => {
    for (let turn = 0; turn < turns && !transfer.isComplete; turn += 1) await clock.advance(0)
  }
  return { content, clock, transfer, whole, fill, settle }
}

function chunksOf(chunkCount: number, chunks: Iterable<number>): ChunkSet {
  const set = new ChunkSet(chunkCount)
  for (const chunk of chunks) set.add(chunk)
  return set
}

/** What a source that gains nothing more answers: first what it has, and never again. */
function noMore(chunksHeld: ChunksHeld) {
  return async (update?: ChunksHeldUpdate): Promise<ChunksHeld> =>
    update === undefined ? chunksHeld : await untilAborted(update.signal)
}

async function untilAborted(signal: AbortSignal): Promise<never> {
  return await new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error))
  })
}

test('a disk that fills up is reported as such, and the source is released', async () => {
  const full = new AppError('DISK_FULL', { path: '/', neededBytes: 1 })
  let written = 0
  const { transfer, whole } = aTransfer(10, async () => {
    written += 1
    if (written > 3) throw full
    return true
  })
  await expect(transfer.takeFrom(whole, never)).rejects.toBe(full)
  expect(transfer.isComplete).toBe(false)
})

test('a disk that is full before the first chunk is reported as such', async () => {
  const full = new AppError('DISK_FULL', { path: '/', neededBytes: 1 })
  const begin = async (): Promise<void> => await Promise.reject(full)
  const { transfer, whole } = aTransfer(10, undefined, begin)
  await expect(transfer.takeFrom(whole, never)).rejects.toBe(full)
  await expect(transfer.takeFrom(whole, never)).rejects.toBe(full)
})

test('what is queued elsewhere is taken over only when there is room for it', async () => {
  const chunkCount = 24
  const { content, clock, transfer, whole, fill, settle } = aTransfer(chunkCount)
  const mayBegin = Array.from({ length: chunkCount }, () => Promise.withResolvers<void>())
  const gained = Promise.withResolvers<ChunkSet>()
  const asked = { busy: [] as number[], partial: [] as number[] }
  const withdrawn: number[] = []
  const busy: ChunkSource = {
    ...whole,
    pace: { bytesPerMs: 1e6, delayMs: 100, bytesOwed: 0 },
    read: async ({ chunk }, into, signal, onBegin) => {
      asked.busy.push(chunk)
      signal.addEventListener('abort', () => withdrawn.push(chunk))
      await Promise.race([mayBegin[chunk]?.promise, untilAborted(signal)])
      onBegin(chunk)
      fill(into, chunk)
    },
  }
  const partial: ChunkSource = {
    ...whole,
    label: 'partial',
    pace: busy.pace,
    chunksHeld: async (update) =>
      update === undefined ? new ChunkSet(chunkCount) : await gained.promise,
    read: async ({ chunk }, into, _, onBegin) => {
      asked.partial.push(chunk)
      onBegin(chunk)
      fill(into, chunk)
    },
  }
  const taking = [busy, busy, partial].map((source) => transfer.takeFrom(source, never))
  await clock.advance(0)
  expect(asked.busy.length).toBe(chunksAtOnceFor(content.size))
  gained.resolve(chunksOf(chunkCount, Array(chunkCount).keys()))
  await clock.advance(0)
  expect([asked.partial, withdrawn]).toEqual([[], []])
  const [first = -1] = asked.busy
  mayBegin[first]?.resolve()
  await settle(3)
  expect(withdrawn).not.toEqual([])
  expect(asked.partial).toEqual(expect.arrayContaining(withdrawn))
  for (const { resolve } of mayBegin) resolve()
  await settle(100)
  expect(transfer.chunksMissing).toBe(0)
  await Promise.all(taking)
})

test('nothing is left to a peer that has it, but is asked for nothing more', async () => {
  const chunkCount = 8
  const { clock, transfer, whole, fill, settle } = aTransfer(chunkCount)
  const sent = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let asked = 0
  const partial: ChunkSource = {
    ...whole,
    label: 'partial',
    chunksHeld: noMore(chunksOf(chunkCount, Array(chunkCount).keys())),
    read: async ({ chunk }, into) => {
      asked += 1
      await sent[asked - 1]?.promise
      fill(into, chunk)
    },
  }
  const retired = new AbortController()
  const leaving = transfer.takeFrom(partial, retired.signal)
  await clock.advance(0)
  retired.abort()
  sent[0]?.resolve()
  await clock.advance(0)
  const fast = { ...whole, pace: { bytesPerMs: 1e6, delayMs: 1, bytesOwed: 0 } }
  const taking = transfer.takeFrom(fast, never)
  await settle(20)
  expect(asked).toBe(2)
  expect(transfer.chunksMissing).toBe(1)
  sent[1]?.resolve()
  await Promise.all([leaving, taking])
  expect(transfer.chunksMissing).toBe(0)
})

test('a chunk that is withdrawn because it is here, but turns out to be bad, is asked for again', async () => {
  const chunkCount = 8
  const isChecked = Promise.withResolvers<void>()
  let hasComeBad = false
  const { clock, transfer, whole, fill } = aTransfer(chunkCount, async (chunk) => {
    if (chunk !== 0 || hasComeBad) return true
    hasComeBad = true
    await isChecked.promise
    return false
  })
  const endsLate = Promise.withResolvers<void>()
  const begins = Promise.withResolvers<void>()
  const offered: number[][] = []
  const choosing: ChunkSource = {
    ...whole,
    read: async ({ chunk, or }, into, signal, onBegin) => {
      const isFirst = offered.push([chunk, ...or]) === 1
      await begins.promise
      const sent = isFirst ? 0 : chunk
      onBegin(sent)
      if (signal.aborted) await endsLate.promise
      signal.throwIfAborted()
      fill(into, sent)
    },
  }
  const gained = Promise.withResolvers<ChunkSet>()
  const partial: ChunkSource = {
    ...whole,
    label: 'partial',
    chunksHeld: async (update) =>
      update?.beyond === 0 ? await gained.promise : await noMore(new ChunkSet(chunkCount))(update),
    read: async ({ chunk }, _, __, onBegin) => onBegin(chunk),
  }
  const bad = expect(transfer.takeFrom(partial, never)).rejects.toThrow('wrong bytes')
  await clock.advance(0)
  const taking = transfer.takeFrom(choosing, never)
  await clock.advance(0)
  expect(offered[0]).toContain(0)
  gained.resolve(chunksOf(chunkCount, [0]))
  await clock.advance(0)
  begins.resolve()
  await clock.advance(0)
  isChecked.resolve()
  await bad
  endsLate.resolve()
  for (let turn = 0; turn < 100 && !transfer.isComplete; turn += 1) {
    transfer.look()
    await clock.advance(100)
  }
  expect(transfer.chunksMissing).toBe(0)
  await taking
})
