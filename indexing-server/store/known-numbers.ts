import type { Database } from '../../common/sqlite.ts'
import { HashFilter } from './hash-filter.ts'

export interface KnownNumbersOptions {
  /** Numbers for which a filter has room at first. */
  readonly filterMin: number
  /** Rows of the table that are read with each write while a filter is made. */
  readonly readPerWrite: number
}

interface Filling {
  readonly filter: HashFilter
  /** The last row that was read. */
  after: readonly [number: number, contentId: number]
}

/**
 * Tells of most new numbers that no content has them, so that the table is not searched, of which each number
 * would need another page. Its filter is made from the table, a few rows with each write, and anew with
 * twice the room when it is full.
 */
export class KnownNumbers {
  readonly #options: KnownNumbersOptions
  readonly #database: Database
  readonly #sql: ReturnType<typeof prepare>
  /** Undefined until one has been made. */
  #filter: HashFilter | undefined
  #filling: Filling | undefined
  /** Whether a rollback may bring numbers back that a filter has not seen. */
  #hasRemoved = false

  constructor(database: Database, options: KnownNumbersOptions) {
    this.#options = options
    this.#database = database
    this.#sql = prepare(database)
  }

  mayHave(number: number): boolean {
    return this.#filter?.mayHave(number) !== false
  }

  add(number: number): void {
    this.#filter?.add(number)
    this.#filling?.filter.add(number)
  }

  onRemoved(): void {
    this.#hasRemoved = true
  }

  /** Continues a filter, if one is needed. @param others numbers that are not in the table */
  settle(others: () => Iterable<number>): void {
    if (this.#filling !== undefined) this.#fill(this.#filling)
    else if (this.#filter?.isOverfull !== false) this.#begin(others())
  }

  onRolledBack(): void {
    if (!this.#hasRemoved) return
    this.#hasRemoved = this.#database.inTransaction
    this.#filter = undefined
    this.#filling = undefined
  }

  #begin(others: Iterable<number>): void {
    const count = this.#sql.count.get() as number
    const capacity = 2 ** Math.ceil(Math.log2(Math.max(this.#options.filterMin, 2 * count)))
    const filter = new HashFilter(capacity)
    for (const number of others) filter.add(number)
    this.#filling = { filter, after: [-1, 0] }
    this.#fill(this.#filling)
  }

  #fill(filling: Filling): void {
    const { readPerWrite } = this.#options
    const rows = this.#sql.after.all(...filling.after, readPerWrite) as [number, number][]
    for (const [number] of rows) filling.filter.add(number)
    const last = rows.at(-1)
    if (last !== undefined && rows.length === readPerWrite) filling.after = last
    else {
      this.#filter = filling.filter
      this.#filling = undefined
    }
  }
}

function prepare(database: Database) {
  return {
    count: database.prepare('select contents from totals').pluck(),
    after: database
      .prepare(
        `select hash_number, content_id from content_hashes
         where (hash_number, content_id) > (+?, +?) order by hash_number, content_id limit ?`,
      )
      .raw(),
  }
}
