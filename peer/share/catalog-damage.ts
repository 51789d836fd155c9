import { ChunkSet } from '../../common/content/chunk-set.ts'
import { chunkCountFor } from '../../common/content/chunks.ts'
import type { Database } from '../../common/sqlite.ts'

/** The version of the catalog's schema that introduced it. */
export const damageMigration = `
  -- Entries whose files no longer have their content, though nothing says that a program wrote them.
  CREATE TABLE damage (
    seq INTEGER PRIMARY KEY REFERENCES entries ON DELETE CASCADE,
    found_ms INTEGER NOT NULL,
    good TEXT NOT NULL, -- the good chunks, as ChunkSet.toBitmap
    why TEXT NOT NULL
  ) STRICT;
`

/** What is wrong with the file of an entry. */
export interface Damage {
  readonly foundMs: number
  /** The chunks that are good, as far as the file was read. */
  readonly good: ChunkSet
  /** As in "the file {why}". */
  readonly why: string
}

interface DamageRow {
  readonly seq: number
  readonly found_ms: number
  readonly good: string
  readonly why: string
}

/** The damaged entries of the catalog: they are not served and do not count as copies. */
export class CatalogDamage {
  readonly #database: Database
  readonly #seqs = new Set<number>()
  #version = 0

  constructor(database: Database) {
    this.#database = database
    this.reload()
  }

  /** Reloads from disk, after a failed transaction. */
  reload(): void {
    this.#seqs.clear()
    const seqs = this.#database.prepare<[], number>('SELECT seq FROM damage').pluck()
    for (const seq of seqs.iterate() as Iterable<number>) this.#seqs.add(seq)
  }

  /** Whether there was a damaged entry at any time of this run. */
  get wasFound(): boolean {
    return this.#version > 0 || this.#seqs.size > 0
  }

  /** Counts what was found damaged in this run. */
  get version(): number {
    return this.#version
  }

  /** The number of a damaged entry with this content, if there is one. */
  with(sha256: string): number | undefined {
    return this.#database
      .prepare<[string], number>(
        'SELECT seq FROM damage JOIN entries USING (seq) WHERE sha256 = ? LIMIT 1',
      )
      .pluck()
      .get(sha256) as unknown as number | undefined
  }

  /** The number of damaged entries. */
  get count(): number {
    return this.#seqs.size
  }

  has(seq: number): boolean {
    return this.#seqs.size > 0 && this.#seqs.has(seq)
  }

  /** Numbers of damaged entries, after the given one. */
  after(seq: number, limit: number): number[] {
    return this.#database
      .prepare<[number, number], number>(
        'SELECT seq FROM damage WHERE seq > ? ORDER BY seq LIMIT ?',
      )
      .pluck()
      .all(seq, limit) as unknown as number[]
  }

  /** @param size of the entry's content */
  of(seq: number, size: number): Damage | undefined {
    if (!this.has(seq)) return undefined
    const row = this.#database
      .prepare<[number], DamageRow>('SELECT * FROM damage WHERE seq = ?')
      .get(seq)
    const count = chunkCountFor(size)
    return (
      row && {
        foundMs: row.found_ms,
        good: ChunkSet.fromBitmap(count, row.good) ?? new ChunkSet(count),
        why: row.why,
      }
    )
  }

  add(seq: number, { foundMs, good, why }: Damage): void {
    this.#database
      .prepare('INSERT INTO damage VALUES (?, ?, ?, ?)')
      .run(seq, foundMs, good.toBitmap(), why)
    this.#seqs.add(seq)
    this.#version += 1
  }

  /** The entry was removed, and its row with it. */
  onRemoved(seq: number): void {
    this.#seqs.delete(seq)
  }
}
