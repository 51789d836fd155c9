import { type Database, openDatabase } from '../../common/sqlite.ts'
import { byBytes } from './by-bytes.ts'
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
/**
 * Names that were added in their order have ids in that order: those up to `sorted_id`. A database of
 * before is made anew.
 */
const sortedNames = `
create table state (sorted_id integer not null) strict;
insert into state values (0);
delete from names;
insert into trigrams (trigrams) values ('delete-all');
delete from sqlite_sequence;
`
/** With a larger share of names in no order, all are added anew when the database is opened. */
const unsortedShareMax = 0.25
const cacheKibibytes = 4 * 1024
const sampleSize = 1_000
/** A prime, so that the names of a sample have no digit in common. */
const spread = 15_485_863
/** When there are so many times as many names, a new sample is taken. */
const sampledAgainAt = 1.25

/** Names that have some trigrams; not those after `until`, if it is set. */
export type Having =
  | { readonly names: readonly string[]; readonly until: string | undefined }
  | undefined

export interface HavingRequest {
  readonly trigrams: readonly string[]
  readonly from: string
  /** Without `from` itself. */
  readonly isAfter: boolean
  /** Of the names whose ids are in order. */
  readonly max: number
  readonly unsortedMax: number
}

/**
 * Names, and the trigrams that they contain (SQLite's FTS5). It may have names that the index no longer
 * has, and everything in it can be made anew.
 */
export class NamesDatabase implements Disposable {
  readonly #database: Database
  readonly #sql: ReturnType<typeof prepare>
  /** The highest id of a name, about as high as the number of names. */
  #lastId: number
  #sortedId: number
  #lastSortedName: string
  #sampledLastId = 0
  #shares = new TrigramShares([])

  /** @throws AppError DATA_IN_USE, DATABASE_UNUSABLE */
  constructor(path: string) {
    this.#database = openDatabase(path, { migrations: [schema, sortedNames] })
    // It is disposable: what a power cut loses is added again.
    this.#database.pragma('synchronous = OFF')
    this.#database.pragma(`cache_size = -${cacheKibibytes}`)
    this.#sql = prepare(this.#database)
    this.#sortedId = this.#sql.sortedId.get() as number
    this.#lastId = Math.max(this.#sortedId, this.#sql.lastId.get() as number)
    if (this.#lastId - this.#sortedId > unsortedShareMax * this.#lastId) this.#clear()
    this.#lastSortedName = (this.#sql.nameUpTo.get(this.#sortedId) as string | undefined) ?? ''
  }

  /** Adds those that it does not have. */
  add(names: readonly string[]): void {
    this.#write(() => {
      for (const name of names) this.#add(name)
    })
  }

  remove(names: readonly string[]): void {
    this.#write(() => {
      for (const name of names) this.#remove(name)
    })
  }

  /** Makes its names after `after`, up to and including `to` (to the end if undefined), these, sorted. */
  replace(after: string, to: string | undefined, names: readonly string[]): void {
    this.#write(() => {
      const known = new Set(this.#sql.between.all({ after, to: to ?? null }) as string[])
      for (const name of names) if (!known.delete(name)) this.#add(name)
      for (const name of known) this.#remove(name)
    })
  }

  /**
   * The first names from `from` on that have all these trigrams, sorted as the index sorts them.
   * @returns undefined if more than `unsortedMax` have them that are in no order
   */
  having({ trigrams, from, isAfter, max, unsortedMax }: HavingRequest): Having {
    const shares = this.#currentShares
    const worth = shares.worthSearching(trigrams, this.#lastId)
    // More names may have them all than each one's share says.
    const others =
      this.#unsortedHaving(worth, unsortedMax) ??
      this.#unsortedHaving(shares.rarestOf(trigrams), unsortedMax)
    if (others === undefined) return undefined
    const start = { from, isAfter: Number(isAfter) }
    const first = this.#sql.firstSorted.get({ ...start, sorted: this.#sortedId })
    const range = { first: first ?? this.#sortedId + 1, last: this.#sortedId, limit: max }
    const ids = this.#sql.having.all({ query: queryOf(worth), ...range }) as number[]
    const last = ids.length < max ? undefined : ids.at(-1)
    const until = last === undefined ? undefined : (this.#sql.nameUpTo.get(last) as string)
    const given = { ids: JSON.stringify([...ids, ...others]), ...start, until: until ?? null }
    const names = this.#sql.namesFrom.all(given) as string[]
    return { names, until }
  }

  /** @returns undefined if there are more than `max` */
  #unsortedHaving(trigrams: readonly string[], max: number): number[] | undefined {
    const range = { first: this.#sortedId + 1, last: this.#lastId }
    if (range.first > range.last) return []
    const query = queryOf(trigrams)
    const ids = this.#sql.having.all({ query, ...range, limit: max + 1 }) as number[]
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

  /** A write that fails ends the thread: what it kept in memory is read again. */
  #write(work: () => void): void {
    this.#database.transaction(() => {
      const before = this.#sortedId
      work()
      if (this.#sortedId !== before) this.#sql.setSortedId.run(this.#sortedId)
    })()
  }

  #clear(): void {
    this.#database.transaction(() => {
      this.#database.exec(`delete from names; update state set sorted_id = 0;
        insert into trigrams (trigrams) values ('delete-all')`)
    })()
    // Ids are not used again.
    this.#sortedId = this.#lastId
    this.#sql.setSortedId.run(this.#sortedId)
  }

  #add(name: string): void {
    const { changes, lastInsertRowid } = this.#sql.add.run(name)
    if (changes === 0) return
    const id = Number(lastInsertRowid)
    this.#sql.addTrigrams.run(id, folded(name))
    const isSorted = this.#sortedId === this.#lastId && byBytes(this.#lastSortedName, name) < 0
    this.#lastId = id
    if (!isSorted) return
    this.#sortedId = id
    this.#lastSortedName = name
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
    having: database
      .prepare(
        `select rowid from trigrams where trigrams match @query and rowid between @first and @last
         order by rowid limit @limit`,
      )
      .pluck(),
    // The names of the sorted part, in order, have their ids in order.
    firstSorted: database
      .prepare(
        `select id from names where name >= @from and (@isAfter = 0 or name > @from) and id <= @sorted
         order by name limit 1`,
      )
      .pluck(),
    nameUpTo: database
      .prepare('select name from names where id <= ? order by id desc limit 1')
      .pluck(),
    sortedId: database.prepare('select sorted_id from state').pluck(),
    setSortedId: database.prepare('update state set sorted_id = ?'),
    namesFrom: database
      .prepare(
        `select name from names where id in (select value from json_each(@ids)) and name >= @from
           and (@isAfter = 0 or name > @from) and (@until is null or name <= @until)
         order by name`,
      )
      .pluck(),
  }
}

function queryOf(trigrams: readonly string[]): string {
  return trigrams.map((trigram) => `"${trigram.replaceAll('"', '""')}"`).join(' AND ')
}
