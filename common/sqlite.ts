import { closeSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import SQLite from 'better-sqlite3'
import { AppError, hasCode, reasonOf } from './errors.ts'

/** Time for a process that is just exiting to release the database. */
const databaseBusyMs = 2_000

export type Database = SQLite.Database

/** A step from one version of a schema to the next: SQL, or work that SQL alone would do too slowly. */
export type Migration = string | ((database: Database, onProgress: MigrationProgress) => void)

/** Called with each step of a migration that may take long, before it begins. */
export type MigrationProgress = (step: string) => void

export interface DatabaseOptions {
  readonly migrations: readonly Migration[]
  /** How long to wait for another process that has the database open; blocks the thread. */
  readonly busyMs?: number
  /** For `:memory:`: what an earlier database in memory held, from its `serialize`. */
  readonly image?: Buffer
  /** Called while an existing database is migrated. */
  readonly onProgress?: MigrationProgress
  /** Whether several processes may have it open at a time; otherwise it is locked for one. */
  readonly isShared?: boolean
}

/**
 * Opens the database at `path` (`:memory:` for none on disk), creates it if absent, and migrates
 * it: migration n, from 1, takes it from version n - 1 to n in a transaction. Unless it is shared, the
 * database is locked for this connection until it is closed or the process ends.
 *
 * A commit survives the end of the process immediately, and a power cut after the next checkpoint.
 * Use `PRAGMA synchronous = FULL` for commits that must survive a power cut before they are
 * acknowledged.
 * @throws AppError DATA_IN_USE, DATABASE_UNUSABLE
 */
export function openDatabase(path: string, options: DatabaseOptions): Database {
  let database: Database | undefined
  try {
    // SQLite itself creates a file that only the owner may write; here the umask decides.
    if (path !== ':memory:') closeSync(openSync(path, 'a'))
    database = new SQLite(options.image ?? path, { timeout: options.busyMs ?? databaseBusyMs })
    // Before the first access, which then takes the lock and needs no shared memory.
    if (options.isShared !== true) database.pragma('locking_mode = EXCLUSIVE')
    database.pragma('journal_mode = WAL')
    database.pragma('synchronous = NORMAL')
    database.pragma('foreign_keys = ON')
    migrate(database, path, options)
    return database
  } catch (error) {
    database?.close()
    throw openingError(path, error)
  }
}

function migrate(
  database: Database,
  path: string,
  { migrations, onProgress = () => {} }: DatabaseOptions,
): void {
  const version = database.pragma('user_version', { simple: true }) as number
  if (version > migrations.length) {
    const reason = `it was written by a newer version of Tandem (${version}, not ${migrations.length})`
    throw new AppError('DATABASE_UNUSABLE', { path, reason })
  }
  // A new database has nothing that takes time.
  const report = version === 0 ? (): void => {} : onProgress
  for (const [index, migration] of migrations.entries()) {
    if (index < version) continue
    const step = database.transaction(() => {
      if (typeof migration === 'string') database.exec(migration)
      else migration(database, report)
      database.pragma(`user_version = ${index + 1}`)
    })
    step.exclusive()
  }
}

/** Size of a database, without free pages. */
export function usedBytesOf(database: Database): number {
  const pragma = (name: string): number => database.pragma(name, { simple: true }) as number
  return (pragma('page_count') - pragma('freelist_count')) * pragma('page_size')
}

/** Codes of statements refused because of their values. */
const valueFaults = ['SQLITE_CONSTRAINT', 'SQLITE_MISMATCH', 'SQLITE_RANGE', 'SQLITE_TOOBIG']

/**
 * Whether work failed because the database cannot be read or written (full, locked, read-only,
 * damaged), so that all other work on it fails, too. Refused values and program errors concern only
 * the caller.
 */
export function isDatabaseFailure(error: unknown): boolean {
  if (!(error instanceof SQLite.SqliteError)) return false
  return !valueFaults.some((code) => error.code.startsWith(code))
}

/**
 * Whether a database could not be opened because of what its file contains, so that only another
 * file helps: it is damaged, or of a newer version.
 */
export function isUnreadable(error: unknown): boolean {
  if (!hasCode(error, 'DATABASE_UNUSABLE')) return false
  const { cause } = error
  return cause instanceof SQLite.SqliteError ? isDamage(cause) : cause === undefined
}

/** Whether work failed because of damage in the file of the database; also as the cause of another error. */
export function isDamage(error: unknown): boolean {
  if (error instanceof AppError) return isDamage(error.cause)
  if (!(error instanceof SQLite.SqliteError)) return false
  return ['SQLITE_CORRUPT', 'SQLITE_NOTADB'].some((code) => error.code.startsWith(code))
}

function openingError(path: string, error: unknown): AppError {
  if (error instanceof AppError) return error
  const isBusy = error instanceof SQLite.SqliteError && error.code.startsWith('SQLITE_BUSY')
  if (isBusy) return new AppError('DATA_IN_USE', { path: dirname(path) }, { cause: error })
  return new AppError('DATABASE_UNUSABLE', { path, reason: reasonOf(error) }, { cause: error })
}
