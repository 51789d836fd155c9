import { diskError } from '../../common/disk-error.ts'
import { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import { openOrReplace } from '../../common/replace-database.ts'
import type { Database } from '../../common/sqlite.ts'

/** A pattern whose files this peer keeps in downloaded/. */
export interface FollowRule {
  readonly id: number
  /** As `parseRulePattern` returns it. */
  readonly pattern: string
  /** Only that number of files, the ones modified last; undefined: all. */
  readonly newest: number | undefined
  /** Wall time. */
  readonly addedMs: number
}

/** What a rule has done about a name. */
export interface FollowedFile {
  /** The hash of the content that it put into downloaded/ last, or that was there; undefined if none. */
  readonly held: string | undefined
  /** The hash of the content that is being fetched to replace it; undefined if none. */
  readonly coming: string | undefined
}

const migrations = [
  `create table rules (
    id integer primary key autoincrement,
    pattern text not null unique,
    newest integer,
    added_ms integer not null
  ) strict;
  create table files (
    rule integer not null references rules (id) on delete cascade,
    name text not null,
    held text,
    coming text,
    primary key (rule, name)
  ) strict, without rowid;`,
  `create table auto_fetched (id integer primary key check (id = 1), count integer not null) strict;
  insert into auto_fetched values (1, 0);`,
]

/** The rules of `follow`, the files that they put into downloaded/, and how many `--auto-fetch` fetched, on disk. */
export class FollowStore implements Disposable {
  readonly #path: string
  readonly #database: Database
  readonly #sql: ReturnType<typeof prepare>

  /** A damaged file is moved aside, and no rule is left. @throws AppError DATA_IN_USE, DATABASE_UNUSABLE */
  constructor(path: string, { log }: { log: Log }) {
    this.#path = path
    this.#database = openOrReplace(path, { migrations, log, isRead: true })
    this.#sql = prepare(this.#database)
  }

  /** In the order in which they were added; at most `limits.followRulesMax`. */
  rules(): FollowRule[] {
    const rows = this.#sql.rules.all() as (Omit<FollowRule, 'newest'> & { newest: number | null })[]
    return rows.map((row) => ({ ...row, newest: row.newest ?? undefined }))
  }

  /**
   * Adds a rule, or changes that of the same pattern, which keeps its files.
   * @throws AppError TOO_MANY_FOLLOWED, DISK_FULL, DISK_FAILED
   */
  put({ pattern, newest, addedMs }: Omit<FollowRule, 'id'>): void {
    const rules = this.rules()
    const isNew = rules.every((rule) => rule.pattern !== pattern)
    if (isNew && rules.length >= limits.followRulesMax)
      throw new AppError('TOO_MANY_FOLLOWED', { max: limits.followRulesMax })
    this.#write(() => this.#sql.put.run(pattern, newest ?? null, Math.floor(addedMs)))
  }

  /** Removes a rule and what is known of its files. @returns whether there was one. @throws AppError DISK_FULL, DISK_FAILED */
  remove(pattern: string): boolean {
    return this.#write(() => this.#sql.remove.run(pattern).changes > 0)
  }

  file(rule: number, name: string): FollowedFile | undefined {
    const row = this.#sql.file.get(rule, name) as
      | { held: string | null; coming: string | null }
      | undefined
    return row && { held: row.held ?? undefined, coming: row.coming ?? undefined }
  }

  /** Without effect if the rule is gone. @throws AppError DISK_FULL, DISK_FAILED */
  putFile(rule: number, name: string, { held, coming }: FollowedFile): void {
    const row = { rule, name, held: held ?? null, coming: coming ?? null }
    this.#write(() => this.#sql.putFile.run(row))
  }

  /** Files that were fetched because of `--auto-fetch`, by all runs of this peer. */
  get autoFetched(): number {
    return (this.#sql.autoFetched.get() as { count: number }).count
  }

  /** One more was fetched. @throws AppError DISK_FULL, DISK_FAILED */
  addAutoFetched(): void {
    this.#write(() => this.#sql.addAutoFetched.run())
  }

  #write<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw diskError({ action: 'write', path: this.#path, neededBytes: 0 }, error)
    }
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }
}

function prepare(database: Database) {
  return {
    rules: database.prepare(
      'select id, pattern, newest, added_ms as addedMs from rules order by id',
    ),
    put: database.prepare(
      `insert into rules (pattern, newest, added_ms) values (?, ?, ?)
       on conflict (pattern) do update set newest = excluded.newest`,
    ),
    remove: database.prepare('delete from rules where pattern = ?'),
    file: database.prepare('select held, coming from files where rule = ? and name = ?'),
    autoFetched: database.prepare('select count from auto_fetched'),
    addAutoFetched: database.prepare('update auto_fetched set count = count + 1'),
    putFile: database.prepare(
      `insert into files (rule, name, held, coming)
         select id, @name, @held, @coming from rules where id = @rule
       on conflict (rule, name) do update set held = excluded.held, coming = excluded.coming`,
    ),
  }
}
