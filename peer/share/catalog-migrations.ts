import type { Migration } from '../../common/sqlite.ts'
import { aliasesMigration } from './aliases.ts'
import { damageMigration } from './catalog-damage.ts'
import { migrateToChunkSearch } from './chunk-lists.ts'
import { removedNamesMigration } from './removed-names.ts'

/**
 * The catalog's schema, version by version; see `openDatabase`. Never change a released version:
 * add another.
 */
export const catalogMigrations = [
  `
  CREATE TABLE catalog (
    epoch TEXT NOT NULL,
    last_seq INTEGER NOT NULL,
    -- The newest forgotten drop: an index with fewer changes needs the whole inventory.
    forgotten_seq INTEGER NOT NULL
  ) STRICT;

  -- A change gives its entry a new number, so that the rows after a number are the changes since.
  CREATE TABLE entries (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    owner TEXT NOT NULL, -- '' unless replicated
    disk_name TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    chunk_root TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX entries_by_name ON entries (kind, name, owner);
  CREATE INDEX entries_by_content ON entries (sha256);

  -- What is gone, until the index has seen it.
  CREATE TABLE drops (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    UNIQUE (kind, name, owner)
  ) STRICT;

  -- Of contents with more than one chunk; a single chunk's hash is the content's.
  CREATE TABLE chunk_lists (sha256 TEXT PRIMARY KEY, hashes BLOB NOT NULL) STRICT;

  -- Files in shared/ that their owner took out of the cluster and kept on disk.
  CREATE TABLE unshared (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  `,
  `
  -- Files that may be lost if the machine stops now, and the run of the machine in which they were written.
  CREATE TABLE unflushed (
    seq INTEGER PRIMARY KEY REFERENCES entries ON DELETE CASCADE,
    boot_id TEXT NOT NULL
  ) STRICT;
  `,
  // Each run of a peer now has its own epoch; that of an older catalog cannot be continued.
  "UPDATE catalog SET epoch = '';",
  aliasesMigration,
  // The upper bits of a time before 1678 or after 2262, which exceeds the 64 bits of mtime_ns; see
  // catalog-rows.ts.
  'ALTER TABLE entries ADD COLUMN mtime_ns_high INTEGER NOT NULL DEFAULT 0;',
  `
  -- Unsharing is a change like others: an index that lost its disk hears of it again.
  ALTER TABLE unshared ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;
  UPDATE unshared SET seq = (SELECT last_seq FROM catalog) + numbered.place
    FROM (SELECT name, row_number() OVER (ORDER BY name) AS place FROM unshared) AS numbered
    WHERE unshared.name = numbered.name;
  UPDATE catalog SET last_seq = last_seq + (SELECT count(*) FROM unshared);
  CREATE UNIQUE INDEX unshared_by_seq ON unshared (seq);
  `,
  `
  -- Of a replicated copy that was moved aside for other content of its file: the content's hash; else ''.
  ALTER TABLE entries ADD COLUMN version TEXT NOT NULL DEFAULT '';
  DROP INDEX entries_by_name;
  CREATE UNIQUE INDEX entries_by_name ON entries (kind, name, owner, version);
  CREATE TABLE new_drops (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    version TEXT NOT NULL,
    UNIQUE (kind, name, owner, version)
  ) STRICT;
  INSERT INTO new_drops SELECT seq, kind, name, owner, '' FROM drops;
  DROP TABLE drops;
  ALTER TABLE new_drops RENAME TO drops;
  `,
  `
  -- Folders that are judged as a whole: the roots, and what is mounted below them. 64 bits, unsigned.
  CREATE TABLE guarded_folders (
    path TEXT PRIMARY KEY, -- below the data folder
    device TEXT NOT NULL,
    inode TEXT NOT NULL,
    -- Why entries without a file are kept; NULL when there are none.
    kept_reason TEXT
  ) STRICT, WITHOUT ROWID;
  `,
  // The file's change time; unknown until the next comparison.
  'ALTER TABLE entries ADD COLUMN ctime_ns INTEGER;',
  damageMigration,
  migrateToChunkSearch,
  removedNamesMigration,
] as const satisfies readonly Migration[]
