import { AppError } from '../../common/errors.ts'
import { type Random, randomId } from '../../common/random.ts'
import type { Database } from '../../common/sqlite.ts'
import {
  type Decision,
  type IntentBounds,
  type IntentKind,
  type IntentRecord,
  intentKinds,
  isNewer,
  type RecordOf,
  readRecord,
  type WrittenRecord,
} from './intent-kinds.ts'

/** How long a revoked decision is remembered: a holder that was away longer may bring it back. */
const revokedKeptMs = 366 * 86_400_000
/** Other logs that are remembered: an index loses its disk far less often. */
const sourcesMax = 64
/** Records forgotten per transaction: about 5 ms. */
const forgottenPerPass = 1_000

/** A numbering of decisions: the revisions of another one say nothing about it. */
export interface IntentState {
  readonly logId: string
  /** The number of the last record. */
  readonly revision: number
}

export interface NumberedRecord extends WrittenRecord {
  readonly revision: number
}

/** The table of decisions. Its writes must run within a transaction. */
export class IntentLog {
  readonly #sql: ReturnType<typeof prepare>
  readonly #random: Random

  constructor(database: Database, random: Random) {
    this.#sql = prepare(database)
    this.#random = random
    this.#sql.nameLog.run(randomId(random))
  }

  get state(): IntentState {
    return this.#sql.state.get() as IntentState
  }

  /** Other logs, and up to which revision their records are here. */
  get sources(): ReadonlyMap<string, number> {
    const rows = this.#sql.sources.all() as IntentState[]
    return new Map(rows.map(({ logId, revision }) => [logId, revision]))
  }

  /** All records of another log up to this one are here. */
  recordSource(logId: string, revision: number): void {
    this.#sql.recordSource.run(logId, revision)
    this.#sql.forgetSources.run(sourcesMax)
  }

  /**
   * Continues under another name: who has the old one may have other records under its numbers, and
   * is read from the beginning.
   */
  fork(): void {
    this.recordSource(this.state.logId, 0)
    this.#sql.rename.run(randomId(this.#random))
  }

  /**
   * Records a decision, later than the one before it by any clock.
   * @returns undefined if it is in force already
   * @throws AppError INTENT_FULL
   */
  decide(decision: Decision, nowMs: number): IntentRecord | undefined {
    const { kind, key } = decision
    const value = decision.value === null ? null : JSON.stringify(decision.value)
    const before = this.#sql.record.get(kind, key) as WrittenRecord | undefined
    const { isDated }: IntentBounds = intentKinds[kind]
    const isSame = (before?.value ?? null) === value
    if (isSame && (value === null || isDated !== true)) return undefined
    if (value !== null && (before?.value ?? null) === null) this.#refuseFull(kind)
    const changedMs = Math.max(nowMs, (before?.changedMs ?? -1) + 1)
    this.#put({ kind, key, value, changedMs })
    return { ...decision, changedMs }
  }

  /** Records a decision that was made elsewhere, unless it has a later one. */
  merge(record: IntentRecord): boolean {
    if (!this.lacks(record)) return false
    this.#put(written(record))
    return true
  }

  /** Whether it has no decision on the same kind and key, or an earlier one. */
  lacks(record: IntentRecord): boolean {
    const before = this.#sql.record.get(record.kind, record.key) as WrittenRecord | undefined
    return before === undefined || isNewer(written(record), before)
  }

  /** What is in force of a kind, sorted by key. */
  inForce<K extends IntentKind>(kind: K, after: string, limit: number): RecordOf<K>[] {
    const rows = this.#sql.inForce.all(kind, after, limit) as WrittenRecord[]
    return rows.flatMap((row) => (readRecord(row) ?? []) as RecordOf<K>[])
  }

  /** Records in the order of their numbers, each key once. */
  since(revision: number, limit: number): NumberedRecord[] {
    return this.#sql.since.all(revision, limit) as NumberedRecord[]
  }

  /** Forgets records beyond the bounds of their kinds; returns how many. */
  prune(nowMs: number): number {
    let forgotten = 0
    for (const [kind, { recordsMax, whenFull }] of Object.entries<IntentBounds>(intentKinds)) {
      const counts = this.#countsOf(kind)
      const oldMs = nowMs - revokedKeptMs
      const tooMany = (count: number): number =>
        Math.min(Math.max(0, count - recordsMax), forgottenPerPass)
      forgotten += this.#sql.forgetOldest.run(kind, 1, oldMs, forgottenPerPass).changes
      for (const [isRevoked, count] of [
        [1, tooMany(counts.revoked)],
        [0, whenFull === 'forget' ? tooMany(counts.inForce) : 0],
      ] as const)
        if (count > 0)
          forgotten += this.#sql.forgetOldest.run(kind, isRevoked, nowMs, count).changes
    }
    return forgotten
  }

  #refuseFull(kind: IntentKind): void {
    const { recordsMax, whenFull }: IntentBounds = intentKinds[kind]
    if (whenFull === 'refuse' && this.#countsOf(kind).inForce >= recordsMax)
      throw new AppError('INTENT_FULL', { kind, max: recordsMax })
  }

  #countsOf(kind: string): { readonly inForce: number; readonly revoked: number } {
    const counts = this.#sql.counts.get(kind)
    return (counts ?? { inForce: 0, revoked: 0 }) as { inForce: number; revoked: number }
  }

  #put(record: WrittenRecord): void {
    this.#sql.advance.run()
    this.#sql.put.run(record)
  }
}

function written({ kind, key, value, changedMs }: IntentRecord): WrittenRecord {
  return { kind, key, value: value === null ? null : JSON.stringify(value), changedMs }
}

/** @returns every statement about the log, compiled once */
function prepare(database: Database) {
  const record = 'kind, key, value, changed_ms as changedMs'
  return {
    nameLog: database.prepare("update intent_log set log_id = ? where log_id = ''"),
    state: database.prepare('select log_id as logId, revision from intent_log'),
    rename: database.prepare('update intent_log set log_id = ?'),
    sources: database.prepare('select log_id as logId, revision from intent_sources'),
    recordSource: database.prepare(`
      insert into intent_sources (log_id, revision) values (?, ?)
      on conflict (log_id) do update set revision = max(revision, excluded.revision)`),
    forgetSources: database.prepare(`
      delete from intent_sources where place not in (
        select place from intent_sources order by place desc limit ?)`),
    record: database.prepare(`select ${record} from intent where kind = ? and key = ?`),
    advance: database.prepare('update intent_log set revision = revision + 1'),
    put: database.prepare(`
      insert into intent values (@kind, @key, @value, @changedMs,
        (select revision from intent_log))
      on conflict do update set value = excluded.value, changed_ms = excluded.changed_ms,
        revision = excluded.revision`),
    inForce: database.prepare(`
      select ${record} from intent
      where kind = ? and key > ? and value is not null order by key limit ?`),
    since: database.prepare(`
      select ${record}, revision from intent where revision > ? order by revision limit ?`),
    counts: database.prepare(
      'select in_force as inForce, revoked from intent_counts where kind = ?',
    ),
    forgetOldest: database.prepare(`
      delete from intent where (kind, key) in (
        select kind, key from intent where kind = ? and (value is null) = ? and changed_ms <= ?
        order by changed_ms limit ?)`),
  }
}
