import { hash } from 'node:crypto'
import { constants } from 'node:fs'
import { link, open, readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { aContent, chunkOf } from '../../../common/testing/contents.ts'
import { temporaryFolder } from '../../../common/testing/temp-folder.ts'
import { ChunkThreads } from './chunk-threads.ts'
import { directWriteBytesMin, PartialFile } from './partial-file.ts'
import { sharedBuffer } from './shared-buffer.ts'

const mebibyte = 2 ** 20

async function aPath(): Promise<string> {
  const folder = await temporaryFolder()
  onTestFinished(async () => await folder[Symbol.asyncDispose]())
  return join(folder.path, 'partial')
}

/** A file for a content of this size whose hashes no test reads. */
async function openFile(path: string, size: number): Promise<PartialFile> {
  const workers = new ChunkThreads()
  onTestFinished(async () => await workers[Symbol.asyncDispose]())
  const content = { sha256: '00'.repeat(32), size, chunkRoot: '00'.repeat(32) }
  return await PartialFile.open({ path, content, bootId: 'boot', isJournalled: false }, { workers })
}

function filled(bytes: number, text: string): Buffer {
  return sharedBuffer(bytes).fill(text)
}

/** Whether this process has the file open for writing past the page cache. */
async function isOpenDirectly(path: string): Promise<boolean> {
  for (const descriptor of await readdir('/proc/self/fd')) {
    if ((await readlink(`/proc/self/fd/${descriptor}`).catch(() => '')) !== path) continue
    const [, flags = '0'] = /flags:\s*(\d+)/.exec(
      await readFile(`/proc/self/fdinfo/${descriptor}`, 'utf8'),
    ) as unknown as string[]
    if ((Number.parseInt(flags, 8) & constants.O_DIRECT) !== 0) return true
  }
  return false
}

test('every part of a large content is where it belongs, its last blocks, too', async () => {
  const path = await aPath()
  await using file = await openFile(path, directWriteBytesMin + 4096 + 5)
  const last = directWriteBytesMin / mebibyte
  const chunks = [
    { chunk: last, bytes: filled(4096 + 5, 'last') },
    { chunk: 1, bytes: filled(mebibyte, 'first') },
  ]
  for (const { chunk, bytes } of chunks)
    expect(await file.put(chunk, bytes, hash('sha256', bytes, 'buffer'))).toEqual({ isGood: true })
  await using written = await open(path)
  for (const { chunk, bytes } of chunks) {
    const there = Buffer.alloc(bytes.length)
    await written.read(there, 0, there.length, chunk * mebibyte)
    expect(there.equals(bytes)).toBe(true)
  }
  expect((await written.stat()).size).toBe(directWriteBytesMin + 4096 + 5)
})

test.runIf(process.platform === 'linux')(
  'only large contents are written past the page cache',
  async ({ skip }) => {
    const path = await aPath()
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_DIRECT
    const probe = await open(`${path}.probe`, flags).catch(() => undefined)
    await using _closing = probe
    if (probe === undefined) return skip('the file system cannot do that')
    await using _large = await openFile(path, directWriteBytesMin)
    expect(await isOpenDirectly(path)).toBe(true)
    await using _small = await openFile(`${path}2`, directWriteBytesMin - 1)
    expect(await isOpenDirectly(`${path}2`)).toBe(false)
  },
)

test('each verified chunk uses reserved room once, and wakes those who wait for chunks', async () => {
  await using file = await openFile(await aPath(), mebibyte + 5)
  const usedBytes: number[] = []
  file.writeInto({ onWritten: (bytes) => void usedBytes.push(bytes) })
  const bytes = filled(5, 'last')
  const good = hash('sha256', bytes, 'buffer')
  const stop = new AbortController()
  let isWoken = false
  const woken = file.changes.next(stop.signal).then(() => {
    isWoken = !stop.signal.aborted
  })
  await file.put(1, bytes, hash('sha256', 'other', 'buffer'))
  expect([usedBytes, isWoken, file.verifiedBytes]).toEqual([[], false, 0])
  await file.put(1, bytes, good)
  await file.put(1, bytes, good)
  stop.abort()
  await woken
  expect([usedBytes, isWoken, file.verifiedBytes]).toEqual([[5], true, 5])
})

test('a file that a killed process has placed already is resumed as a copy', async () => {
  const path = await aPath()
  const { bytes, content, chunkList } = aContent(2 * mebibyte + 5)
  await using workers = new ChunkThreads()
  const options = { path, content, bootId: 'boot', isJournalled: true }
  const put = async (file: PartialFile, chunk: number): Promise<void> => {
    const part = sharedBuffer(chunkOf(bytes, chunk).length)
    part.set(chunkOf(bytes, chunk))
    await file.put(chunk, part, hash('sha256', part, 'buffer'))
  }
  {
    await using file = await PartialFile.open(options, { workers })
    await file.begin(chunkList)
    await put(file, 0)
    file.keep()
  }
  const placed = `${path}.placed`
  await link(path, placed)
  {
    await using edited = await open(placed, 'r+')
    await edited.write('edited', 0)
  }
  const before = await readFile(placed)
  await using file = await PartialFile.open(options, { workers })
  expect(file.verifiedBytes).toBe(mebibyte)
  await put(file, 1)
  expect((await readFile(placed)).equals(before)).toBe(true)
})
