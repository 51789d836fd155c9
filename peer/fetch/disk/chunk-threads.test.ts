import { hash } from 'node:crypto'
import { constants } from 'node:fs'
import { open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { temporaryFolder } from '../../../common/testing/temp-folder.ts'
import { workAtOnce } from '../testing/work-at-once.ts'
import { ChunkThreads, type ChunkWorkers, chunkThreadsMax } from './chunk-threads.ts'
import { sharedBuffer } from './shared-buffer.ts'

const text = 'a chunk'
const sha256 = hash('sha256', text, 'buffer')

function threads(): ChunkThreads {
  const started = new ChunkThreads()
  onTestFinished(async () => await started[Symbol.asyncDispose]())
  return started
}

async function aPath(): Promise<string> {
  const folder = await temporaryFolder()
  onTestFinished(async () => await folder[Symbol.asyncDispose]())
  return join(folder.path, 'file')
}

/** Text in memory that threads share. */
function sharedText(text: string): Buffer {
  const buffer = sharedBuffer(text.length)
  buffer.write(text)
  return buffer
}

describe.each<[string, () => ChunkWorkers]>([
  ['threads', threads],
  ['the stand-in for tests', workAtOnce],
])('%s:', (_, start) => {
  const chunkFor = (descriptor: number) => ({
    chunk: sharedText(text),
    sha256,
    file: { descriptor, directDescriptor: undefined },
    position: 3,
    record: undefined,
  })

  test('a good chunk is written, a bad one is not', async () => {
    const worker = start().leastBusy()
    await using file = await open(await aPath(), 'w+')
    expect(await worker.check(chunkFor(file.fd))).toBe(true)
    const bad = { ...chunkFor(file.fd), position: 0, chunk: sharedText('bad') }
    expect(await worker.check(bad)).toBe(false)
    expect(await file.readFile('utf8')).toBe(`\0\0\0${text}`)
  })

  test('whole blocks are written past the page cache where that can be, and the rest through it', async () => {
    const worker = start().leastBusy()
    const path = await aPath()
    await using file = await open(path, 'w+')
    const direct = await open(path, constants.O_WRONLY | constants.O_DIRECT).catch(() => undefined)
    await using _closing = direct
    const chunk = sharedText('chunk'.repeat(3_000))
    const both = { descriptor: file.fd, directDescriptor: direct?.fd }
    const sha256 = hash('sha256', chunk, 'buffer')
    expect(
      await worker.check({ ...chunkFor(file.fd), chunk, sha256, file: both, position: 4096 }),
    ).toBe(true)
    expect((await readFile(path)).subarray(4096).equals(chunk)).toBe(true)
    // Where nothing can be written past the cache, as at such a position.
    expect(
      await worker.check({ ...chunkFor(file.fd), chunk, sha256, file: both, position: 1 }),
    ).toBe(true)
    expect((await readFile(path)).subarray(1, 1 + chunk.length).equals(chunk)).toBe(true)
  })

  test('an error of the disk keeps its code', async () => {
    const worker = start().leastBusy()
    const path = await aPath()
    await writeFile(path, '')
    await using file = await open(path, 'r')
    const checking = worker.check(chunkFor(file.fd))
    await expect(checking).rejects.toMatchObject({ code: 'EBADF' })
    const hashing = worker.hashOn({ path: `${path}/below`, start: 0, bytes: 1 })
    await expect(hashing).rejects.toMatchObject({ code: 'ENOTDIR' })
  })

  test('a file is hashed from memory and from disk in turns', async () => {
    const worker = start().leastBusy()
    const path = await aPath()
    await writeFile(path, `${text}, read back, ${text}`)
    await worker.hashPieces({ path, pieces: [sharedText(text)] })
    await worker.hashOn({ path, start: text.length, bytes: 13 })
    await worker.hashPieces({ path, pieces: [sharedText('a '), sharedText('chunk')] })
    expect(await worker.endHash(path)).toBe(hash('sha256', await readFile(path)))
  })

  test('a file is hashed part by part, and afterwards from its front again', async () => {
    const worker = start().leastBusy()
    const path = await aPath()
    await writeFile(path, Buffer.alloc(1 << 20, 'something '))
    const expected = hash('sha256', await readFile(path))
    for (let time = 1; time <= 2; time += 1) {
      await worker.hashOn({ path, start: 0, bytes: 1000 })
      await worker.hashOn({ path, start: 1000, bytes: (1 << 20) - 1000 })
      expect(await worker.endHash(path)).toBe(expected)
    }
  })

  test('a file that ends early is an error', async () => {
    const worker = start().leastBusy()
    const path = await aPath()
    await writeFile(path, 'short')
    await expect(worker.hashOn({ path, start: 0, bytes: 6 })).rejects.toThrow('shorter')
  })
})

test('there are only so many threads, and the one with the least to do is taken', async () => {
  const workers = threads()
  const path = await aPath()
  await writeFile(path, 'x')
  const part = { path, start: 0, bytes: 1 }
  const work: Promise<void>[] = []
  const used = new Set()
  for (let asked = 0; asked < 3 * chunkThreadsMax; asked += 1) {
    const worker = workers.leastBusy()
    used.add(worker)
    work.push(worker.hashOn(part))
  }
  expect(used.size).toBe(chunkThreadsMax)
  await Promise.all(work)
})

test('what threads have not done when they are stopped fails, and others start', async () => {
  const workers = threads()
  const path = await aPath()
  await writeFile(path, 'x')
  const part = { path, start: 0, bytes: 1 }
  const worker = workers.leastBusy()
  const unfinished = expect(worker.hashOn(part)).rejects.toThrow('ended')
  await workers[Symbol.asyncDispose]()
  await unfinished
  // A fetch that was hashing with it fails, too.
  await expect(worker.hashOn(part)).rejects.toThrow('ended')
  await workers.leastBusy().hashOn(part)
})
