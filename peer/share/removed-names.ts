import type { Statement } from 'better-sqlite3'
import type { Change } from '../../common/protocol/messages.ts'
import type { Database } from '../../common/sqlite.ts'

/** Why a shared file is no longer there; `renamedTo` is the name that its content has now. */
export type Removal =
  | { readonly reason: 'deleted' | 'withdrawn' }
  | { readonly reason: 'renamed'; readonly renamedTo: string }

/** A row of the change list; `owner` and `version` are columns that other changes have. */
export interface RemovedRow {
  readonly seq: bigint
  readonly kind: null
  readonly name: string
  readonly owner: 'deleted' | 'renamed' | 'withdrawn'
  readonly version: string | null
  readonly size: bigint
}

/**
 * Removed names that are remembered after the index has learned of them, for an index that loses its
 * disk.
 */
export const removedNamesMax = 100_000
/** Names removed between two searches for the oldest to keep, which pass over all. */
const removedPerPrune = 1_000

export const removedNamesMigration = `
  -- Files of shared/ that were deleted, renamed, or are ignored now. An index that lost its disk
  -- hears of them again.
  CREATE TABLE removed (
    name TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    reason TEXT NOT NULL,
    renamed_to TEXT,
    removed_ms INTEGER NOT NULL,
    sha256 TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX removed_by_seq ON removed (seq);
  CREATE INDEX removed_by_content ON removed (sha256, removed_ms);
  -- A renamed file keeps its inode.
  CREATE INDEX entries_by_inode ON entries (inode) WHERE kind = 'shared';
`

/** The columns of a change of the catalog, for each removed name. */
export const removedChanges =
  'SELECT seq, NULL, name, reason, renamed_to, NULL, removed_ms, NULL, NULL, NULL, NULL FROM removed WHERE seq > @seq'

/** The names that this peer no longer shares because their files are gone. */
export class RemovedNames {
  readonly #insert: Statement<[string, number, string, string | null, number, string]>
  readonly #clear: Statement<[string]>
  readonly #deletedSince: Statement<[string, number], { name: string }>
  readonly #rename: Statement<[string, number, string]>
  readonly #seqOfNth: Statement<[nth: number], number>
  readonly #newestUpTo: Statement<[seq: number], number | null>
  readonly #forget: Statement<[number]>
  readonly #namesMax: number
  /** Since `#excessSeq` was computed; the first call computes it. */
  #added = removedPerPrune
  /** The newest change to forget once the index has heard of it. */
  #excessSeq = 0

  constructor(database: Database, { namesMax }: { readonly namesMax: number }) {
    this.#namesMax = namesMax
    this.#insert = database.prepare('INSERT OR REPLACE INTO removed VALUES (?, ?, ?, ?, ?, ?)')
    this.#clear = database.prepare('DELETE FROM removed WHERE name = ?')
    this.#deletedSince = database.prepare(`
      SELECT name FROM removed WHERE sha256 = ? AND removed_ms >= ? AND reason = 'deleted'
      ORDER BY removed_ms DESC LIMIT 1`)
    this.#rename = database.prepare(`
      UPDATE removed SET reason = 'renamed', renamed_to = ?, seq = ? WHERE name = ?`)
    this.#seqOfNth = database
      .prepare<[number], number>('SELECT seq FROM removed ORDER BY seq DESC LIMIT 1 OFFSET ?')
      .pluck() as unknown as Statement<[number], number>
    this.#newestUpTo = database
      .prepare<[number], number | null>('SELECT max(seq) FROM removed WHERE seq <= ?')
      .pluck() as unknown as Statement<[number], number | null>
    this.#forget = database.prepare('DELETE FROM removed WHERE seq <= ?')
  }

  add(of: { name: string; sha256: string; atMs: number; seq: number }, removal: Removal): void {
    const { name, sha256, atMs, seq } = of
    const renamedTo = removal.reason === 'renamed' ? removal.renamedTo : null
    this.#added += 1
    this.#insert.run(name, seq, removal.reason, renamedTo, Math.round(atMs), sha256)
  }

  clear(name: string): void {
    this.#clear.run(name)
  }

  /** The name deleted last with this content, since then. */
  deletedSince(sha256: string, sinceMs: number): string | undefined {
    return this.#deletedSince.get(sha256, Math.floor(sinceMs))?.name
  }

  /** A deleted file was renamed after all. */
  rename(name: string, to: string, seq: number): void {
    this.#rename.run(to, seq, name)
  }

  /**
   * Forgets the oldest of the names that the index has heard of, once there are many.
   * @returns the number of the newest change that was forgotten
   */
  prune(seenSeq: number): number | undefined {
    if (this.#added >= Math.min(removedPerPrune, this.#namesMax)) {
      this.#excessSeq = this.#seqOfNth.get(this.#namesMax) ?? 0
      this.#added = 0
    }
    const newest = this.#newestUpTo.get(Math.min(seenSeq, this.#excessSeq))
    if (newest === null || newest === undefined) return undefined
    this.#forget.run(newest)
    return newest
  }
}

export function removalOf({ seq, name, owner, version, size }: RemovedRow): Change {
  const removed = { op: 'remove', seq: Number(seq), name, reason: owner } as const
  const removedMs = Math.max(0, Number(size))
  return { ...removed, removedMs, ...(version !== null && { renamedTo: version }) }
}
