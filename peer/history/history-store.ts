import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { reasonOf } from '../../common/errors.ts'
import type { Log } from '../../common/log.ts'
import {
  type Direction,
  PastQuery,
  PastTransfer,
  Sample,
} from '../../common/protocol/history-messages.ts'
import { ReplaceableDatabase } from '../../common/replace-database.ts'
import type { Database } from '../../common/sqlite.ts'

const dayMs = 86_400_000
/** Rows kept of each kind, and for how long: some 15 MB each at most. */
const bounds = {
  transfers: { rowsMax: 50_000, ageMs: 30 * dayMs },
  queries: { rowsMax: 50_000, ageMs: 7 * dayMs },
  samples: { rowsMax: 8_640, ageMs: dayMs },
} as const

type Table = keyof typeof bounds

/** Rows are JSON: they are shown, hardly searched. */
const table = (name: Table): string => `
  create table ${name} (
    number integer primary key autoincrement,
    time_ms integer not null,
    row text not null
  ) strict;
  create index ${name}_by_time on ${name} (time_ms, number);`

const migrations = [`${table('transfers')} ${table('queries')} ${table('samples')}`]

type New<Row> = Omit<Row, 'id'>
export type NewTransfer = New<PastTransfer>
export type NewQuery = New<PastQuery>

/** Rows to be written in one transaction. */
export interface NewRows {
  readonly transfers: readonly NewTransfer[]
  readonly queries: readonly NewQuery[]
  readonly samples: readonly Sample[]
}

export interface PageRequest {
  readonly limit: number
  /** The id of the last row of the previous page. */
  readonly before?: string | undefined
  /** Of transfers, only these. */
  readonly direction?: Direction | undefined
}

export interface Page<Row> {
  readonly rows: readonly Row[]
  readonly isMore: boolean
}

interface StoredRow {
  readonly number: number
  readonly timeMs: number
  readonly row: string
}

/** What a peer has transferred and was asked, on disk. Calls throw if the disk refuses. */
export class HistoryStore implements Disposable {
  /** Why it lasts only as long as the process; undefined if it is on disk. */
  readonly fault: string | undefined
  readonly #database: ReplaceableDatabase<Statements>

  /**
   * A damaged file is moved aside, whenever it is found; without a usable one, the history lasts as long as the process.
   * @param path `:memory:` for none on disk
   */
  constructor(path: string, { log }: { log: Log }) {
    const { database, fault } = openAnywhere(path, log)
    this.#database = database
    this.fault = fault
  }

  /** Adds rows, and removes those that are too many or too old. */
  add(rows: NewRows, nowMs: number): void {
    this.#database.run((sql, database) =>
      database.transaction(() => {
        for (const name of ['transfers', 'queries', 'samples'] as const) {
          if (rows[name].length === 0) continue
          const { add, removeBeyond, removeOld } = sql[name]
          for (const row of rows[name]) add.run(row.timeMs, JSON.stringify(row))
          removeBeyond.run(bounds[name].rowsMax)
          removeOld.run(nowMs - bounds[name].ageMs)
        }
      })(),
    )
  }

  /** Newest first. */
  transfers(request: PageRequest): Page<PastTransfer> {
    return this.#page('transfers', PastTransfer, request)
  }

  /** Newest first. */
  queries(request: PageRequest): Page<PastQuery> {
    return this.#page('queries', PastQuery, request)
  }

  /** Oldest first. */
  samplesSince(timeMs: number): Sample[] {
    const rows = this.#database.run(({ samples }) => samples.since.all(timeMs) as StoredRow[])
    return rows.flatMap((stored) => rowOf<Sample>(stored, Sample))
  }

  [Symbol.dispose](): void {
    this.#database[Symbol.dispose]()
  }

  #page<Row>(name: Table, schema: TSchema, request: PageRequest): Page<Row> {
    const { limit, before, direction = null } = request
    let [timeMs = Number.MAX_SAFE_INTEGER, number = 0] = before?.split('-').map(Number) ?? []
    const rows: Row[] = []
    // Unreadable rows do not shorten a page: an empty one would look like the end.
    for (let isMore = true; isMore && rows.length <= limit; ) {
      const asked = { timeMs, number, direction, limit: limit + 1 - rows.length }
      const stored = this.#database.run((sql) => sql[name].before.all(asked) as StoredRow[])
      rows.push(...stored.flatMap((row) => rowOf<Row>(row, schema)))
      isMore = stored.length === asked.limit
      ;({ timeMs, number } = stored.at(-1) ?? { timeMs, number })
    }
    return { rows: rows.slice(0, limit), isMore: rows.length > limit }
  }
}

/** A row that another version of Tandem wrote may be unreadable: it is left out. */
function rowOf<Row>({ number, timeMs, row }: StoredRow, schema: TSchema): Row[] {
  const value: unknown = { ...(JSON.parse(row) as object), id: `${timeMs}-${number}` }
  return Value.Check(schema, value) ? [value as Row] : []
}

type Statements = Readonly<Record<Table, ReturnType<typeof prepareFor>>>

function openAnywhere(
  path: string,
  log: Log,
): { database: ReplaceableDatabase<Statements>; fault?: string } {
  const options = { migrations, prepare, log }
  try {
    return { database: new ReplaceableDatabase(path, options) }
  } catch (error) {
    const fault = reasonOf(error)
    log.warn({ path, reason: fault }, 'the history is kept in memory only')
    return { database: new ReplaceableDatabase(':memory:', options), fault }
  }
}

function prepare(database: Database): Statements {
  return {
    transfers: prepareFor(database, 'transfers'),
    queries: prepareFor(database, 'queries'),
    samples: prepareFor(database, 'samples'),
  }
}

/** @returns every statement, compiled once */
function prepareFor(database: Database, name: Table) {
  const columns = 'number, time_ms as timeMs, row'
  return {
    add: database.prepare(`insert into ${name} (time_ms, row) values (?, ?)`),
    removeBeyond: database.prepare(
      `delete from ${name} where number <= (select max(number) from ${name}) - ?`,
    ),
    removeOld: database.prepare(`delete from ${name} where time_ms < ?`),
    before: database.prepare(`
      select ${columns} from ${name} where (time_ms, number) < (@timeMs, @number)
        and (@direction is null or row ->> '$.direction' = @direction)
      order by time_ms desc, number desc limit @limit`),
    since: database.prepare(`select ${columns} from ${name} where time_ms > ? order by time_ms`),
  }
}
