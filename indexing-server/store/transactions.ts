import SQLite from 'better-sqlite3'
import { AppError, hasCode, reasonOf } from '../../common/errors.ts'
import type { Database } from '../../common/sqlite.ts'
import type { Transaction } from './group-commit.ts'

interface Options {
  /** The database file, for errors. */
  readonly path: string
  /** Called for each failed write. */
  readonly onFault: (error: AppError) => void
  /** Called when work, and what it wrote, was undone. */
  readonly onRolledBack: () => void
}

/**
 * Runs work within a transaction, or within the one that is open. A durable one survives a power
 * cut once it is acknowledged. A database that fails is reported, and thrown as DISK_FAILED.
 */
export function transactionsOn(
  database: Database,
  { path, onFault, onRolledBack }: Options,
): Transaction {
  const explain = (error: unknown): unknown => {
    if (!(error instanceof SQLite.SqliteError)) return error
    const details = { action: 'write', path, reason: reasonOf(error) }
    return new AppError('DISK_FAILED', details, { cause: error })
  }
  return (work, isDurable) => {
    const isOutermost = !database.inTransaction
    try {
      if (isDurable) database.pragma('synchronous = FULL')
      database.transaction(work)()
    } catch (error) {
      onRolledBack()
      if (!isOutermost) throw error
      const explained = explain(error)
      if (hasCode(explained, 'DISK_FAILED')) onFault(explained)
      throw explained
    } finally {
      if (isDurable) database.pragma('synchronous = NORMAL')
    }
  }
}
