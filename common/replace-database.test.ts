import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openOrReplace, ReplaceableDatabase } from './replace-database.ts'
import type { Database } from './sqlite.ts'
import { silentLog } from './testing/silent-log.ts'
import { temporaryFolder } from './testing/temp-folder.ts'

const options = {
  migrations: ['create table rows (id integer primary key, text text not null) strict'],
  prepare: (database: Database) => ({
    add: database.prepare<[string]>('insert into rows (text) values (?)'),
    count: database.prepare('select count(text) from rows').pluck(),
  }),
  log: silentLog,
}
type Opened = ReturnType<typeof open>

function open(path: string) {
  return new ReplaceableDatabase(path, options)
}

function add(database: Opened, count: number): void {
  for (let added = 0; added < count; added += 1)
    database.run(({ add: one }) => one.run('x'.repeat(1_000)))
}

function count(database: Opened): unknown {
  return database.run((statements) => statements.count.get())
}

async function aFolder(): Promise<string> {
  const folder = await temporaryFolder()
  onTestFinished(async () => await folder[Symbol.asyncDispose]())
  return folder.path
}

/** Everything from a page on, from 1; the schema is in the first one. */
async function damageFrom(path: string, page: number): Promise<void> {
  const bytes = await readFile(path)
  await writeFile(path, bytes.fill(0xff, 4_096 * (page - 1)))
}

test('damage that only a query finds is replaced by an empty database', async () => {
  const path = join(await aFolder(), 'some.db')
  const before = open(path)
  add(before, 100)
  before[Symbol.dispose]()
  await damageFrom(path, 2)
  using database = open(path)
  expect(count(database)).toBe(0)
  add(database, 3)
  expect(count(database)).toBe(3)
  expect(await readdir(join(path, '..'))).toContain('some.db.damaged')
})

test('what a killed process had not yet written into a damaged database goes with it', async () => {
  const folder = await aFolder()
  const [path, killed] = [join(folder, 'some.db'), join(folder, 'killed.db')]
  using before = open(path)
  add(before, 100)
  before.run((_, database) => database.pragma('wal_checkpoint(TRUNCATE)'))
  add(before, 1)
  for (const suffix of ['', '-wal']) await copyFile(path + suffix, killed + suffix)
  await writeFile(killed, 'this is no database'.repeat(999))
  using database = open(killed)
  expect(count(database)).toBe(0)
  expect(await readdir(folder)).toEqual(
    expect.arrayContaining(['killed.db.damaged', 'killed.db.damaged-wal']),
  )
})

test('other failures replace nothing', async () => {
  const path = join(await aFolder(), 'some.db')
  using database = open(path)
  add(database, 2)
  const fail = (): never => {
    throw new Error('mine')
  }
  expect(() => database.run(fail)).toThrow('mine')
  expect(() => database.run((_, opened) => opened.exec('nonsense'))).toThrow('syntax')
  expect(count(database)).toBe(2)
})

test.each([1, 2])(
  'a process starts with an empty database if page %i of its own is damaged',
  async (page) => {
    const folder = await aFolder()
    const path = join(folder, 'some.db')
    const before = open(path)
    add(before, 100)
    before[Symbol.dispose]()
    await damageFrom(path, page)
    const { migrations, log } = options
    const database = openOrReplace(path, { migrations, log, isRead: true })
    onTestFinished(() => void database.close())
    expect(database.prepare('select count(text) from rows').pluck().get()).toBe(0)
    expect(await readdir(folder)).toContain('some.db.damaged')
  },
)

test('a database of a newer version is not replaced', async () => {
  const path = join(await aFolder(), 'some.db')
  open(path)[Symbol.dispose]()
  expect(() => openOrReplace(path, { migrations: [], log: silentLog, isRead: true })).toThrow(
    'written by a newer version',
  )
})
