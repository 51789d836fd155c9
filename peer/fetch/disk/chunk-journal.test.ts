import { writeSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ChunkSet } from '../../../common/content/chunk-set.ts'
import { aContent } from '../../../common/testing/contents.ts'
import { temporaryFolder } from '../../../common/testing/temp-folder.ts'
import { ChunkJournal, parseJournal, readJournal } from './chunk-journal.ts'

const chunkCount = 5
const { content, chunkList } = aContent(chunkCount * 1024 * 1024 - 1)
const bootId = 'this boot'

/** The bytes of a journal in which `added` were added, in that order, to those of `chunks`. */
async function journalOf(
  added: readonly number[],
  chunks: readonly number[] = [],
): Promise<Buffer> {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'journal')
  const set = new ChunkSet(chunkCount)
  for (const chunk of chunks) set.add(chunk)
  const journal = await ChunkJournal.create(path, content, { chunkList, chunks: set, bootId })
  for (const chunk of added) {
    const { descriptor, position, bytes } = journal.recordOf(chunk)
    writeSync(descriptor, bytes, 0, bytes.length, position)
  }
  await journal.sync()
  await journal.close()
  return await readFile(path)
}

function chunksIn(bytes: Buffer): number[] | undefined {
  const chunks = parseJournal(bytes, content)?.chunks
  return chunks && [...Array(chunkCount).keys()].filter((chunk) => chunks.has(chunk))
}

test('says what was written', async () => {
  const journal = parseJournal(await journalOf([4, 0], [2]), content)
  expect(journal?.bootId).toBe(bootId)
  expect(journal?.chunkList.equals(chunkList)).toBe(true)
  expect(chunksIn(await journalOf([4, 0], [2]))).toEqual([0, 2, 4])
})

/**
 * A crash leaves any part of what was being written: the journal then says at most what it said
 * before, or is none; it never names a chunk that was not verified.
 */
test('a journal that was cut off at any byte names no chunk that is not there', async () => {
  const added = [3, 1, 4, 0]
  const whole = await journalOf(added)
  const headBytes = whole.length - 8 * added.length
  for (let cut = 0; cut <= whole.length; cut += cut < headBytes - 40 && cut > 300 ? 7 : 1) {
    const whatIsLeft = chunksIn(whole.subarray(0, cut))
    const count = Math.floor((cut - headBytes) / 8)
    const expected = cut < headBytes ? undefined : added.slice(0, count).toSorted((a, b) => a - b)
    expect(whatIsLeft, `cut at ${cut}`).toEqual(expected)
  }
})

test('a place that stays empty, as that of a bad chunk does, names none', async () => {
  const whole = await journalOf([3, 1])
  whole.fill(0, whole.length - 16, whole.length - 8)
  expect(chunksIn(whole)).toEqual([1])
})

test('records that reached the disk in part, in any order, are skipped', async () => {
  const added = [3, 1, 4, 0]
  const whole = await journalOf(added)
  const headBytes = whole.length - 8 * added.length
  const bits = fc.uniqueArray(fc.nat(32 * 8 - 1), { maxLength: 20 })
  fc.assert(
    fc.property(bits, (flipped) => {
      const torn = Buffer.from(whole)
      for (const bit of flipped) {
        const at = headBytes + (bit >> 3)
        torn[at] = (torn[at] ?? 0) ^ (1 << (bit & 7))
      }
      const touched = new Set(flipped.map((bit) => added[bit >> 6]))
      const expected = added.filter((chunk) => !touched.has(chunk)).toSorted((a, b) => a - b)
      expect(chunksIn(torn)).toEqual(expected)
    }),
  )
})

test('zeros that a power cut left are no records', async () => {
  const whole = await journalOf([3])
  expect(chunksIn(Buffer.concat([whole, Buffer.alloc(800)]))).toEqual([3])
})

test.each<[string, (bytes: Buffer) => Buffer]>([
  ['empty', () => Buffer.alloc(0)],
  ['of zeros', (bytes) => Buffer.alloc(bytes.length)],
  [
    'of another chunk list',
    (bytes) => Buffer.from(bytes.map((byte, i) => (i === 300 ? ~byte : byte))),
  ],
  ['of something else', () => Buffer.from('null\n')],
])('a journal %s is none', async (_, change) => {
  expect(parseJournal(change(await journalOf([1])), content)).toBeUndefined()
})

test('a journal of another content is none', async () => {
  const { content: other } = aContent(content.size, 'other')
  expect(parseJournal(await journalOf([1]), other)).toBeUndefined()
})

test('a journal that is not there is none', async () => {
  await using folder = await temporaryFolder()
  expect(await readJournal(join(folder.path, 'none'), content)).toBeUndefined()
  await writeFile(join(folder.path, 'some'), await journalOf([1]))
  expect(await readJournal(join(folder.path, 'some'), content)).toBeDefined()
})
