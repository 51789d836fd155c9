import { type Database, openDatabase } from '../../common/sqlite.ts'
import { folded, TrigramShares } from './trigrams.ts'

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
const sampleSize = 1_000
/** A prime, so that the names of a sample have no digit in common. */
const spread = 15_485_863
/** When there are so many times as many names, a new sample is taken. */
const sampledAgainAt = 1.25

/**
 * Names, and the trigrams that they contain (SQLite's FTS5). It may have names that the index no longer
 * has, and everything in it can be made anew.
 */
export class NamesDatabase implements Disposable {
  readonly #database: Database
  readonly #sql: ReturnType<typeof prepare>
  /** The highest id of a name, about as high as the number of names. */
  #lastId: number
  #sampledLastId = 0
  #shares = new TrigramShares([])

  /** @throws AppError DATA_IN_USE, DATABASE_UNUSABLE */
  constructor(path: string) {
    this.#database = openDatabase(path, { migrations: [schema] })
    // It is disposable: what a power cut loses is added again.
    this.#database.pragma('synchronous = OFF')
    this.#database.pragma(`cache_size = -${cacheKibibytes}`)
    this.#sql = prepare(this.#database)
    this.#lastId = this.#sql.lastId.get() as number
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
    const shares = this.#currentShares
    const worth = shares.worthSearching(trigrams, this.#lastId)
    const few = this.#idsHaving(worth, max)
    // More names may have them all than each one's share says.
    const ids = few ?? this.#idsHaving(shares.rarestOf(trigrams), max)
    if (ids === undefined) return undefined
    return this.#sql.namesFrom.all({ ids: JSON.stringify(ids), from }) as string[]
  }

  /** @returns undefined if there are more than `max` */
  #idsHaving(trigrams: readonly string[], max: number): number[] | undefined {
    const query = trigrams.map((trigram) => `"${trigram.replaceAll('"', '""')}"`).join(' AND ')
    const ids = this.#sql.having.all(query, max + 1) as number[]
    return ids.length > max ? undefined : ids
  }

  get #currentShares(): TrigramShares {
    if (this.#sampledLastId === 0 || this.#lastId > sampledAgainAt * this.#sampledLastId) {
      const ids = Array.from({ length: sampleSize }, (_, at) => 1 + ((at * spread) % this.#lastId))
      const sample = this.#sql.sample.all(JSON.stringify(ids)) as string[]
      this.#shares = new TrigramShares(sample.map(folded))
      this.#sampledLastId = this.#lastId
    }
    return this.#shares
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }

  #add(name: string): void {
    const { changes, lastInsertRowid } = this.#sql.add.run(name)
    this.#lastId = Math.max(this.#lastId, Number(lastInsertRowid))
    if (changes > 0) this.#sql.addTrigrams.run(lastInsertRowid, folded(name))
  }

  #remove(name: string): void {
    const id = this.#sql.remove.get(name) as number | undefined
    if (id !== undefined) this.#sql.removeTrigrams.run(id)
  }
}

function prepare(database: Database) {
  return {
    lastId: database.prepare('select ifnull(max(id), 0) from names').pluck(),
    sample: database
      .prepare('select name from names where id in (select value from json_each(?))')
      .pluck(),
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
