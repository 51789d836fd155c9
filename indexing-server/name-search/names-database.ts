import { type Database, openDatabase } from '../../common/sqlite.ts'
import { folded } from './trigrams.ts'

/** Ids are not reused: trigrams of a removed name stay until the database is made anew. */
const schema = `
create table names (
  id integer primary key autoincrement,
  name text not null unique
) strict;
create virtual table trigrams using fts5(
  folded, content = '', contentless_delete = 1, detail = none, tokenize = 'trigram case_sensitive 1'
);
`
const cacheKibibytes = 4 * 1024

/**
 * Names, and the trigrams that they contain (SQLite's FTS5). It may have names that the index no longer
 * has, and everything in it can be made anew.
 */
export class NamesDatabase implements Disposable {
  readonly #database: Database
  readonly #sql: ReturnType<typeof prepare>

  /** @throws AppError DATA_IN_USE, DATABASE_UNUSABLE */
  constructor(path: string) {
    this.#database = openDatabase(path, { migrations: [schema] })
    // It is disposable: what a power cut loses is added again.
    this.#database.pragma('synchronous = OFF')
    this.#database.pragma(`cache_size = -${cacheKibibytes}`)
    this.#sql = prepare(this.#database)
  }

  /** Adds those that it does not have. */
  add(names: readonly string[]): void {
    this.#database.transaction(() => {
      for (const name of names) this.#add(name)
    })()
  }

  remove(names: readonly string[]): void {
    this.#database.transaction(() => {
      for (const name of names) this.#remove(name)
    })()
  }

  /** Makes its names after `after`, up to and including `to` (to the end if undefined), these. */
  replace(after: string, to: string | undefined, names: readonly string[]): void {
    this.#database.transaction(() => {
      const known = new Set(this.#sql.between.all({ after, to: to ?? null }) as string[])
      for (const name of names) if (!known.delete(name)) this.#add(name)
      for (const name of known) this.#remove(name)
    })()
  }

  /**
   * The names from `from` on that have all these trigrams, sorted as the index sorts them.
   * @returns undefined if more than `max` names have them
   */
  having(trigrams: readonly string[], from: string, max: number): string[] | undefined {
    const query = trigrams.map((trigram) => `"${trigram.replaceAll('"', '""')}"`).join(' AND ')
    const ids = this.#sql.having.all(query, max + 1) as number[]
    if (ids.length > max) return undefined
    return this.#sql.namesFrom.all({ ids: JSON.stringify(ids), from }) as string[]
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }

  #add(name: string): void {
    const { changes, lastInsertRowid } = this.#sql.add.run(name)
    if (changes > 0) this.#sql.addTrigrams.run(lastInsertRowid, folded(name))
  }

  #remove(name: string): void {
    const id = this.#sql.remove.get(name) as number | undefined
    if (id !== undefined) this.#sql.removeTrigrams.run(id)
  }
}

function prepare(database: Database) {
  return {
    add: database.prepare('insert into names (name) values (?) on conflict do nothing'),
    addTrigrams: database.prepare('insert into trigrams (rowid, folded) values (?, ?)'),
    remove: database.prepare('delete from names where name = ? returning id').pluck(),
    removeTrigrams: database.prepare('delete from trigrams where rowid = ?'),
    between: database
      .prepare('select name from names where name > @after and (@to is null or name <= @to)')
      .pluck(),
    having: database.prepare('select rowid from trigrams where trigrams match ? limit ?').pluck(),
    namesFrom: database
      .prepare(
        `select name from names where id in (select value from json_each(@ids)) and name >= @from
         order by name`,
      )
      .pluck(),
  }
}
