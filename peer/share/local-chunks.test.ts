import assert from 'node:assert/strict'
import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import SQLite from 'better-sqlite3'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chunkCountFor, hashBytes } from '../../common/content/chunks.ts'
import { hashFile } from '../../common/content/hash.ts'
import { limits } from '../../common/limits.ts'
import { seededRandom } from '../../common/random.ts'
import { aContent } from '../../common/testing/contents.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { Catalog } from './catalog.ts'
import { catalogMigrations } from './catalog-migrations.ts'
import { listsPerChunkMax } from './chunk-lists.ts'
import { Folders } from './folders.ts'
import { LocalChunks } from './local-chunks.ts'

const mebibyte = limits.chunkBytesMin
const never = new AbortController().signal

/** A catalog without files, and the chunks that it knows. */
class CatalogWorld implements AsyncDisposable {
  readonly folders: Folders
  readonly #temporary: AsyncDisposable
  catalog: Catalog
  readonly rechecked: string[] = []

  private constructor(temporary: { path: string } & AsyncDisposable) {
    this.#temporary = temporary
    this.folders = new Folders(temporary.path)
    this.catalog = new Catalog(this.folders, { random: seededRandom('1') })
  }

  static async create(): Promise<CatalogWorld> {
    const temporary = await temporaryFolder()
    await mkdir(dirname(new Folders(temporary.path).catalog))
    return new CatalogWorld(temporary)
  }

  get localChunks(): LocalChunks {
    return new LocalChunks({ catalog: this.catalog, recheck: (path) => this.rechecked.push(path) })
  }

  /** A shared file of whole chunks with these hashes; its own is its name's. */
  put(name: string, hashes: readonly Buffer[], size = hashes.length * mebibyte): string {
    const sha256 = hashes.length === 1 ? hexOf(hashes[0]) : hexOf(hashNumber(name.length, name))
    const content = { sha256, size, chunkRoot: sha256 }
    const at = this.folders.place({ kind: 'shared', name })
    this.catalog.put({ at, content, stat: { size, mtimeNs: 1n, ino: 1n } }, Buffer.concat(hashes))
    return sha256
  }

  drop(name: string): void {
    this.catalog.drop({ kind: 'shared', name })
  }

  /** The places of all chunks with these hashes. */
  async find(hashes: readonly Buffer[]) {
    const chunks = hashes.map((_, chunk) => chunk)
    return await this.localChunks.find(Buffer.concat(hashes), chunks, never)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.catalog[Symbol.dispose]()
    await this.#temporary[Symbol.asyncDispose]()
  }
}

function hashNumber(number: number, salt = ''): Buffer {
  const hash = Buffer.alloc(hashBytes, salt.padEnd(1, '.'))
  hash.writeUInt32BE(number)
  return hash
}

function hexOf(hash: Buffer | undefined): string {
  return hash?.toString('hex') ?? ''
}

const [a, b, c, d] = [1, 2, 3, 4].map((number) => hashNumber(number)) as [
  Buffer,
  Buffer,
  Buffer,
  Buffer,
]

test('chunks are found in any file that has them, wherever they are in it', async () => {
  await using world = await CatalogWorld.create()
  const [first, second] = [world.put('first', [a, b]), world.put('second', [c, c, b])]
  const places = await world.find([d, b, a, c])
  expect(places.get(0)).toBeUndefined()
  // The newest list comes first.
  expect(places.get(1)).toEqual({ sha256: second, position: 2 * mebibyte })
  expect(places.get(2)).toEqual({ sha256: first, position: 0 })
  expect(places.get(3)?.sha256).toBe(second)
})

test('a file of one chunk is that chunk', async () => {
  await using world = await CatalogWorld.create()
  const sha256 = world.put('small', [a], 1000)
  expect(await world.find([b, a])).toEqual(new Map([[1, { sha256, position: 0 }]]))
})

test('a chunk is no longer found when the last file of its content is gone', async () => {
  await using world = await CatalogWorld.create()
  world.put('first', [a, b])
  world.put('other', [b, c])
  const first = world.catalog.get({ kind: 'shared', name: 'first' })
  assert(first !== undefined)
  const at = world.folders.place({ kind: 'shared', name: 'again' })
  world.catalog.put({ ...first, at }, Buffer.concat([a, b]))
  world.drop('first')
  expect((await world.find([a, b, c])).size).toBe(3)
  world.drop('again')
  expect([...(await world.find([a, b, c])).keys()]).toEqual([1, 2])
  // Not even in the table.
  world.drop('other')
  expect(world.catalog.chunkLists.with(b)).toEqual([])
})

test('a chunk of very many files is searched in few of them', async () => {
  await using world = await CatalogWorld.create()
  for (let file = 0; file < 2 * listsPerChunkMax; file += 1)
    world.put(`zeros ${file}${'.'.repeat(file)}`, [a, a, hashNumber(100 + file)])
  expect(world.catalog.chunkLists.with(a)).toHaveLength(listsPerChunkMax)
  expect((await world.find([a, a])).size).toBe(2)
})

test('only hashes that are equal as a whole count, and lists that fit their content', async () => {
  await using world = await CatalogWorld.create()
  const almost = Buffer.from(a)
  almost[hashBytes - 1] = 1
  world.put('almost', [almost, b])
  world.put('wrong', [a, c], 10 * mebibyte)
  expect((await world.find([a, c])).size).toBe(0)
})

test('every chunk is found that a file has, and no other, whatever the files are', async () => {
  const list = fc.array(fc.nat(12), { minLength: 2, maxLength: 6 })
  const property = fc.asyncProperty(
    fc.array(list, { maxLength: 5 }),
    fc.array(fc.nat(5)),
    list,
    async (files, dropped, wanted) => {
      await using world = await CatalogWorld.create()
      const kept = new Map(files.map((numbers, file) => [`${'f'.repeat(file + 1)}`, numbers]))
      for (const [name, numbers] of kept)
        world.put(
          name,
          numbers.map((number) => hashNumber(number)),
        )
      for (const file of dropped) {
        world.drop('f'.repeat(file + 1))
        kept.delete('f'.repeat(file + 1))
      }
      const places = await world.find(wanted.map((number) => hashNumber(number)))
      const known = new Map(
        [...kept].map(([name, numbers]) => [hexOf(hashNumber(name.length, name)), numbers]),
      )
      for (const [chunk, number] of wanted.entries()) {
        const place = places.get(chunk)
        const isKnown = [...kept.values()].some((numbers) => numbers.includes(number))
        const found = place && known.get(place.sha256)?.[place.position / mebibyte]
        expect(found).toBe(isKnown ? number : undefined)
      }
    },
  )
  await fc.assert(property, { numRuns: 50 })
})

test('an unchanged file is opened; one that changed, or is gone, is rechecked', async () => {
  await using world = await CatalogWorld.create()
  const { bytes } = aContent(2 * mebibyte)
  const at = world.folders.place({ kind: 'shared', name: 'file' })
  await mkdir(at.root)
  await writeFile(at.path, bytes)
  const { content, chunkList, stat } = await hashFile(at.path)
  world.catalog.put({ at, content, stat }, chunkList)
  const opened = await world.localChunks.open(content.sha256)
  expect(opened?.descriptor).toBeGreaterThan(0)
  opened?.onMismatch()
  await opened?.[Symbol.asyncDispose]()
  expect(world.rechecked).toEqual([at.path])
  await appendFile(at.path, 'more')
  expect(await world.localChunks.open(content.sha256)).toBeUndefined()
  expect(world.rechecked).toEqual([at.path, at.path])
  expect(await world.localChunks.open('0'.repeat(64))).toBeUndefined()
})

test('an aborted search ends', async () => {
  await using world = await CatalogWorld.create()
  const signal = AbortSignal.abort(new Error('stop'))
  await expect(world.localChunks.find(a, [0], signal)).rejects.toThrow('stop')
})

test('the chunks of an older catalog are found', async () => {
  await using temporary = await temporaryFolder()
  const folders = new Folders(temporary.path)
  await folders.create()
  const database = new SQLite(folders.catalog)
  const before = catalogMigrations.findIndex((migration) => typeof migration === 'function')
  for (const sql of catalogMigrations.slice(0, before)) database.exec(String(sql))
  const size = 2 * mebibyte
  expect(chunkCountFor(size)).toBe(2)
  database.exec(`
    PRAGMA user_version = ${before};
    INSERT INTO catalog VALUES ('before', 3, 0);
    INSERT INTO entries (seq, kind, name, owner, disk_name, size, mtime_ns, inode, sha256, chunk_root)
      VALUES (3, 'shared', 'a', '', 'a', ${size}, 1, 5, 'content', 'root');
    INSERT INTO chunk_lists VALUES ('content', x'${hexOf(a)}${hexOf(b)}');
  `)
  database.close()
  using catalog = new Catalog(folders, { random: seededRandom('catalog') })
  expect(catalog.chunkList('content')).toEqual(Buffer.concat([a, b]))
  const places = await new LocalChunks({ catalog, recheck: () => {} }).find(b, [0], never)
  expect(places.get(0)).toEqual({ sha256: 'content', position: mebibyte })
})
