import { renameSync } from 'node:fs'
import SQLite from 'better-sqlite3'
import { AppError, reasonOf } from './errors.ts'
import type { Log } from './log.ts'
import {
  type Database,
  type DatabaseOptions,
  isDamage,
  isUnreadable,
  openDatabase,
} from './sqlite.ts'

interface Options<Statements> extends DatabaseOptions {
  /** Called with each database that is opened. */
  readonly prepare: (database: Database) => Statements
  readonly log: Log
}

interface Opened<Statements> {
  readonly database: Database
  readonly statements: Statements
}

/**
 * A database that can be done without: one that is damaged, or of a newer version, is moved aside to
 * `<path>.damaged`, and an empty one begins; also if the damage is found only when it is used. A full disk
 * moves nothing.
 */
export class ReplaceableDatabase<Statements> implements Disposable {
  readonly #path: string
  readonly #options: Options<Statements>
  /** Undefined if a damaged one could not be replaced: the next use tries again. */
  #opened: Opened<Statements> | undefined

  /** @throws AppError DATA_IN_USE, DATABASE_UNUSABLE */
  constructor(path: string, options: Options<Statements>) {
    this.#path = path
    this.#options = options
    this.#opened = this.#openOrReplace()
  }

  /**
   * Does work in a transaction or outside of one. If the database is found to be damaged, the work is done
   * again with an empty one.
   * @throws AppError DATA_IN_USE, DATABASE_UNUSABLE if it cannot be replaced; what `work` throws
   */
  run<T>(work: (statements: Statements, database: Database) => T): T {
    const opened = (this.#opened ??= this.#openOrReplace())
    try {
      return work(opened.statements, opened.database)
    } catch (error) {
      if (!isDamage(error)) throw error
      this[Symbol.dispose]()
      moveAside(this.#path, error, this.#options)
      this.#opened = this.#open()
      return work(this.#opened.statements, this.#opened.database)
    }
  }

  [Symbol.dispose](): void {
    this.#opened?.database.close()
    this.#opened = undefined
  }

  #openOrReplace(): Opened<Statements> {
    try {
      return this.#open()
    } catch (error) {
      if (!isUnreadable(error)) throw error
      moveAside(this.#path, error, this.#options)
      return this.#open()
    }
  }

  #open(): Opened<Statements> {
    const database = openDatabase(this.#path, this.#options)
    return { database, statements: this.#options.prepare(database) }
  }
}

/**
 * Moves a database aside. What was not yet written into the database itself goes with it.
 * @throws `error`, why the database is unusable, if it cannot be moved
 */
export function moveAside(path: string, error: unknown, { log }: { log: Log }): void {
  const aside = `${path}.damaged`
  try {
    renameSync(path, aside)
  } catch {
    throw error
  }
  for (const suffix of ['-wal', '-shm']) renameIfThere(path + suffix, aside + suffix)
  log.warn({ path, aside, reason: reasonOf(error) }, 'a database is unusable: a new one begins')
}

/**
 * Opens a database without which a process would not start, although others, or its user, can tell it
 * again what it had: one that is damaged is moved aside to `<path>.damaged`, and an empty one begins. One of
 * a newer version is not replaced.
 * @param options.isRead whether all of it is read first: damage that is found later helps no start
 * @throws AppError DATA_IN_USE, DATABASE_UNUSABLE
 */
export function openOrReplace(
  path: string,
  { log, isRead, ...options }: DatabaseOptions & { readonly log: Log; readonly isRead: boolean },
): Database {
  try {
    const database = openDatabase(path, options)
    if (isRead) check(database, path)
    return database
  } catch (error) {
    if (!isUnreadable(error) || (error as Error).cause === undefined) throw error
    moveAside(path, error, { log })
    return openDatabase(path, options)
  }
}

/** Closes a damaged database. @throws AppError DATABASE_UNUSABLE */
function check(database: Database, path: string): void {
  try {
    const found: unknown = database.pragma('quick_check(1)', { simple: true })
    if (found !== 'ok') throw new SQLite.SqliteError(String(found), 'SQLITE_CORRUPT')
  } catch (error) {
    database.close()
    throw new AppError('DATABASE_UNUSABLE', { path, reason: reasonOf(error) }, { cause: error })
  }
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch {
    // It is mostly not there.
  }
}
