import { closeSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import SQLite from 'better-sqlite3'
import { AppError, reasonOf } from './errors.ts'
import { deadlines } from './limits.ts'

export type Database = SQLite.Database

export interface DatabaseOptions {
  readonly migrations: readonly string[]
  /** How long to wait for another process that has the database open. Nothing else runs meanwhile. */
  readonly busyMs?: number
}

/**
 * Opens the database at `path` (`:memory:` for none on disk), creates it if absent, and brings it up
 * to date: migration n, from 1, takes it from version n - 1 to n in a transaction. The database
 * belongs to this connection alone until it is closed or the process ends.
 *
 * A commit survives the end of the process at once, and a power cut after the next checkpoint. What
 * must survive one before it is acknowledged is committed under `PRAGMA synchronous = FULL`.
 * @throws AppError DATA_IN_USE, DATABASE_UNUSABLE
 */
export function openDatabase(path: string, options: DatabaseOptions): Database {
  let database: Database | undefined
  try {
    // By itself SQLite lets nobody but the owner write; the umask says who may.
    if (path !== ':memory:') closeSync(openSync(path, 'a'))
    database = new SQLite(path, { timeout: options.busyMs ?? deadlines.databaseBusyMs })
    // Before the first access: the lock is then taken with it and shared memory is not needed.
    database.pragma('locking_mode = EXCLUSIVE')
    database.pragma('journal_mode = WAL')
    database.pragma('synchronous = NORMAL')
    database.pragma('foreign_keys = ON')
    migrate(database, path, options.migrations)
    return database
  } catch (error) {
    database?.close()
    throw openingError(path, error)
  }
}

function migrate(database: Database, path: string, migrations: readonly string[]): void {
  const version = database.pragma('user_version', { simple: true }) as number
  if (version > migrations.length) {
    const reason = `it was written by a newer version of Tandem (${version}, not ${migrations.length})`
    throw new AppError('DATABASE_UNUSABLE', { path, reason })
  }
  for (const [index, sql] of migrations.entries()) {
    if (index < version) continue
    const step = database.transaction(() => {
      database.exec(sql)
      database.pragma(`user_version = ${index + 1}`)
    })
    step.exclusive()
  }
}

/** What a statement is refused for because of the values it was given. */
const valueFaults = ['SQLITE_CONSTRAINT', 'SQLITE_MISMATCH', 'SQLITE_RANGE', 'SQLITE_TOOBIG']

/**
 * Whether work failed because the database cannot be read or written (full, locked, read-only,
 * damaged): whatever is tried on it now fails too. Values that a statement refuses, and what is
 * wrong in the program, concern the one that did the work.
 */
export function isDatabaseFailure(error: unknown): boolean {
  if (!(error instanceof SQLite.SqliteError)) return false
  return !valueFaults.some((code) => error.code.startsWith(code))
}

function openingError(path: string, error: unknown): AppError {
  if (error instanceof AppError) return error
  const isBusy = error instanceof SQLite.SqliteError && error.code.startsWith('SQLITE_BUSY')
  if (isBusy) return new AppError('DATA_IN_USE', { path: dirname(path) }, { cause: error })
  return new AppError('DATABASE_UNUSABLE', { path, reason: reasonOf(error) }, { cause: error })
}
