import { type Database, type DatabaseOptions, openDatabase } from '../../../common/sqlite.ts'

/** Databases as they are once they are migrated, by their migrations: migrating takes longer. */
const migrated = new Map<DatabaseOptions['migrations'], Buffer>()

/** Opens a database in memory, with what `image` held, or a new one. */
export function databaseInMemory(options: DatabaseOptions, image: Buffer | undefined): Database {
  const known = image ?? migrated.get(options.migrations)
  const database = openDatabase(':memory:', { ...options, ...(known && { image: known }) })
  if (known === undefined) migrated.set(options.migrations, database.serialize())
  return database
}
