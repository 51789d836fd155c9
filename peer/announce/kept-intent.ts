import { AppError, reasonOf } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import { thatFitFrame } from '../../common/protocol/frame-budget.ts'
import type {
  IntentRecord,
  IntentState,
  ReplyOf,
  RequestOf,
} from '../../common/protocol/messages.ts'
import { openOrReplace } from '../../common/replace-database.ts'
import { type Database, openDatabase } from '../../common/sqlite.ts'

const table = (name: string): string => `
  create table ${name} (
    kind text not null, key text not null,
    -- JSON; null once revoked.
    value text,
    changed_ms integer not null,
    revision integer not null,
    primary key (kind, key)
  ) strict, without rowid;
  create index ${name}_by_revision on ${name} (revision);`

/** `incoming` is an unfinished copy of another log, which replaces the kept one when complete. */
const migrations = [
  `${table('kept')} ${table('incoming')}
  create table logs (
    place text primary key check (place in ('kept', 'incoming')),
    log_id text not null,
    revision integer not null
  ) strict, without rowid;`,
]

type Place = 'kept' | 'incoming'

/** Records stored between two counts, which pass over all. */
const recordsPerCount = 10_000

/**
 * A copy of the index's decisions, for an index that loses its disk: all records of one log up to a
 * revision. Kept as it was sent; only an index decides which of two decisions wins.
 */
export class KeptIntent implements Disposable {
  readonly #path: string
  readonly #database: Database
  readonly #sql: ReturnType<typeof prepare>
  readonly #recordsMax: number
  /** Records stored since the last count; the first call counts. */
  #uncounted = Infinity

  /**
   * A damaged file is moved aside; without a usable one, decisions are kept in memory until the peer ends.
   * @param options.recordsMax of each log, plus those stored between two counts
   */
  constructor(
    path: string,
    { log, recordsMax = limits.intentRecordsMax }: { log: Log; recordsMax?: number },
  ) {
    this.#path = path
    this.#recordsMax = recordsMax
    this.#database = openAnywhere(path, log)
    this.#sql = prepare(this.#database)
  }

  /** What is complete; undefined if nothing is. */
  get state(): IntentState | undefined {
    return this.#stateOf('kept')
  }

  /**
   * Stores a page. Pages of a log continue each other; one that does not is ignored.
   * @returns up to which revision this log is stored, complete or not
   * @throws AppError DISK_FAILED
   */
  keep({
    logId,
    after,
    revision,
    isLast,
    records,
  }: RequestOf<'keep-intent'>): ReplyOf<'keep-intent'> {
    return this.#written(() => {
      const place: Place = this.#stateOf('kept')?.logId === logId ? 'kept' : 'incoming'
      if (place === 'incoming' && after === 0) this.#start(logId)
      const stored = this.#stateOf(place)
      if (stored?.logId !== logId || stored.revision !== after)
        return { revision: stored?.logId === logId ? stored.revision : 0 }
      for (const record of records) this.#sql[place].put.run(record)
      this.#trim(place, records.length)
      this.#sql.setState.run(place, logId, revision)
      if (place === 'incoming' && isLast) this.#replaceKept()
      return { revision }
    })
  }

  /** A page of what is kept, in the order of the revisions. */
  read({ after, limit }: RequestOf<'read-intent'>): ReplyOf<'read-intent'> {
    return { records: thatFitFrame(this.#sql.since.all(after, limit) as IntentRecord[]) }
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }

  /** @throws AppError DISK_FAILED, without a change */
  #written<T>(work: () => T): T {
    try {
      return this.#database.transaction(work)()
    } catch (error) {
      const details = { action: 'write', path: this.#path, reason: reasonOf(error) }
      throw new AppError('DISK_FAILED', details, { cause: error })
    }
  }

  #trim(place: Place, stored: number): void {
    this.#uncounted += stored
    if (this.#uncounted < Math.min(recordsPerCount, this.#recordsMax)) return
    this.#uncounted = 0
    const { count, forgetOldest } = this.#sql[place]
    const excess = (count.get() as number) - this.#recordsMax
    if (excess > 0) forgetOldest.run(excess)
  }

  #start(logId: string): void {
    this.#sql.incoming.clear.run()
    this.#sql.setState.run('incoming', logId, 0)
  }

  #replaceKept(): void {
    this.#sql.kept.clear.run()
    this.#sql.moveIncoming.run()
    this.#sql.incoming.clear.run()
    this.#sql.moveState.run()
  }

  #stateOf(place: Place): IntentState | undefined {
    return this.#sql.state.get(place) as IntentState | undefined
  }
}

function openAnywhere(path: string, log: Log): Database {
  try {
    return openOrReplace(path, { migrations, log, isRead: true })
  } catch (error) {
    log.warn({ path, reason: reasonOf(error) }, 'decisions of the cluster are kept in memory only')
    return openDatabase(':memory:', { migrations })
  }
}

/** @returns every statement, compiled once */
function prepare(database: Database) {
  const writes = (place: Place) => ({
    put: database.prepare(`
      insert into ${place} values (@kind, @key, @value, @changedMs, @revision)
      on conflict do update set value = excluded.value, changed_ms = excluded.changed_ms,
        revision = excluded.revision`),
    clear: database.prepare(`delete from ${place}`),
    count: database.prepare(`select count(*) from ${place}`).pluck(),
    forgetOldest: database.prepare(`
      delete from ${place} where (kind, key) in (
        select kind, key from ${place} order by value is not null, changed_ms limit ?)`),
  })
  return {
    kept: writes('kept'),
    incoming: writes('incoming'),
    state: database.prepare('select log_id as logId, revision from logs where place = ?'),
    setState: database.prepare('insert or replace into logs values (?, ?, ?)'),
    moveIncoming: database.prepare('insert into kept select * from incoming'),
    moveState: database.prepare(
      `insert or replace into logs select 'kept', log_id, revision from logs
       where place = 'incoming'`,
    ),
    since: database.prepare(`
      select kind, key, value, changed_ms as changedMs, revision from kept
      where revision > ? order by revision limit ?`),
  }
}
