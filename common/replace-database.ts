import { renameSync } from 'node:fs'
import { reasonOf } from './errors.ts'
import type { Log } from './log.ts'
import { type Database, type DatabaseOptions, isUnreadable, openDatabase } from './sqlite.ts'

/**
 * Opens a database that can be done without: one that is damaged, or of a newer version, is moved
 * aside to `<path>.damaged`, and an empty one begins. A full disk moves nothing.
 * @throws AppError DATA_IN_USE, DATABASE_UNUSABLE
 */
export function openOrReplace(
  path: string,
  { log, ...options }: DatabaseOptions & { readonly log: Log },
): Database {
  try {
    return openDatabase(path, options)
  } catch (error) {
    if (!isUnreadable(error)) throw error
    const aside = `${path}.damaged`
    try {
      renameSync(path, aside)
    } catch {
      throw error
    }
    log.warn({ path, aside, reason: reasonOf(error) }, 'a database is unusable: a new one begins')
    return openDatabase(path, options)
  }
}
