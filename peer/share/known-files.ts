import { existsSync } from 'node:fs'
import { openDatabase } from '../../common/sqlite.ts'
import { catalogMigrations } from './catalog-migrations.ts'
import { prepareStatements } from './catalog-statements.ts'
import { Folders } from './folders.ts'

/**
 * The number of shared files in the catalog of a data folder whose peer is not running.
 * @throws AppError DATA_IN_USE, DATABASE_UNUSABLE
 */
export function sharedFilesKnown(dataPath: string): number {
  const { catalog } = new Folders(dataPath)
  if (!existsSync(catalog)) return 0
  const database = openDatabase(catalog, { migrations: catalogMigrations })
  try {
    const totals = prepareStatements(database).totals.all()
    return totals.find(({ kind }) => kind === 'shared')?.count ?? 0
  } finally {
    database.close()
  }
}
