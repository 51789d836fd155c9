import type { Database } from '../../common/sqlite.ts'

const tables = ['unshared', 'gone', 'trash', 'replaced', 'strays'] as const
type RareTable = (typeof tables)[number]

/**
 * Which of the tables that few files are in have any row. Most announcements are of files in none of
 * them, and asking this once is cheaper than asking for each file.
 */
export class RareRows {
  readonly #sql: ReturnType<typeof prepare>
  #present: Set<RareTable> | undefined

  constructor(database: Database) {
    this.#sql = prepare(database)
  }

  /** Whether the table may have rows. */
  has(table: RareTable): boolean {
    return (this.#present ??= this.#read()).has(table)
  }

  /** A row is added in this transaction. */
  onAdded(table: RareTable): void {
    this.#present?.add(table)
  }

  /** Another transaction begins. */
  forget(): void {
    this.#present = undefined
  }

  #read(): Set<RareTable> {
    const flags = this.#sql.get() as number[]
    return new Set(tables.filter((_, index) => flags[index] === 1))
  }
}

function prepare(database: Database) {
  const places: Record<RareTable, string> = {
    unshared: 'unshared',
    gone: 'gone',
    trash: 'trash',
    replaced: 'replaced',
    strays: 'copies where stray = 1',
  }
  const flags = tables.map((table) => `exists (select 1 from ${places[table]})`)
  return database.prepare(`select ${flags.join(', ')}`).raw()
}
