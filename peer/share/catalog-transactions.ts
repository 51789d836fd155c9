import SQLite from 'better-sqlite3'
import { diskError } from '../../common/disk-error.ts'
import { AppError } from '../../common/errors.ts'
import type { Database } from '../../common/sqlite.ts'
import type { Statements } from './catalog-statements.ts'
import type { CatalogTotals } from './catalog-totals.ts'

interface CatalogTransactionsParts {
  readonly database: Database
  /** Where the database is, for errors. */
  readonly path: string
  /** The number of the newest change. */
  readonly lastSeq: number
  readonly saveLastSeq: Statements['saveLastSeq']
  readonly totals: CatalogTotals
  /** What else is kept in memory, and is read again after changes that were rolled back. */
  readonly cached: readonly { reload(): void }[]
}

/**
 * The transactions of the catalog, which number its changes and tell of them. A number that a failed
 * transaction took is not used again. All methods are synchronous.
 */
export class CatalogTransactions {
  readonly #parts: Omit<CatalogTransactionsParts, 'lastSeq'>
  readonly #listeners = new Set<() => void>()
  #lastSeq: number

  constructor({ lastSeq, ...parts }: CatalogTransactionsParts) {
    this.#parts = parts
    this.#lastSeq = lastSeq
  }

  /** The number of the newest change. */
  get lastSeq(): number {
    return this.#lastSeq
  }

  /** Within a transaction: the number of one more change. */
  nextSeq(): number {
    this.#lastSeq += 1
    return this.#lastSeq
  }

  /**
   * Runs `work` as one transaction, or within the one that runs; notifies listeners once, if it made
   * changes.
   * @throws AppError DISK_FULL, DISK_FAILED; errors of `work`
   */
  group<T>(work: () => T): T {
    const { database, saveLastSeq } = this.#parts
    if (database.inTransaction) return work()
    const seqBefore = this.#lastSeq
    const result = this.#transact(() => {
      const worked = work()
      if (this.#lastSeq !== seqBefore) saveLastSeq.run(this.#lastSeq)
      return worked
    })
    if (this.#lastSeq !== seqBefore) this.tell()
    return result
  }

  /**
   * Runs `work` for each item, all in one transaction. If the database refuses a value of an item,
   * only that item is rolled back.
   * @returns for each item what `work` returned, or DISK_FAILED with the reason of the refusal
   * @throws AppError DISK_FULL, DISK_FAILED if nothing can be written
   */
  groupEach<Item, Result>(
    items: readonly Item[],
    work: (item: Item) => Result,
  ): (Result | AppError)[] {
    try {
      return this.group(() => items.map(work))
    } catch (error) {
      if (!isAboutOneValue(error)) throw error
    }
    return this.group(() => items.map((item) => this.#isolated(() => work(item))))
  }

  /** Calls `listener` after commits with changes, and {@link tell}, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  tell(): void {
    for (const listener of this.#listeners) listener()
  }

  /** An error of the database as the peer's users see it. */
  errorOf(error: unknown): AppError {
    const { path } = this.#parts
    if (error instanceof SQLite.SqliteError && error.code === 'SQLITE_FULL')
      return new AppError('DISK_FULL', { path, neededBytes: 1 }, { cause: error })
    return diskError({ action: 'write the catalog', path, neededBytes: 1 }, error)
  }

  #transact<T>(work: () => T): T {
    const { database, totals, cached } = this.#parts
    try {
      return database.transaction(work)()
    } catch (error) {
      totals.reload()
      for (const part of cached) part.reload()
      throw error instanceof SQLite.SqliteError ? this.errorOf(error) : error
    }
  }

  /** Within a transaction: all of `work` or nothing. */
  #isolated<Result>(work: () => Result): Result | AppError {
    const { database, totals, cached } = this.#parts
    const before = totals.all
    try {
      return database.transaction(work)()
    } catch (error) {
      if (!isAboutOneValue(error)) throw error
      totals.restore(before)
      for (const part of cached) part.reload()
      return this.errorOf(error)
    }
  }
}

/** Whether the database refuses a particular value: it is too large, or violates a constraint. */
function isAboutOneValue(error: unknown): boolean {
  const cause = error instanceof AppError ? error.cause : error
  if (cause instanceof SQLite.SqliteError)
    return /^SQLITE_(CONSTRAINT|MISMATCH|TOOBIG|RANGE)/.test(cause.code)
  // The driver's errors for values that SQLite has no type for.
  return cause instanceof RangeError || cause instanceof TypeError
}
