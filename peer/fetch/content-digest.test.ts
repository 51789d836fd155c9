import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ChunkSet } from '../../common/content/chunk-set.ts'
import { aContent, chunkOf } from '../../common/testing/contents.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { ContentDigest } from './content-digest.ts'
import { chunksAtOnceFor } from './plan.ts'
import { workAtOnce } from './testing/work-at-once.ts'

const mebibyte = 2 ** 20
const chunkCount = 40
const { content, bytes } = aContent((chunkCount - 1) * mebibyte + 1000)
const heldMax = chunksAtOnceFor(content.size)
const noAbort = new AbortController().signal

/** A digest of a file that holds `written`, and what becomes of the memory of chunks. */
async function aDigest(written: Uint8Array) {
  const folder = await temporaryFolder()
  onTestFinished(async () => await folder[Symbol.asyncDispose]())
  const path = join(folder.path, 'file')
  await writeFile(path, written)
  const verified = new ChunkSet(chunkCount)
  const digest = new ContentDigest({ path, size: content.size, verified }, workAtOnce())
  const givenBack: number[] = []
  const put = (chunk: number): void => {
    const memory = new ArrayBuffer(mebibyte)
    chunkOf(bytes, chunk).copy(Buffer.from(memory))
    verified.add(chunk)
    digest.onVerified({ chunk, memory, giveBack: () => givenBack.push(chunk) })
  }
  return { digest, verified, put, givenBack }
}

const inOrder = [...Array(chunkCount).keys()]

test('chunks that come in order are hashed from memory, all of which comes back', async () => {
  const { digest, put, givenBack } = await aDigest(Buffer.alloc(content.size))
  for (const chunk of inOrder) {
    put(chunk)
    await expect.poll(() => givenBack.length).toBe(chunk + 1)
  }
  expect(await digest.finish(noAbort)).toBe(content.sha256)
  expect(givenBack).toEqual(inOrder)
})

test('whatever order they come in, it is the hash of the whole, and few are held', async () => {
  const { digest, put, givenBack } = await aDigest(bytes)
  for (const chunk of inOrder.toReversed()) put(chunk)
  expect(givenBack.length).toBeGreaterThanOrEqual(chunkCount - heldMax)
  expect(await digest.finish(noAbort)).toBe(content.sha256)
  expect(givenBack.toSorted((a, b) => a - b)).toEqual(inOrder)
})

test('a chunk that keeps others waiting does not keep all memory from coming back', async () => {
  const { digest, put, givenBack } = await aDigest(bytes)
  for (const chunk of inOrder.slice(1, heldMax + 1)) put(chunk)
  expect(givenBack.length).toBeGreaterThan(0)
  digest[Symbol.dispose]()
  expect(givenBack).toHaveLength(heldMax)
})

test('a file that cannot be read gives all memory back, and fails at the end', async () => {
  const { digest, put, givenBack } = await aDigest(Buffer.alloc(10))
  for (const chunk of inOrder.toReversed()) put(chunk)
  await expect(digest.finish(noAbort)).rejects.toMatchObject({ code: 'DISK_FAILED' })
  expect(givenBack).toHaveLength(chunkCount)
})
