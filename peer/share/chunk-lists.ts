import type { Statement } from 'better-sqlite3'
import { hashBytes } from '../../common/content/chunks.ts'
import type { Database } from '../../common/sqlite.ts'

/** Bytes of a chunk's hash by which it is found; the list then tells whether it is the hash. */
const hashStartBytes = 8
/** Lists with one chunk among which a search chooses: a chunk of zeros is in very many. */
export const listsPerChunkMax = 4

/** The starts of the hashes in `@hashes`, in the order of their table. */
const hashStarts = `
  WITH RECURSIVE chunks (chunk) AS
    (SELECT 0 UNION ALL SELECT chunk + 1 FROM chunks WHERE (chunk + 1) * ${hashBytes} < length(@hashes))
  SELECT DISTINCT substr(@hashes, 1 + chunk * ${hashBytes}, ${hashStartBytes}) AS start
    FROM chunks ORDER BY start`
const listChunks = `INSERT INTO listed_chunks SELECT start, @list FROM (${hashStarts})`

/** The version of the catalog's schema that introduced the search for chunks. */
export function migrateToChunkSearch(database: Database): void {
  database.exec(chunkSearchTables)
  const lists = database.prepare<[], { list: number }>('SELECT id AS list FROM chunk_lists').all()
  const hashes = database
    .prepare<[list: number], Buffer>('SELECT hashes FROM chunk_lists WHERE id = ?')
    .pluck()
  const insert = database.prepare(listChunks)
  for (const { list } of lists) insert.run({ list, hashes: hashes.get(list) })
}

const chunkSearchTables = `
  CREATE TABLE new_chunk_lists (
    id INTEGER PRIMARY KEY, -- for listed_chunks; SQLite may change rowids without a name
    sha256 TEXT NOT NULL UNIQUE,
    hashes BLOB NOT NULL
  ) STRICT;
  INSERT INTO new_chunk_lists (sha256, hashes) SELECT sha256, hashes FROM chunk_lists ORDER BY rowid;
  DROP TABLE chunk_lists;
  ALTER TABLE new_chunk_lists RENAME TO chunk_lists;

  -- The chunk lists in which a chunk's hash occurs, by the first ${hashStartBytes} bytes of the hash.
  CREATE TABLE listed_chunks (
    hash_start BLOB NOT NULL,
    list INTEGER NOT NULL,
    PRIMARY KEY (hash_start, list)
  ) STRICT, WITHOUT ROWID;
`

interface ListRow {
  readonly sha256: string
  readonly hashes: Buffer
}

/**
 * The chunk lists of the catalog's contents of two or more chunks, and in which of them a chunk occurs.
 * It takes about 50 bytes per chunk: a 20,000th of the contents.
 */
export class ChunkLists {
  readonly #get: Statement<[sha256: string], ListRow>
  readonly #insert: Statement<[sha256: string, hashes: Uint8Array]>
  readonly #insertChunks: Statement<[{ list: number | bigint; hashes: Uint8Array }]>
  readonly #unused: Statement<[{ sha256: string }], { list: number; hashes: Buffer }>
  readonly #removeChunks: Statement<[{ list: number; hashes: Uint8Array }]>
  readonly #remove: Statement<[list: number]>
  readonly #with: Statement<[hashStart: Uint8Array], ListRow>

  constructor(database: Database) {
    this.#get = database.prepare('SELECT sha256, hashes FROM chunk_lists WHERE sha256 = ?')
    this.#insert = database.prepare(
      'INSERT OR IGNORE INTO chunk_lists (sha256, hashes) VALUES (?, ?)',
    )
    this.#insertChunks = database.prepare(listChunks)
    this.#unused = database.prepare(`
      SELECT id AS list, hashes FROM chunk_lists WHERE sha256 = @sha256
        AND NOT EXISTS (SELECT 1 FROM entries WHERE sha256 = @sha256)`)
    this.#removeChunks = database.prepare(
      `DELETE FROM listed_chunks WHERE list = @list AND hash_start IN (${hashStarts})`,
    )
    this.#remove = database.prepare('DELETE FROM chunk_lists WHERE id = ?')
    this.#with = database.prepare(`
      SELECT sha256, hashes FROM listed_chunks JOIN chunk_lists ON id = list
        WHERE hash_start = ? ORDER BY list DESC LIMIT ${listsPerChunkMax}`)
  }

  /** The hashes of a content's chunks; undefined for a content of one chunk. */
  get(sha256: string): Buffer | undefined {
    return this.#get.get(sha256)?.hashes
  }

  /** Adds the list of a content, unless it is known or has only one chunk. */
  add(sha256: string, hashes: Uint8Array): void {
    if (hashes.byteLength <= hashBytes) return
    const { changes, lastInsertRowid: list } = this.#insert.run(sha256, hashes)
    if (changes > 0) this.#insertChunks.run({ list, hashes })
  }

  /** Removes the list of a content that no entry has. */
  prune({ sha256 }: { readonly sha256: string }): void {
    const unused = this.#unused.get({ sha256 })
    if (unused === undefined) return
    this.#removeChunks.run(unused)
    this.#remove.run(unused.list)
  }

  /** Lists that have a chunk whose hash starts like this one, at most `listsPerChunkMax`, the newest first. */
  with(hash: Uint8Array): ListRow[] {
    return this.#with.all(hash.subarray(0, hashStartBytes))
  }
}
