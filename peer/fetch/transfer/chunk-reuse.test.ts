import { expect, test } from 'vitest'
import { ChunkSet } from '../../../common/content/chunk-set.ts'
import { SerialQueue } from '../../../common/serial-queue.ts'
import { aContent } from '../../../common/testing/contents.ts'
import { silentLog } from '../../../common/testing/silent-log.ts'
import type { CopyingStore } from '../chunk-store.ts'
import type { LocalChunks } from '../local-chunks.ts'
import { ChunkReuse } from './chunk-reuse.ts'

const mebibyte = 1024 * 1024
const { content, chunkList } = aContent(4 * mebibyte)

/** Chunks of two files, in turn. */
const localChunks: LocalChunks = {
  find: async (_, chunks) =>
    new Map(chunks.map((chunk) => [chunk, { sha256: `file ${chunk % 2}`, position: chunk }])),
  open: async () => ({
    descriptor: 9,
    onMismatch: () => {},
    [Symbol.asyncDispose]: async () => {},
  }),
}

/** The copying of one content. Each put waits until it is told to end. */
async function aReuse(copying: SerialQueue, signal = new AbortController().signal) {
  const puts: { chunk: number; end: () => void }[] = []
  const file: CopyingStore = {
    verified: new ChunkSet(4),
    chunkList,
    begin: async () => {},
    put: async (chunk) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      puts.push({ chunk, end: resolve })
      await promise
      return { isGood: true }
    },
  }
  const onCopied = (): void => {}
  const reuse = new ChunkReuse(
    { content, file, signal, onCopied },
    { localChunks, copying, log: silentLog },
  )
  expect(await reuse.find(chunkList)).toEqual([0, 1, 2, 3])
  const copy = (chunk: number) => reuse.copy(chunk, Buffer.alloc(0))
  return { puts, copy, reuse }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('fetches copy one chunk at a time, whichever they are', async () => {
  const copying = new SerialQueue()
  const [one, other] = [await aReuse(copying), await aReuse(copying)]
  const copies = [one.copy(0), other.copy(0), one.copy(1)]
  const running = (): number[] => [one.puts.length, other.puts.length]
  await turn()
  expect(running()).toEqual([1, 0])
  one.puts[0]?.end()
  await turn()
  expect(running()).toEqual([1, 1])
  other.puts[0]?.end()
  await turn()
  expect(running()).toEqual([2, 1])
  one.puts[1]?.end()
  expect(await Promise.all(copies)).toEqual([{ isGood: true }, { isGood: true }, { isGood: true }])
  expect([one.reuse.bytes, other.reuse.bytes]).toEqual([2 * mebibyte, mebibyte])
})

test('what is queued when the fetch ends is not copied', async () => {
  const stop = new AbortController()
  const copying = new SerialQueue()
  const { copy, puts } = await aReuse(copying, stop.signal)
  const copies = [copy(0), copy(1)]
  await turn()
  stop.abort()
  puts[0]?.end()
  expect(await Promise.all(copies)).toEqual([{ isGood: true }, { isGood: false }])
  expect(puts).toHaveLength(1)
})
