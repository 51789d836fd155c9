import type { Statement } from 'better-sqlite3'
import type { CopyKind } from '../../common/protocol/messages.ts'
import type { Database } from '../../common/sqlite.ts'
import type { ChangeRow, DropRow, EntryRow, EntryValues, KeyRow, KnownRow } from './catalog-rows.ts'
import { removedChanges } from './removed-names.ts'

interface CatalogRow {
  readonly epoch: string
  readonly last_seq: number
  readonly forgotten_seq: number
}

interface ListRequest extends Omit<KeyRow, 'version'> {
  readonly limit: number
}

/** Entries whose names start with a prefix, as a range between two texts. */
interface BelowRequest {
  readonly kind: CopyKind
  readonly owner: string
  readonly from: string
  readonly to: string
  readonly limit: number
}

/** A folder that the guard judges as a whole; `path` is below the data folder. */
export interface GuardedFolderRow {
  readonly path: string
  readonly device: string
  readonly inode: string
  /** Why entries without a file are kept in it. */
  readonly kept_reason: string | null
}

export interface Statements {
  readonly catalog: Statement<[], CatalogRow>
  readonly create: Statement<[epoch: string]>
  readonly saveEpoch: Statement<[epoch: string]>
  readonly saveLastSeq: Statement<[seq: number]>
  readonly saveForgotten: Statement<[seq: number]>
  readonly get: Statement<[KeyRow], EntryRow>
  readonly first: Statement<[sha256: string], EntryRow>
  readonly find: Statement<[sha256: string, limit: number], EntryRow>
  readonly byInode: Statement<[inode: bigint], EntryRow>
  readonly holds: Statement<[name: string, sha256: string], { seq: number }>
  readonly list: Statement<[ListRequest], EntryRow>
  readonly between: Statement<[afterSeq: number, lastSeq: number, limit: number], EntryRow>
  readonly seqsBetween: Statement<[afterSeq: number, lastSeq: number, limit: number], number>
  readonly known: Statement<
    [kind: CopyKind, name: string, owner: string, version: string],
    KnownRow
  >
  readonly below: Statement<[BelowRequest], EntryRow>
  readonly guardedFolders: Statement<[], GuardedFolderRow>
  readonly saveGuardedFolder: Statement<[GuardedFolderRow]>
  readonly removeGuardedFolder: Statement<[path: string]>
  readonly totals: Statement<[], { kind: CopyKind; count: number; bytes: number }>
  readonly insert: Statement<EntryValues>
  readonly noteChangeTime: Statement<[ctimeNs: bigint, seq: number]>
  readonly remove: Statement<[seq: number]>
  readonly insertUnflushed: Statement<[seq: number, bootId: string]>
  readonly unflushed: Statement<[bootId: string, afterSeq: number, limit: number], EntryRow>
  readonly unflushedBefore: Statement<[bootId: string, afterSeq: number, limit: number], EntryRow>
  readonly flushed: Statement<[seq: number]>
  readonly insertDrop: Statement<[DropRow]>
  readonly forgetDrop: Statement<[KeyRow]>
  readonly newestDrop: Statement<[seq: number], { seq: number | null }>
  readonly forgetDrops: Statement<[seq: number]>
  readonly changes: Statement<[{ seq: number; limit: number }], ChangeRow>
  readonly isUnshared: Statement<[name: string], { name: string }>
  readonly insertUnshared: Statement<[name: string, seq: number]>
  readonly clearUnshared: Statement<[name: string]>
}

const isDamaged = 'EXISTS (SELECT 1 FROM damage WHERE damage.seq = entries.seq)'
const byKey = 'kind = @kind AND name = @name AND owner = @owner AND version = @version'

/** Queries of scans. */
function scanStatements(
  database: Database,
): Pick<
  Statements,
  'below' | 'seqsBetween' | 'known' | 'guardedFolders' | 'saveGuardedFolder' | 'removeGuardedFolder'
> {
  const exact = <P extends unknown[] | object, R>(sql: string): Statement<P, R> =>
    database.prepare<P, R>(sql).safeIntegers() as Statement<P, R>
  return {
    below: exact(`
      SELECT * FROM entries WHERE kind = @kind AND name > @from AND name < @to
        AND (@owner = '' OR owner = @owner) ORDER BY name, owner LIMIT @limit`),
    seqsBetween: database
      .prepare<[number, number, number], number>(
        'SELECT seq FROM entries WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?',
      )
      .pluck() as unknown as Statements['seqsBetween'],
    known: exact(`
      SELECT seq, disk_name, size, mtime_ns, mtime_ns_high, ctime_ns, inode FROM entries
      WHERE kind = ? AND name = ? AND owner = ? AND version = ?`),
    guardedFolders: database.prepare('SELECT * FROM guarded_folders ORDER BY path'),
    saveGuardedFolder: database.prepare(
      'INSERT OR REPLACE INTO guarded_folders VALUES (@path, @device, @inode, @kept_reason)',
    ),
    removeGuardedFolder: database.prepare('DELETE FROM guarded_folders WHERE path = ?'),
  }
}

/** All statements on the catalog's database. Rows of entries and changes have bigint integers. */
export function prepareStatements(database: Database): Statements {
  const exact = <P extends unknown[] | object, R>(sql: string): Statement<P, R> =>
    database.prepare<P, R>(sql).safeIntegers() as Statement<P, R>
  return {
    ...scanStatements(database),
    catalog: database.prepare('SELECT epoch, last_seq, forgotten_seq FROM catalog'),
    create: database.prepare('INSERT INTO catalog VALUES (?, 0, 0)'),
    saveEpoch: database.prepare('UPDATE catalog SET epoch = ?'),
    saveLastSeq: database.prepare('UPDATE catalog SET last_seq = ?'),
    saveForgotten: database.prepare('UPDATE catalog SET forgotten_seq = max(forgotten_seq, ?)'),

    get: exact(`SELECT * FROM entries WHERE ${byKey}`),
    first: exact(`SELECT * FROM entries WHERE sha256 = ? AND NOT ${isDamaged} LIMIT 1`),
    find: exact(`SELECT * FROM entries WHERE sha256 = ? AND NOT ${isDamaged} LIMIT ?`),
    byInode: exact("SELECT * FROM entries WHERE inode = ? AND kind = 'shared' LIMIT 16"),
    // By name, because one content, such as the empty one, may have very many entries.
    holds: database.prepare(`
      SELECT seq FROM entries
      WHERE kind IN ('shared', 'downloaded', 'replicated') AND name = ? AND +sha256 = ?
        AND NOT ${isDamaged} LIMIT 1`),
    list: exact(`
      SELECT * FROM entries
      WHERE kind = @kind AND (name, owner) > (@name, @owner) AND version = ''
      ORDER BY name, owner LIMIT @limit`),
    between: exact('SELECT * FROM entries WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?'),
    totals: database.prepare(
      'SELECT kind, count(*) AS count, sum(size) AS bytes FROM entries GROUP BY kind',
    ),
    insert: database.prepare('INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    noteChangeTime: database.prepare('UPDATE entries SET ctime_ns = ? WHERE seq = ?'),
    remove: database.prepare('DELETE FROM entries WHERE seq = ?'),

    insertUnflushed: database.prepare('INSERT INTO unflushed VALUES (?, ?)'),
    unflushed: exact(
      'SELECT entries.* FROM unflushed JOIN entries USING (seq) WHERE boot_id = ? AND seq > ? ORDER BY seq LIMIT ?',
    ),
    unflushedBefore: exact(
      'SELECT entries.* FROM unflushed JOIN entries USING (seq) WHERE boot_id <> ? AND seq > ? ORDER BY seq LIMIT ?',
    ),
    flushed: database.prepare('DELETE FROM unflushed WHERE seq = ?'),

    insertDrop: database.prepare('INSERT INTO drops VALUES (@seq, @kind, @name, @owner, @version)'),
    forgetDrop: database.prepare(`DELETE FROM drops WHERE ${byKey}`),
    newestDrop: database.prepare('SELECT max(seq) AS seq FROM drops WHERE seq <= ?'),
    forgetDrops: database.prepare('DELETE FROM drops WHERE seq <= ?'),
    changes: exact(`
      SELECT seq, kind, name, owner, version, sha256, size, chunk_root, mtime_ns, mtime_ns_high,
          ${isDamaged} AS damaged
        FROM entries WHERE seq > @seq
      UNION ALL
      SELECT seq, kind, name, owner, version, NULL, NULL, NULL, NULL, NULL, NULL
        FROM drops WHERE seq > @seq
      UNION ALL
      SELECT seq, NULL, name, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        FROM unshared WHERE seq > @seq
      UNION ALL
      ${removedChanges}
      ORDER BY seq LIMIT @limit`),

    isUnshared: database.prepare('SELECT name FROM unshared WHERE name = ?'),
    insertUnshared: database.prepare('INSERT OR REPLACE INTO unshared VALUES (?, ?)'),
    clearUnshared: database.prepare('DELETE FROM unshared WHERE name = ?'),
  }
}
