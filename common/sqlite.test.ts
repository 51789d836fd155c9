import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openDatabase } from './sqlite.ts'
import { aFile } from './testing/fixtures.ts'
import { temporaryFolder } from './testing/temp-folder.ts'

const first = 'CREATE TABLE files (name TEXT PRIMARY KEY) STRICT'
const second = "ALTER TABLE files ADD COLUMN zone TEXT NOT NULL DEFAULT 'here'"

test('a new database gets all migrations, and keeps what is put in', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'index.db')
  const database = openDatabase(path, { migrations: [first] })
  database.exec("INSERT INTO files VALUES ('a.txt')")
  database.close()
  const again = openDatabase(path, { migrations: [first] })
  expect(again.prepare('SELECT * FROM files').all()).toEqual([{ name: 'a.txt' }])
  again.close()
})

test('an older database gets the migrations that it lacks', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'index.db')
  const older = openDatabase(path, { migrations: [first] })
  older.exec("INSERT INTO files VALUES ('a.txt')")
  older.close()
  const database = openDatabase(path, { migrations: [first, second] })
  expect(database.prepare('SELECT * FROM files').all()).toEqual([{ name: 'a.txt', zone: 'here' }])
  expect(database.pragma('user_version', { simple: true })).toBe(2)
  database.close()
})

test('a migration that fails leaves the database as it was', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'index.db')
  openDatabase(path, { migrations: [first] }).close()
  const broken = `${second}; INSERT INTO nowhere VALUES (1)`
  expect(() => openDatabase(path, { migrations: [first, broken] })).toThrow(
    `The database ${path} cannot be used: no such table: nowhere. Use the version of Tandem that wrote it, or restore a backup.`,
  )
  const database = openDatabase(path, { migrations: [first] })
  expect(database.prepare('SELECT * FROM files').all()).toEqual([])
  database.close()
})

test('a database of a newer version is refused and not touched', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'index.db')
  openDatabase(path, { migrations: [first, second] }).close()
  expect(() => openDatabase(path, { migrations: [first] })).toThrow(
    'it was written by a newer version of Tandem',
  )
  openDatabase(path, { migrations: [first, second] }).close()
})

test('a database that is in use is refused, and free again once that is closed', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'index.db')
  const database = openDatabase(path, { migrations: [first] })
  const second = (): unknown => openDatabase(path, { migrations: [first], busyMs: 1 })
  expect(second).toThrow(`Another process uses the folder ${folder.path}: `)
  database.close()
  openDatabase(path, { migrations: [first] }).close()
})

test('a file that is not a database, a damaged one and a missing folder are refused', async () => {
  await using folder = await temporaryFolder()
  const { path } = await aFile(folder.path, 'garbage.db', { bytes: 100_000 })
  expect(() => openDatabase(path, { migrations: [first] })).toThrow('file is not a database')

  const damaged = join(folder.path, 'damaged.db')
  openDatabase(damaged, { migrations: [first] }).close()
  await writeFile(damaged, Buffer.alloc(5_000, 7), { flag: 'r+' })
  expect(() => openDatabase(damaged, { migrations: [first] })).toThrow('cannot be used')

  const nowhere = join(folder.path, 'nowhere', 'index.db')
  expect(() => openDatabase(nowhere, { migrations: [first] })).toThrow('no such file or directory')
})

test('commits are written ahead and foreign keys hold', async () => {
  await using folder = await temporaryFolder()
  const database = openDatabase(join(folder.path, 'index.db'), { migrations: [first] })
  const pragma = (name: string): unknown => database.pragma(name, { simple: true })
  expect(pragma('journal_mode')).toBe('wal')
  expect(pragma('synchronous')).toBe(1)
  expect(pragma('foreign_keys')).toBe(1)
  database.close()
})
