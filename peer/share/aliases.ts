import type { Database } from '../../common/sqlite.ts'
import type { EntryRow } from './catalog-rows.ts'

type DiskKey = Pick<EntryRow, 'kind' | 'owner' | 'disk_name'>
interface AliasRow extends DiskKey {
  readonly name: string
}

/** The version of the catalog's schema that introduced them. */
export const aliasesMigration = `
  -- Files that have another path than their name says, because something else has that.
  CREATE TABLE aliases (
    kind TEXT NOT NULL,
    owner TEXT NOT NULL,
    disk_name TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (kind, owner, disk_name)
  ) STRICT, WITHOUT ROWID;
`

/** The names of files whose disk name differs; they are few, so they are also kept in memory. */
export class Aliases {
  readonly #database: Database
  readonly #names = new Map<string, string>()

  constructor(database: Database) {
    this.#database = database
    this.reload()
  }

  /** Reloads from disk, after a failed transaction. */
  reload(): void {
    this.#names.clear()
    const rows = this.#database.prepare<[], AliasRow>('SELECT * FROM aliases').all()
    for (const row of rows) this.#names.set(keyOf(row), row.name)
  }

  /** The name of the file at a place, if it differs from the disk name. */
  nameOf(key: DiskKey): string | undefined {
    return this.#names.size === 0 ? undefined : this.#names.get(keyOf(key))
  }

  set({ kind, owner, disk_name, name }: AliasRow): void {
    this.#names.set(keyOf({ kind, owner, disk_name }), name)
    this.#database
      .prepare('INSERT OR REPLACE INTO aliases VALUES (?, ?, ?, ?)')
      .run(kind, owner, disk_name, name)
  }

  delete(key: DiskKey): void {
    if (!this.#names.delete(keyOf(key))) return
    this.#database
      .prepare('DELETE FROM aliases WHERE kind = ? AND owner = ? AND disk_name = ?')
      .run(key.kind, key.owner, key.disk_name)
  }
}

function keyOf({ kind, owner, disk_name }: DiskKey): string {
  return `${kind}\0${owner}\0${disk_name}`
}
