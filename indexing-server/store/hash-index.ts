import type { Database } from '../../common/sqlite.ts'
import { type HashNumber, hashNumberOf } from './content-hashes.ts'
import { KeptHashes } from './kept-hashes.ts'
import { KnownNumbers, type KnownNumbersOptions } from './known-numbers.ts'

export interface HashIndexOptions extends KnownNumbersOptions {
  /** New contents that are kept in memory before they are moved to the table. */
  readonly keptMax: number
  /** Moved with each write, at least. Twice as many as the write adds are moved, so that it ends. */
  readonly movedMin: number
}

/** Together 3 MB, 1 ms per write, and 1 ms more while a filter is made. */
const defaults: HashIndexOptions = {
  keptMax: 32_768,
  movedMin: 500,
  filterMin: 2 ** 17,
  readPerWrite: 2_000,
}

interface Moving {
  readonly hashes: KeptHashes
  readonly order: Uint32Array
  /** How many of them have been moved. */
  done: number
}

/**
 * Finds contents by the numbers of their hashes, which are in no order. One by one, a million new contents
 * would change a page each, in the largest tree but those of names. So they are kept in memory, and many are
 * moved to the table together, in its order and with several on each page. `totals.hashed_content_id`
 * divides what is in the table from what is read from `contents` at the start.
 *
 * {@link HashIndex.add}, {@link HashIndex.remove} and {@link HashIndex.settle} must run within a transaction.
 */
export class HashIndex {
  readonly #options: HashIndexOptions
  readonly #database: Database
  readonly #sql: ReturnType<typeof prepare>
  readonly numberOf: HashNumber
  readonly #known: KnownNumbers
  #recent = new KeptHashes()
  #moving: Moving | undefined
  /** Contents that were removed, but are among those in memory. */
  readonly #removed = new Set<number>()
  #added = 0
  /** Whether what is in memory must be compared with the database first. */
  #isStale = true
  /** Contents up to this one are in the table, and no longer in memory. */
  #movedId = -1
  /** Whether the database was read within a transaction, which may be rolled back. */
  #isProvisional = false

  constructor(database: Database, options = defaults) {
    this.#options = options
    this.#database = database
    this.#sql = prepare(database)
    this.numberOf = hashNumberOf(database)
    this.#known = new KnownNumbers(database, options)
    this.#refresh()
  }

  /**
   * The ids of all contents whose hash has this number, in order. Others may be among them: of another hash
   * with this number, or of a content that was removed.
   */
  find(number: number): number[] {
    this.#refresh()
    if (!this.#known.mayHave(number)) return []
    const found = this.#sql.find.all(number) as number[]
    const inTable = found.length
    this.#recent.find(number, found)
    this.#moving?.hashes.find(number, found)
    return found.length === inTable ? found : [...new Set(found)].toSorted((a, b) => a - b)
  }

  /** A new content, with a greater id than all others. */
  add(contentId: number, number: number): void {
    this.#refresh()
    this.#recent.add(contentId, number)
    this.#known.add(number)
    this.#added += 1
  }

  remove(contentId: number, number: number): void {
    this.#refresh()
    this.#sql.remove.run(number, contentId)
    this.#known.onRemoved()
    const { hashes } = this.#moving ?? {}
    if (contentId >= (hashes ?? this.#recent).firstId) this.#removed.add(contentId)
  }

  /** Ends a write. */
  settle(): void {
    this.#refresh()
    this.#known.settle(() => [...this.#recent.numbers, ...(this.#moving?.hashes.numbers ?? [])])
    const count = Math.max(this.#options.movedMin, 2 * this.#added)
    this.#added = 0
    if (this.#moving === undefined) {
      if (this.#recent.count < this.#options.keptMax) return
      this.#moving = { hashes: this.#recent, order: this.#recent.sorted(), done: 0 }
      this.#recent = new KeptHashes()
    }
    this.#move(this.#moving, count)
  }

  /** The transaction was rolled back, and with it what was added, removed and moved. */
  onRolledBack(): void {
    this.#isStale = true
    this.#known.onRolledBack()
  }

  #move(moving: Moving, count: number): void {
    const { hashes, order } = moving
    const end = Math.min(order.length, moving.done + count)
    for (; moving.done < end; moving.done += 1) {
      const { contentId, number } = hashes.at(order[moving.done] ?? 0)
      if (!this.#isRemoved(contentId)) this.#sql.insert.run(number, contentId)
    }
    if (end < order.length) return
    this.#sql.setMoved.run(hashes.lastId)
    for (const contentId of this.#removed)
      if (contentId <= hashes.lastId) this.#removed.delete(contentId)
    this.#moving = undefined
    this.#movedId = hashes.lastId
  }

  /** The removal may have been rolled back. */
  #isRemoved(contentId: number): boolean {
    return this.#removed.has(contentId) && this.#sql.exists.get(contentId) === undefined
  }

  #refresh(): void {
    if (!this.#isStale) return
    this.#added = 0
    const [lastId, movedId] = this.#sql.ids.get() as [number, number]
    const { hashes } = this.#moving ?? {}
    const isUndone = movedId !== this.#movedId || (hashes !== undefined && hashes.lastId > lastId)
    if (isUndone || this.#isProvisional) this.#reload(movedId)
    this.#recent.dropAfter(lastId)
    if (this.#moving !== undefined) this.#moving.done = 0
    this.#isStale = false
  }

  #reload(movedId: number): void {
    this.#isProvisional = this.#database.inTransaction
    this.#moving = undefined
    this.#movedId = movedId
    this.#removed.clear()
    this.#recent = new KeptHashes()
    for (const row of this.#sql.notMoved.iterate(movedId)) {
      const [contentId, number] = row as [number, number]
      this.#recent.add(contentId, number)
      this.#known.add(number)
    }
  }
}

function prepare(database: Database) {
  return {
    find: database
      // The sum keeps SQLite from recompiling the statement for each number.
      .prepare('select content_id from content_hashes where hash_number = +? order by content_id')
      .pluck(),
    // What was moved before a rollback may be there already.
    insert: database.prepare('insert into content_hashes values (?, ?) on conflict do nothing'),
    remove: database.prepare('delete from content_hashes where hash_number = ? and content_id = ?'),
    exists: database.prepare('select 1 from contents where content_id = ?'),
    setMoved: database.prepare('update totals set hashed_content_id = ?'),
    ids: database.prepare('select last_content_id, hashed_content_id from totals').raw(),
    notMoved: database
      .prepare(
        `select content_id, hash_number from contents
         where content_id > ? order by content_id`,
      )
      .raw(),
  }
}
