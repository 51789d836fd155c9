import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { hashFile } from '../common/content/hash.ts'
import { limits } from '../common/limits.ts'
import { seededRandom } from '../common/random.ts'
import { aContent, contentOf, type TestContent } from '../common/testing/contents.ts'
import { temporaryFolder } from '../common/testing/temp-folder.ts'
import { aSwarm } from './fetch/testing/swarm.ts'
import { Catalog } from './share/catalog.ts'
import { Folders } from './share/folders.ts'
import { LocalChunks } from './share/local-chunks.ts'

const mebibyte = limits.chunkBytesMin
const old = aContent(4 * mebibyte + 1000)

/** A peer that has this file, and fetches others. */
async function aHolderOf({ bytes }: TestContent) {
  const temporary = await temporaryFolder()
  onTestFinished(async () => await temporary[Symbol.asyncDispose]())
  const folders = new Folders(temporary.path)
  await mkdir(dirname(folders.catalog))
  const catalog = new Catalog(folders, { random: seededRandom('1') })
  onTestFinished(() => catalog[Symbol.dispose]())
  const at = folders.place({ kind: 'shared', name: 'file' })
  await mkdir(at.root)
  await writeFile(at.path, bytes)
  const { content, chunkList, stat } = await hashFile(at.path)
  catalog.put({ at, content, stat }, chunkList)
  const swarm = await aSwarm({ localChunks: new LocalChunks({ catalog, recheck: () => {} }) })
  /** Fetches a file; returns the chunks that were requested. */
  const fetch = async (edited: TestContent): Promise<readonly number[]> => {
    const source = await swarm.source({ peerId: 'p1', content: edited })
    await using fetched = await swarm.fetch(edited, [source], { hashesWhole: true })
    expect((await readFile(fetched.partialPath)).equals(edited.bytes)).toBe(true)
    return source.asked.toSorted((one, other) => one - other)
  }
  return { fetch, path: at.path }
}

/** Any change that people make to a file. */
type Edit = (bytes: Buffer) => Buffer

const append: Edit = (bytes) => Buffer.concat([bytes, Buffer.from('appended ')])
const overwrite =
  (position: number, text = 'changed'): Edit =>
  (bytes) => {
    const edited = Buffer.from(bytes)
    edited.write(text, position)
    return edited
  }
const truncate =
  (size: number): Edit =>
  (bytes) =>
    bytes.subarray(0, size)
const insert =
  (position: number): Edit =>
  (bytes) =>
    Buffer.concat([bytes.subarray(0, position), Buffer.from('new'), bytes.subarray(position)])

test.each([
  { what: 'appended to', edit: append, chunks: [4] },
  { what: 'changed in one chunk', edit: overwrite(2 * mebibyte + 7), chunks: [2] },
  { what: 'changed across two chunks', edit: overwrite(2 * mebibyte - 3), chunks: [1, 2] },
  { what: 'truncated', edit: truncate(2 * mebibyte + 7), chunks: [2] },
  { what: 'truncated between two chunks', edit: truncate(3 * mebibyte), chunks: [] },
  // Chunks have fixed places: all that is behind an insertion is new.
  { what: 'longer in the middle', edit: insert(3 * mebibyte), chunks: [3, 4] },
  { what: 'longer at the front', edit: insert(0), chunks: [0, 1, 2, 3, 4] },
])('of a file that was $what, only chunks $chunks are fetched', async ({ edit, chunks }) => {
  const holder = await aHolderOf(old)
  expect(await holder.fetch(contentOf(edit(old.bytes)))).toEqual(chunks)
  expect((await readFile(holder.path)).equals(old.bytes)).toBe(true)
})

test('after any edits, exactly the chunks are fetched that differ from all old ones', async () => {
  const position = fc.nat(5 * mebibyte)
  const edit = fc.oneof(
    fc.constant(append),
    position.map(
      (at): Edit =>
        (bytes) =>
          overwrite(at % bytes.length, 'x'.repeat(1 + (at % 100)))(bytes),
    ),
    // Not to a single chunk: such files are copied only as a whole.
    position.map((at) => truncate(mebibyte + 1 + at)),
    position.map((at) => insert(at)),
    // Whole chunks change their places.
    position.map(
      (at): Edit =>
        (bytes) => {
          const cut = mebibyte * Math.floor(at / mebibyte)
          return Buffer.concat([bytes.subarray(cut), bytes.subarray(0, cut)])
        },
    ),
  )
  const property = fc.asyncProperty(fc.array(edit, { maxLength: 3 }), async (edits) => {
    const holder = await aHolderOf(old)
    const edited = contentOf(Buffer.from(edits.reduce((bytes, one) => one(bytes), old.bytes)))
    const hashesOf = ({ chunkList }: TestContent): string[] =>
      chunkList.toString('hex').match(/.{64}/g) ?? []
    const known = new Set(hashesOf(old))
    const isNew = (hash: string): boolean => !known.has(hash)
    const changed = hashesOf(edited).flatMap((hash, chunk) => (isNew(hash) ? chunk : []))
    expect(await holder.fetch(edited)).toEqual(changed)
  })
  await fc.assert(property, { numRuns: 12 })
})
