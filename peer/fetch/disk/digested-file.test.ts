import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ChunkSet } from '../../../common/content/chunk-set.ts'
import { aContent, chunkOf } from '../../../common/testing/contents.ts'
import { temporaryFolder } from '../../../common/testing/temp-folder.ts'
import { workAtOnce } from '../testing/work-at-once.ts'
import { chunksAtOnceFor } from '../transfer/chunk-plan.ts'
import { DigestedFile } from './digested-file.ts'

const mebibyte = 2 ** 20
const chunkCount = 40
const { content, bytes } = aContent((chunkCount - 1) * mebibyte + 1000)
const heldMax = chunksAtOnceFor(content.size)
const noAbort = new AbortController().signal

/** The hash of a file that holds `written`, and the chunks whose memory it has released. */
async function aDigest(written: Uint8Array, workers = workAtOnce()) {
  const folder = await temporaryFolder()
  onTestFinished(async () => await folder[Symbol.asyncDispose]())
  const path = join(folder.path, 'file')
  await writeFile(path, written)
  const verified = new ChunkSet(chunkCount)
  const file = {
    path,
    size: content.size,
    verified,
    chunkList: undefined,
    begin: async () => {},
    put: async (chunk: number) => {
      verified.add(chunk)
      return { isGood: true }
    },
  }
  const digest = new DigestedFile(file, workers)
  const free: number[] = []
  const put = async (chunk: number): Promise<void> => {
    const { released } = await digest.put(chunk, chunkOf(bytes, chunk), Buffer.alloc(0))
    const onFree = (): void => void free.push(chunk)
    if (released === undefined) onFree()
    else released.then(onFree, onFree)
  }
  return { digest, put, free }
}

const inOrder = [...Array(chunkCount).keys()]
const byNumber = (a: number, b: number): number => a - b

test('chunks that arrive in order are hashed from memory, all of which is released', async () => {
  const { digest, put, free } = await aDigest(Buffer.alloc(content.size))
  for (const chunk of inOrder) {
    await put(chunk)
    await expect.poll(() => free.length).toBe(chunk + 1)
  }
  expect(await digest.finish(noAbort)).toBe(content.sha256)
  expect(free).toEqual(inOrder)
})

test('in whatever order they arrive, it is the hash of the whole, and few are held', async () => {
  const { digest, put, free } = await aDigest(bytes)
  for (const chunk of inOrder.toReversed()) await put(chunk)
  expect(free.length).toBeGreaterThanOrEqual(chunkCount - heldMax)
  expect(await digest.finish(noAbort)).toBe(content.sha256)
  await Promise.resolve()
  expect(free.toSorted(byNumber)).toEqual(inOrder)
})

test('a chunk that keeps others waiting does not keep all memory from being free', async () => {
  const { digest, put, free } = await aDigest(bytes)
  for (const chunk of inOrder.slice(1, heldMax + 1)) await put(chunk)
  expect(free.length).toBeGreaterThan(0)
  digest[Symbol.dispose]()
  await Promise.resolve()
  expect(free).toHaveLength(heldMax)
})

test('a chunk that arrives again while it is read back holds no memory', async () => {
  const worker = workAtOnce().leastBusy()
  const { promise: mayRead, resolve: letRead } = Promise.withResolvers<void>()
  const hashOn: typeof worker.hashOn = async (part) => {
    await mayRead
    await worker.hashOn(part)
  }
  const { digest, put, free } = await aDigest(bytes, { leastBusy: () => ({ ...worker, hashOn }) })
  const early = heldMax + 1
  for (const [count, chunk] of [early, ...inOrder.slice(0, early)].entries()) {
    await put(chunk)
    await expect.poll(() => free.length).toBe(count + 1)
  }
  await put(early)
  letRead()
  for (const chunk of inOrder.slice(early + 1)) await put(chunk)
  expect(await digest.finish(noAbort)).toBe(content.sha256)
  await Promise.resolve()
  expect(free.toSorted(byNumber)).toEqual([...inOrder, early].toSorted(byNumber))
})

test('a file that cannot be read holds no memory, and fails at the end', async () => {
  const { digest, put, free } = await aDigest(Buffer.alloc(10))
  for (const chunk of inOrder.toReversed()) await put(chunk)
  await expect(digest.finish(noAbort)).rejects.toMatchObject({ code: 'DISK_FAILED' })
  expect(free.toSorted(byNumber)).toEqual(inOrder)
})
