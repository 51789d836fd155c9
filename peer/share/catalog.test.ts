import { createHash } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import SQLite from 'better-sqlite3'
import fc from 'fast-check'
import { Compile } from 'typebox/compile'
import { expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import { type Change, type CopyKey, messages } from '../../common/protocol/messages.ts'
import { seededRandom } from '../../common/random.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { Catalog, localCopiesMax } from './catalog.ts'
import { catalogMigrations } from './catalog-migrations.ts'
import type { Entry } from './entry.ts'
import { Folders } from './folders.ts'

/** A catalog that can be closed and opened again. */
class CatalogFixture implements AsyncDisposable {
  readonly folders: Folders
  readonly #temporary: AsyncDisposable
  #catalog: Catalog
  #opened = 1

  private constructor(temporary: { path: string } & AsyncDisposable) {
    this.#temporary = temporary
    this.folders = new Folders(temporary.path)
    this.#catalog = new Catalog(this.folders, { random: seededRandom('1') })
  }

  static async create(): Promise<CatalogFixture> {
    const temporary = await temporaryFolder()
    await mkdir(dirname(new Folders(temporary.path).catalog))
    return new CatalogFixture(temporary)
  }

  get catalog(): Catalog {
    return this.#catalog
  }

  reopen(): void {
    this.#catalog[Symbol.dispose]()
    this.#catalog = new Catalog(this.folders, { random: seededRandom(`${++this.#opened}`) })
  }

  put(key: CopyKey, text: string): Entry {
    const digest = createHash('sha256').update(text).digest()
    const sha256 = digest.toString('hex')
    const content = { sha256, size: text.length, chunkRoot: sha256 }
    // Beyond what a double can say, and beyond what a signed integer can.
    const stat = { size: text.length, mtimeNs: 1_767_225_600_123_456_789n, ino: 2n ** 64n - 3n }
    return this.#catalog.put({ at: this.folders.place(key), stat, content }, digest)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#catalog[Symbol.dispose]()
    await this.#temporary[Symbol.asyncDispose]()
  }
}

const a = { kind: 'shared', name: 'a.txt' } as const
const b = { kind: 'replicated', owner: 'peer2', name: 'b.txt' } as const

test('entries survive a restart, to the nanosecond', async () => {
  await using fixture = await CatalogFixture.create()
  const entry = fixture.put(a, 'a')
  fixture.reopen()
  expect(fixture.catalog.get(a)).toEqual(entry)
  expect(fixture.catalog.totals().shared).toEqual({ count: 1, bytes: 1 })
})

test('change numbers continue, and each key is listed once, in its present state', async () => {
  await using fixture = await CatalogFixture.create()
  const before = fixture.catalog.lastSeq
  fixture.put(a, '1')
  fixture.put(b, 'b')
  const { seq } = fixture.put(a, '22')
  fixture.catalog.drop(b)
  fixture.catalog.drop(b)

  expect(fixture.catalog.changesSince(before, 10)).toMatchObject([
    { op: 'put', seq, ...a, size: 2, modifiedMs: 1_767_225_600_123 },
    { op: 'drop', seq: seq + 1, ...b },
  ])
  expect(fixture.catalog.changesSince(before, 1)).toHaveLength(1)
  expect(fixture.catalog.changesSince(seq + 1, 10)).toEqual([])
  expect(fixture.catalog.lastSeq).toBe(seq + 1)
})

test('each start has its own epoch, and tells which one it continues and from where', async () => {
  await using fixture = await CatalogFixture.create()
  const { epoch, continues } = fixture.catalog
  expect(epoch).toMatch(/^[0-9a-f]{16}$/)
  expect(continues).toBeUndefined()
  fixture.put(a, 'a')
  const { lastSeq } = fixture.catalog
  fixture.reopen()
  expect(fixture.catalog.continues).toEqual({ epoch, lastSeq })
  expect(fixture.catalog.epoch).not.toBe(epoch)
  expect(fixture.catalog.lastSeq).toBe(lastSeq)
})

test('a file is found by name and content, however many files have the content', async () => {
  await using fixture = await CatalogFixture.create()
  for (let i = 0; i < 3 * localCopiesMax; i++)
    fixture.put({ kind: 'shared', name: `${i}/__init__.py` }, '')
  const { sha256 } = fixture.put(b, 'b').content
  const empty = fixture.put(a, '').content
  for (let i = 0; i < 3 * localCopiesMax; i++)
    expect(fixture.catalog.holds(`${i}/__init__.py`, empty.sha256)).toBe(true)
  expect(fixture.catalog.holds('b.txt', sha256)).toBe(true)
  expect(fixture.catalog.holds('b.txt', empty.sha256)).toBe(false)
  expect(fixture.catalog.holds('c.txt', sha256)).toBe(false)
})

test('a put of the same content is no change', async () => {
  await using fixture = await CatalogFixture.create()
  const first = fixture.put(a, 'a')
  let told = 0
  fixture.catalog.onChange(() => told++)
  expect(fixture.put(a, 'a')).toEqual(first)
  expect(told).toBe(0)
})

test('drops are forgotten when the index has them; an index with fewer changes needs everything', async () => {
  await using fixture = await CatalogFixture.create()
  const { catalog } = fixture
  fixture.put(a, 'a')
  const start = catalog.lastSeq
  fixture.put(b, 'b')
  catalog.drop(a)
  const dropSeq = catalog.lastSeq
  catalog.drop(b)
  expect(catalog.canResumeFrom(start)).toBe(true)

  catalog.seenByIndex(dropSeq)
  expect(catalog.changesSince(start, 10)).toMatchObject([{ op: 'drop', ...b }])
  expect(catalog.canResumeFrom(start)).toBe(false)
  expect(catalog.canResumeFrom(dropSeq)).toBe(true)
  expect(catalog.canResumeFrom(catalog.lastSeq)).toBe(true)
  expect(catalog.canResumeFrom(catalog.lastSeq + 1)).toBe(false)
  expect(catalog.canResumeFrom(0)).toBe(false)
})

test('a group is one transaction with one notification, or none', async () => {
  await using fixture = await CatalogFixture.create()
  const { catalog } = fixture
  let told = 0
  const cancel = catalog.onChange(() => told++)
  catalog.group(() => {
    fixture.put(a, 'a')
    fixture.put(b, 'b')
  })
  expect(told).toBe(1)

  const failing = (): void =>
    catalog.group(() => {
      catalog.drop(a)
      throw new Error('half-way')
    })
  expect(failing).toThrow('half-way')
  expect(catalog.get(a)).toBeDefined()
  expect(catalog.totals().shared.count).toBe(1)
  expect(told).toBe(1)

  cancel()
  catalog.drop(a)
  expect(told).toBe(1)
})

test('unsharing is a change that lasts until the name is put again', async () => {
  await using fixture = await CatalogFixture.create()
  fixture.put(a, 'a')
  fixture.catalog.unshare(a.name)
  fixture.reopen()
  expect(fixture.catalog.get(a)).toBeUndefined()
  expect(fixture.catalog.isUnshared(a.name)).toBe(true)
  fixture.catalog.seenByIndex(fixture.catalog.lastSeq)
  const changes = (): unknown[] => fixture.catalog.changesSince(0, 9)
  expect(changes()).toMatchObject([{ op: 'unshare', name: a.name }])
  fixture.put(a, 'a')
  expect(fixture.catalog.isUnshared(a.name)).toBe(false)
  expect(changes()).toMatchObject([{ op: 'put', name: a.name }])
})

/** What an index has that took over changes. */
class Mirror {
  readonly #copies = new Map<string, string>()

  take(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.op === 'unshare' || change.op === 'remove') continue
      const key = JSON.stringify([change.kind, change.owner, change.name])
      if (change.op === 'put') this.#copies.set(key, change.sha256)
      else this.#copies.delete(key)
    }
  }

  sorted(): string[] {
    return [...this.#copies].map((copy) => copy.join(' ')).toSorted()
  }
}

test('a reader that takes the changes since its last one, at any times, has what the catalog has', async () => {
  await using fixture = await CatalogFixture.create()
  const keys: CopyKey[] = [a, b, { ...b, owner: 'peer3' }, { ...a, kind: 'downloaded' }]
  const key = fc.constantFrom(...keys)
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('put' as const),
        key,
        text: fc.string({ maxLength: 2 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('drop' as const), key }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('take' as const),
        limit: fc.integer({ min: 1, max: 4 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
  )
  const takeOver = (mirror: Mirror, seen: number, limit: number): number => {
    const changes = fixture.catalog.changesSince(seen, limit)
    mirror.take(changes)
    return changes.at(-1)?.seq ?? seen
  }
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      for (const each of keys) fixture.catalog.drop(each)
      const mirror = new Mirror()
      let seen = fixture.catalog.lastSeq
      for (const each of steps) {
        if (each.do === 'put') fixture.put(each.key, each.text)
        else if (each.do === 'drop') fixture.catalog.drop(each.key)
        else if (each.do === 'reopen') fixture.reopen()
        else {
          seen = takeOver(mirror, seen, each.limit)
          fixture.catalog.seenByIndex(seen)
        }
      }
      takeOver(mirror, seen, 100)
      const whole = new Mirror()
      takeOver(whole, 0, 1_000)
      expect(mirror.sorted()).toEqual(whole.sorted())
      const totals = Object.values(fixture.catalog.totals())
      expect(whole.sorted()).toHaveLength(totals.reduce((sum, { count }) => sum + count, 0))
    }),
  )
})

/** What a file system may say of a file: Linux has 64 bits of seconds, and inodes up to 2^64 - 1. */
const anyStat = fc.record({
  size: fc.integer({ min: 0, max: limits.contentBytesMax }),
  seconds: fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.bigInt({ min: -20_000_000_000n, max: 20_000_000_000n }),
  ),
  nanoseconds: fc.bigInt({ min: 0n, max: 999_999_999n }),
  ino: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
})

test('any stat of a file system is stored to the last bit, and announced within the bounds of the protocol', async () => {
  await using fixture = await CatalogFixture.create()
  const isAnnounced = Compile(messages.announce.request)
  const { catalog, folders } = fixture
  const sha256 = 'a'.repeat(64)
  fc.assert(
    fc.property(anyStat, ({ size, seconds, nanoseconds, ino }) => {
      const stat = { size, mtimeNs: seconds * 1_000_000_000n + nanoseconds, ino }
      const content = { sha256, size, chunkRoot: sha256 }
      const before = catalog.lastSeq
      catalog.drop(a)
      catalog.put({ at: folders.place(a), stat, content }, Buffer.from(sha256, 'hex'))
      expect(catalog.get(a)?.stat).toEqual(stat)
      const changes = catalog.changesSince(before, 10)
      const announcement = { epoch: '0'.repeat(16), previousSeq: before, lastSeq: catalog.lastSeq }
      expect(isAnnounced.Errors({ ...announcement, changes })).toEqual([])
    }),
  )
})

test('of many changes in one transaction, only the one that the database refuses fails', async () => {
  await using fixture = await CatalogFixture.create()
  const { catalog } = fixture
  fixture.put(a, 'old')
  const names = ['b.txt', 'a.txt', 'c.txt', 'd.txt']
  const apply = (name: string): string => {
    fixture.put({ kind: 'shared', name }, `of ${name}`)
    // Half of a change was made: it is undone.
    if (name === 'a.txt') throw new RangeError('The bound bigint is too big')
    return name
  }
  const outcomes = catalog.groupEach(names, apply)
  expect(outcomes.map((one) => (one instanceof AppError ? one.code : one))).toEqual([
    'b.txt',
    'DISK_FAILED',
    'c.txt',
    'd.txt',
  ])
  expect(catalog.list('shared', 10).map(({ at, content }) => [at.name, content.size])).toEqual([
    ['a.txt', 3],
    ['b.txt', 8],
    ['c.txt', 8],
    ['d.txt', 8],
  ])
  expect(catalog.totals().shared).toEqual({ count: 4, bytes: 27 })
  fixture.reopen()
  expect(fixture.catalog.totals().shared).toEqual({ count: 4, bytes: 27 })
})

test('a catalog whose file is deleted while it is open exists at the next start', async () => {
  await using fixture = await CatalogFixture.create()
  const { catalog: path } = fixture.folders
  const keys = ['a', 'b', 'c'].map((name) => ({ kind: 'shared', name }) as const)
  for (const key of keys.slice(0, 2)) fixture.put(key, 'text')
  fixture.catalog.unshare('b')
  expect(fixture.catalog.keepFile()).toBe(false)
  await rm(dirname(path), { recursive: true })
  expect(fixture.catalog.keepFile()).toBe(true)
  fixture.put(keys[2] as CopyKey, 'later')
  expect(fixture.catalog.keepFile()).toBe(true)
  fixture.reopen()
  expect(keys.map((key) => fixture.catalog.get(key) !== undefined)).toEqual([true, false, true])
  expect(fixture.catalog.isUnshared('b')).toBe(true)
  expect(fixture.catalog.keepFile()).toBe(false)

  await rm(path)
  await writeFile(path, 'of another program')
  expect(fixture.catalog.keepFile()).toBe(true)
  expect(await readFile(path, 'utf8')).toBe('of another program')
})

test('a catalog of the first version with rows of all kinds is migrated', async () => {
  await using temporary = await temporaryFolder()
  const folders = new Folders(temporary.path)
  await folders.create()
  const [first] = catalogMigrations
  const database = new SQLite(folders.catalog)
  const [hash, time] = ['a'.repeat(64), '1700000000000000001']
  database.exec(`
    ${first}
    PRAGMA user_version = 1;
    INSERT INTO catalog VALUES ('before', 10, 2);
    INSERT INTO entries VALUES (3, 'shared', 'a', '', 'a', 1, ${time}, 5, '${hash}', '${hash}');
    INSERT INTO entries VALUES (5, 'replicated', 'a', 'peer1', 'a', 1, ${time}, -6, '${hash}', '${hash}');
    INSERT INTO drops VALUES (7, 'shared', 'b', '');
    INSERT INTO chunk_lists VALUES ('${'c'.repeat(64)}', x'00');
    INSERT INTO unshared VALUES ('not this'), ('nor this');
  `)
  database.close()

  using catalog = new Catalog(folders, { random: seededRandom('catalog') })
  expect(catalog.lastSeq).toBe(12)
  expect(catalog.continues).toBeUndefined()
  expect(catalog.changesSince(0, 10).map(({ op, seq }) => [op, seq])).toEqual([
    ['put', 3],
    ['put', 5],
    ['drop', 7],
    ['unshare', 11],
    ['unshare', 12],
  ])
  const replica = catalog.get({ kind: 'replicated', owner: 'peer1', name: 'a' })
  expect(replica?.stat).toEqual({ size: 1, mtimeNs: BigInt(time), ino: 2n ** 64n - 6n })
  expect(catalog.isUnshared('not this')).toBe(true)
  catalog.drop({ kind: 'shared', name: 'a' })
  catalog.unshare('a')
  expect(catalog.lastSeq).toBe(14)
})

test('an index that has not heard of forgotten removals gets the whole inventory', async () => {
  await using temporary = await temporaryFolder()
  const folders = new Folders(temporary.path)
  await mkdir(dirname(folders.catalog))
  using catalog = new Catalog(folders, { random: seededRandom('1'), removedNamesMax: 2 })
  const digest = createHash('sha256').update('text').digest()
  const sha256 = digest.toString('hex')
  const content = { sha256, size: 4, chunkRoot: sha256 }
  const names = ['1', '2', '3', '4']
  for (const name of names) {
    const stat = { size: 4, mtimeNs: 1n, ino: BigInt(name) }
    catalog.put({ at: folders.place({ kind: 'shared', name }), stat, content }, digest)
  }
  const putSeq = catalog.lastSeq
  for (const name of names) catalog.remove(name, { reason: 'deleted' }, 1)
  const removed = (): number[] => catalog.changesSince(0, 100).map(({ seq }) => seq - putSeq)

  catalog.seenByIndex(putSeq + 1)
  expect(removed()).toEqual([2, 3, 4])
  catalog.seenByIndex(putSeq + 4)
  expect(removed()).toEqual([3, 4])
  expect(catalog.canResumeFrom(putSeq + 1)).toBe(false)
  expect(catalog.canResumeFrom(putSeq + 2)).toBe(true)
})
