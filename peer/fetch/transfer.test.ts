import { expect, test } from 'vitest'
import { ChunkSet } from '../../common/content/chunk-set.ts'
import { AppError } from '../../common/errors.ts'
import { BufferPool } from '../../common/protocol/buffer-pool.ts'
import { seededRandom } from '../../common/random.ts'
import { aContent, chunkOf } from '../../common/testing/contents.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import type { ChunkSource } from './peer-source.ts'
import { chunksAtOnceFor } from './plan.ts'
import { Transfer } from './transfer.ts'

test('a disk that fills up is reported as such, and the source is let go', async () => {
  const { content, bytes, chunkList } = aContent(10 * 1024 * 1024)
  const full = new AppError('DISK_FULL', { path: '/', neededBytes: 1 })
  let written = 0
  const verified = new ChunkSet(10)
  const file = {
    verified,
    chunkList: undefined,
    begin: async () => {},
    put: async (chunk: number, { buffer: memory }: Buffer<ArrayBuffer>) => {
      written += 1
      if (written > 3) throw full
      verified.add(chunk)
      return { isGood: true, memory }
    },
  }
  const source: ChunkSource = {
    label: 'p1',
    pace: { bytesPerMs: 1, delayMs: 0, bytesOwed: 0 },
    chunkList: async () => chunkList,
    holdings: async () => undefined,
    read: async ({ chunk }, into, _, onBegin) => {
      onBegin(chunk)
      chunkOf(bytes, chunk).copy(into)
    },
  }
  const clock = new FakeClock()
  const transfer = new Transfer(
    { content, name: 'file', file, digest: undefined, onProgress: () => {} },
    { clock, buffers: new BufferPool({ bufferBytes: 2 ** 20 }), random: seededRandom('transfer') },
  )
  await expect(transfer.takeFrom(source, new AbortController().signal)).rejects.toBe(full)
  expect(transfer.isComplete).toBe(false)
})

test('what stands in line elsewhere is taken over only when there is room for it', async () => {
  const chunkCount = 24
  const { content, bytes, chunkList } = aContent(chunkCount * 1024 * 1024)
  const verified = new ChunkSet(chunkCount)
  const file = {
    verified,
    chunkList,
    begin: async () => {},
    put: async (chunk: number, { buffer: memory }: Buffer<ArrayBuffer>) => {
      verified.add(chunk)
      return { isGood: true, memory }
    },
  }
  const busy = Promise.withResolvers<void>()
  const gained = Promise.withResolvers<ChunkSet>()
  const asked: number[] = []
  const whole: ChunkSource = {
    label: 'whole',
    pace: { bytesPerMs: 1e6, delayMs: 100, bytesOwed: 0 },
    chunkList: async () => chunkList,
    holdings: async () => undefined,
    read: async ({ chunk }, into, signal, onBegin) => {
      asked.push(chunk)
      const withdrawn = Promise.withResolvers<never>()
      signal.addEventListener('abort', () => withdrawn.reject(signal.reason as Error))
      await Promise.race([busy.promise, withdrawn.promise])
      onBegin(chunk)
      chunkOf(bytes, chunk).copy(into)
    },
  }
  const partial: ChunkSource = {
    ...whole,
    label: 'partial',
    holdings: async (update) =>
      update === undefined ? new ChunkSet(chunkCount) : await gained.promise,
    read: async ({ chunk }, into, _, onBegin) => {
      onBegin(chunk)
      chunkOf(bytes, chunk).copy(into)
    },
  }
  const clock = new FakeClock()
  const transfer = new Transfer(
    { content, name: 'file', file, digest: undefined, onProgress: () => {} },
    { clock, buffers: new BufferPool({ bufferBytes: 2 ** 20 }), random: seededRandom('transfer') },
  )
  const never = new AbortController().signal
  const taking = [whole, whole, partial].map((source) => transfer.takeFrom(source, never))
  await clock.advance(0)
  expect(asked.length).toBe(chunksAtOnceFor(content.size))
  const all = new ChunkSet(chunkCount)
  for (let chunk = 0; chunk < chunkCount; chunk += 1) all.add(chunk)
  gained.resolve(all)
  await clock.advance(0)
  busy.resolve()
  for (let turn = 0; turn < 100 && !transfer.isComplete; turn += 1) await clock.advance(0)
  expect(transfer.chunksMissing).toBe(0)
  await Promise.all(taking)
})

test('nothing is left to a peer that has it, but is asked for nothing more', async () => {
  const chunkCount = 8
  const { content, bytes, chunkList } = aContent(chunkCount * 1024 * 1024)
  const verified = new ChunkSet(chunkCount)
  const file = {
    verified,
    chunkList,
    begin: async () => {},
    put: async (chunk: number, { buffer: memory }: Buffer<ArrayBuffer>) => {
      verified.add(chunk)
      return { isGood: true, memory }
    },
  }
  const whole: ChunkSource = {
    label: 'whole',
    pace: { bytesPerMs: 1e6, delayMs: 1, bytesOwed: 0 },
    chunkList: async () => chunkList,
    holdings: async () => undefined,
    read: async ({ chunk }, into, _, onBegin) => {
      onBegin(chunk)
      chunkOf(bytes, chunk).copy(into)
    },
  }
  const all = new ChunkSet(chunkCount)
  for (let chunk = 0; chunk < chunkCount; chunk += 1) all.add(chunk)
  const sent = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let asked = 0
  const partial: ChunkSource = {
    ...whole,
    label: 'partial',
    pace: { bytesPerMs: 1, delayMs: 1, bytesOwed: 0 },
    holdings: async (update) =>
      update === undefined
        ? all
        : await new Promise((_, reject) => {
            update.signal.addEventListener('abort', () => reject(update.signal.reason as Error))
          }),
    read: async ({ chunk }, into) => {
      asked += 1
      await sent[asked - 1]?.promise
      chunkOf(bytes, chunk).copy(into)
    },
  }
  const clock = new FakeClock()
  const transfer = new Transfer(
    { content, name: 'file', file, digest: undefined, onProgress: () => {} },
    { clock, buffers: new BufferPool({ bufferBytes: 2 ** 20 }), random: seededRandom('transfer') },
  )
  const retired = new AbortController()
  const leaving = transfer.takeFrom(partial, retired.signal)
  await clock.advance(0)
  retired.abort()
  sent[0]?.resolve()
  await clock.advance(0)
  const taking = transfer.takeFrom(whole, new AbortController().signal)
  for (let turn = 0; turn < 20; turn += 1) await clock.advance(0)
  expect(asked).toBe(2)
  expect(transfer.chunksMissing).toBe(1)
  sent[1]?.resolve()
  await Promise.all([leaving, taking])
  expect(transfer.chunksMissing).toBe(0)
})

test('a chunk that is withdrawn because it is here, but turns out to be bad, is asked for again', async () => {
  const chunkCount = 8
  const { content, bytes, chunkList } = aContent(chunkCount * 1024 * 1024)
  const verified = new ChunkSet(chunkCount)
  const isChecked = Promise.withResolvers<void>()
  let isBad = true
  const file = {
    verified,
    chunkList,
    begin: async () => {},
    put: async (chunk: number, { buffer: memory }: Buffer<ArrayBuffer>) => {
      const isGood = chunk !== 0 || !isBad
      if (chunk === 0) isBad = false
      if (!isGood) await isChecked.promise
      else verified.add(chunk)
      return { isGood, memory }
    },
  }
  const endsLate = Promise.withResolvers<void>()
  const begins = Promise.withResolvers<void>()
  let reads = 0
  const whole: ChunkSource = {
    label: 'whole',
    pace: { bytesPerMs: 1, delayMs: 1, bytesOwed: 0 },
    chunkList: async () => chunkList,
    holdings: async () => undefined,
    read: async ({ chunk, or }, into, signal, onBegin) => {
      reads += 1
      const isFirst = reads === 1
      await begins.promise
      const sent = isFirst && [chunk, ...or].includes(0) ? 0 : chunk
      onBegin(sent)
      if (signal.aborted) await endsLate.promise
      signal.throwIfAborted()
      chunkOf(bytes, sent).copy(into)
    },
  }
  const first = new ChunkSet(chunkCount)
  first.add(0)
  const gained = Promise.withResolvers<ChunkSet>()
  const partial: ChunkSource = {
    ...whole,
    label: 'partial',
    holdings: async (update) =>
      update === undefined
        ? new ChunkSet(chunkCount)
        : update.beyond === 0
          ? await gained.promise
          : await new Promise((_, reject) => {
              update.signal.addEventListener('abort', () => reject(update.signal.reason as Error))
            }),
    read: async ({ chunk }, _, __, onBegin) => onBegin(chunk),
  }
  const clock = new FakeClock()
  const transfer = new Transfer(
    { content, name: 'file', file, digest: undefined, onProgress: () => {} },
    { clock, buffers: new BufferPool({ bufferBytes: 2 ** 20 }), random: seededRandom('transfer') },
  )
  const never = new AbortController().signal
  const bad = expect(transfer.takeFrom(partial, never)).rejects.toThrow('wrong bytes')
  const taking = transfer.takeFrom(whole, never)
  await clock.advance(0)
  gained.resolve(first)
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
