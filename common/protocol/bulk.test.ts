import { randomBytes } from 'node:crypto'
import { type FileHandle, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { FakeClock } from '../testing/fake-clock.ts'
import { temporaryFolder } from '../testing/temp-folder.ts'
import { BufferPool } from './buffer-pool.ts'
import { fileRange } from './bulk.ts'
import { ByteBudget } from './byte-budget.ts'

const bufferBytes = 1000
const bytes = randomBytes(10 * bufferBytes + 1)

async function aFile(): Promise<FileHandle> {
  const folder = await temporaryFolder()
  onTestFinished(async () => await folder[Symbol.asyncDispose]())
  const path = join(folder.path, 'file')
  await writeFile(path, bytes)
  const handle = await open(path)
  onTestFinished(async () => await handle.close())
  return handle
}

test.each([
  { start: 0, bytes: 10 * bufferBytes + 1 },
  { start: 7, bytes: 3 * bufferBytes },
  { start: 1, bytes: 1 },
  { start: 5, bytes: 0 },
])(
  'a range of a file comes as it is, each piece staying until the next is asked for: %o',
  async (range) => {
    const handle = await aFile()
    const source = fileRange(handle, range, new BufferPool({ bufferBytes }))
    const received: Buffer[] = []
    for await (const piece of source.pieces) {
      // By now the next piece has been read, too.
      await handle.stat()
      received.push(Buffer.from(piece))
    }
    const expected = bytes.subarray(range.start, range.start + range.bytes)
    expect(Buffer.concat(received).equals(expected)).toBe(true)
  },
)

test('a file that ends early fails after the bytes that it had', async () => {
  const range = { start: 0, bytes: 11 * bufferBytes }
  let received = 0
  const reading = async (): Promise<void> => {
    const { pieces } = fileRange(await aFile(), range, new BufferPool({ bufferBytes }))
    for await (const piece of pieces) received += piece.length
  }
  await expect(reading()).rejects.toMatchObject({ code: 'CONTENT_CHANGED' })
  expect(received).toBe(bytes.length)
})

test('stopping in the middle releases both buffers', async () => {
  const pool = new BufferPool({ bufferBytes })
  const used = new Set<ArrayBuffer>()
  for (let time = 0; time < 3; time += 1)
    for await (const piece of fileRange(await aFile(), { start: 0, bytes: 5000 }, pool).pieces) {
      used.add(piece.buffer as ArrayBuffer)
      if (used.size === 2) break
    }
  expect(used.size).toBe(2)
})

test('a read without room in its account uses small buffers, counts them, and returns the same bytes', async () => {
  const pool = new BufferPool({ bufferBytes, crowdedBytes: 10 })
  // Room for one of its two buffers.
  const options = { bytesMax: 2 * bufferBytes, hardBytesMax: 4 * bufferBytes, ownBytes: 0 }
  const budget = new ByteBudget(options, { clock: new FakeClock() })
  const account = budget.open('h', { stalledMs: () => 0, evict: () => {} })
  const sizes = new Set<number>()
  const received: Buffer[] = []
  const { pieces } = fileRange(await aFile(), { start: 0, bytes: 5000 }, pool, account)
  for await (const piece of pieces) {
    sizes.add(piece.length)
    received.push(Buffer.from(piece))
    expect(budget.usedBytes).toBe(bufferBytes + 10)
  }
  expect(sizes).toContain(bufferBytes)
  expect(sizes).toContain(10)
  expect(Buffer.concat(received).equals(bytes.subarray(0, 5000))).toBe(true)
  expect(budget.usedBytes).toBe(0)
})
