import { createHash } from 'node:crypto'
import { appendFileSync, truncateSync, utimesSync } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { limits } from '../limits.ts'
import { seededRandom } from '../random.ts'
import { aFile } from '../testing/fixtures.ts'
import { temporaryFolder } from '../testing/temp-folder.ts'
import { chunkBytesFor, chunkRootOf } from './chunks.ts'
import { ContentHasher, hashFile, sha256 } from './hash.ts'
import type { HashedContent } from './unit-hasher.ts'

const mebibyte = 2 ** 20
const sizes = [
  0,
  1,
  1023,
  64 * 1024,
  mebibyte - 1,
  mebibyte,
  mebibyte + 1,
  5 * mebibyte,
  9.5 * mebibyte,
]

/** The definition, implemented naively. */
function expected(bytes: Buffer): HashedContent {
  const digest = (part: Buffer): Buffer => createHash('sha256').update(part).digest()
  const chunkBytes = chunkBytesFor(bytes.length)
  const count = Math.max(1, Math.ceil(bytes.length / chunkBytes))
  const chunks = Array.from({ length: count }, (_, index) =>
    digest(bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes)),
  )
  const chunkList = Buffer.concat(chunks)
  const content = {
    sha256: digest(bytes).toString('hex'),
    size: bytes.length,
    chunkRoot: chunkRootOf(chunkList),
  }
  return { content, chunkList }
}

test.each([0, 10, 64 * 1024, 3 * mebibyte])('the SHA-256 of %i bytes', async (size) => {
  const bytes = seededRandom('bytes').bytes(size) as Buffer<ArrayBuffer>
  const digest = sha256(bytes)
  const right = createHash('sha256').update(bytes).digest()
  bytes.fill(0)
  expect(await digest).toEqual(right)
})

describe('a file', () => {
  test.each(sizes)('of %i bytes is hashed with its chunks in one go', async (size) => {
    await using folder = await temporaryFolder()
    const file = await aFile(folder.path, 'a', { bytes: size })
    const { stat, ...hashed } = await hashFile(file.path)
    expect(hashed).toEqual(expected(seededRandom('a').bytes(size)))
    expect(hashed.content).toMatchObject({ sha256: file.sha256, size })
    expect(stat.size).toBe(size)
  })

  test('its stat shows whether it was modified since', async () => {
    await using folder = await temporaryFolder()
    const { path } = await aFile(folder.path, 'a')
    const { stat } = await hashFile(path)
    await using handle = await open(path)
    const now = await handle.stat({ bigint: true })
    expect(stat).toEqual({ size: Number(now.size), mtimeNs: now.mtimeNs, ino: now.ino })
  })

  test.each([
    ['grows', (path: string) => appendFileSync(path, 'more')],
    ['shrinks', (path: string) => truncateSync(path, 1.5 * mebibyte)],
    ['is written over', (path: string) => utimesSync(path, 0, 0)],
  ])('that %s meanwhile is refused', async (_, change) => {
    await using folder = await temporaryFolder()
    const { path } = await aFile(folder.path, 'a', { bytes: 8 * mebibyte })
    const hashing = hashFile(path, { signal: onSecondLook(() => change(path)) })
    await expect(hashing).rejects.toMatchObject({ code: 'CONTENT_CHANGED' })
  })

  test('a missing file, or something else than a file, is refused with its kind', async () => {
    await using folder = await temporaryFolder()
    const absent = join(folder.path, 'absent')
    await expect(hashFile(absent)).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      details: { path: absent },
    })
    await mkdir(join(folder.path, 'sub'))
    await expect(hashFile(join(folder.path, 'sub'))).rejects.toMatchObject({
      code: 'DISK_FAILED',
      details: { action: 'read', reason: 'it is not a regular file' },
    })
  })

  test('stops when the signal is aborted, with its reason', async () => {
    await using folder = await temporaryFolder()
    const { path } = await aFile(folder.path, 'a', { bytes: 8 * mebibyte })
    const stop = new AbortController()
    const hashing = hashFile(path, { signal: stop.signal })
    stop.abort(new Error('stopping'))
    await expect(hashing).rejects.toThrow('stopping')
    await expect(hashFile(path, { signal: stop.signal })).rejects.toThrow('stopping')
  })
})

/** A signal that aborts when it is checked the second time: before the first unit is read. */
function onSecondLook(act: () => void): AbortSignal {
  let looks = 0
  const throwIfAborted = (): void => {
    looks += 1
    if (looks === 2) act()
  }
  return Object.assign(new AbortController().signal, { throwIfAborted })
}

describe('a stream', () => {
  test('has the hashes of its bytes, however they are cut', async () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 3 * mebibyte }), { maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...sizes), cuts, async (size, lengths) => {
        const bytes = seededRandom('stream').bytes(size)
        const hasher = new ContentHasher()
        let start = 0
        for (const length of [...lengths, size]) {
          // The buffer is overwritten as soon as the hasher is done with it, like a socket's.
          const piece = Buffer.from(bytes.subarray(start, start + length))
          await hasher.update(piece)
          piece.fill(0)
          start += length
        }
        expect(await hasher.finish()).toEqual(expected(bytes))
      }),
      { numRuns: 20 },
    )
  })

  test('of more than 16 GiB is left to be hashed from the disk', async () => {
    const hasher = new ContentHasher()
    await hasher.update({ byteLength: limits.chunksMax * mebibyte + 1 } as Uint8Array)
    expect(await hasher.finish()).toBeUndefined()
  })

  test('of more than the largest content is refused', async () => {
    const hasher = new ContentHasher()
    const endless = hasher.update({ byteLength: limits.contentBytesMax + 1 } as Uint8Array)
    await expect(endless).rejects.toMatchObject({ code: 'TOO_LARGE' })
  })
})
