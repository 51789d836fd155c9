import { renameSync } from 'node:fs'
import { reasonOf } from './errors.ts'
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
      this.#moveAside(error)
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
      this.#moveAside(error)
      return this.#open()
    }
  }

  #open(): Opened<Statements> {
    const database = openDatabase(this.#path, this.#options)
    return { database, statements: this.#options.prepare(database) }
  }

  /** What was not yet written into the database itself goes with it. @throws the error if it cannot be moved */
  #moveAside(error: unknown): void {
    const aside = `${this.#path}.damaged`
    try {
      renameSync(this.#path, aside)
    } catch {
      throw error
    }
    for (const suffix of ['-wal', '-shm']) renameIfThere(this.#path + suffix, aside + suffix)
    const facts = { path: this.#path, aside, reason: reasonOf(error) }
    this.#options.log.warn(facts, 'a database is unusable: a new one begins')
  }
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch {
    // It is mostly not there.
  }
}
