import type { Database, MigrationProgress } from '../../../common/sqlite.ts'
import { hashNumberOf } from '../content-hashes.ts'

/** Pages kept in memory meanwhile: each name is searched for once per copy. */
const cacheKibibytes = 128 * 1024

/**
 * Small numbers instead of peer ids, one row per name of an owner to which its copies refer, and
 * holders packed into the row of their content: a lookup reads two rows. The counters are kept by
 * code, which writes each once per commit; see `tallies.ts`.
 */
export function packedRows(database: Database, onProgress: MigrationProgress): void {
  const cacheSize = database.pragma('cache_size', { simple: true }) as number
  database.pragma(`cache_size = -${cacheKibibytes}`)
  database.exec(seed)
  const hashNumber = hashNumberOf(database)
  database.function('hash_number', (sha256) => hashNumber(sha256 as string))
  for (const [index, [what, sql]] of steps.entries()) {
    onProgress(`${index + 1} of ${steps.length}: ${what}`)
    database.exec(sql)
  }
  database.pragma(`cache_size = ${cacheSize}`)
}

/** Of the numbers of hashes; random, and kept to find them again. */
const seed = `
alter table totals add column hash_seed integer not null default 0;
update totals set hash_seed = abs(random() % 9007199254740991);
`

const keys = `
drop trigger copy_added; drop trigger copy_removed; drop trigger replica_added;
drop trigger replica_removed; drop trigger file_added; drop trigger file_removed;
drop trigger content_added; drop trigger content_removed; drop trigger content_wanted;
drop trigger trash_added; drop trigger trash_removed;
drop index copies_by_content; drop index downloads_by_name; drop index strays_by_peer;
drop index strays_by_file; drop index files_by_name; drop index files_by_content;
alter table files rename to old_files;
alter table copies rename to old_copies;
alter table contents rename to old_contents;
alter table holders rename to old_holders;
alter table replaced rename to old_replaced;
alter table trash rename to old_trash;

create table peer_keys (peer_key integer primary key, peer_id text not null unique) strict;
-- No owner: of downloads.
insert into peer_keys values (0, '');
insert into peer_keys (peer_id)
  select peer_id from peers
  union select owner from old_files
  union select owner from old_copies where owner <> ''
  union select peer_id from old_copies;
`

/** Owners' names. The owner of a shared copy is its peer; a downloaded one has none. */
const files = `
create table files (
  -- The key of the owner, times 2^32, plus a number of its own.
  file_id integer primary key,
  owner_key integer not null,
  name text not null,
  -- Null if the owner has no such file now: only copies refer to it.
  content_id integer,
  modified_ms integer not null,
  -- Whether the owner itself said so; otherwise a keeper of a replica did, for an owner not heard since.
  from_owner integer not null,
  -- When the owner began to share the file, by the clock of the index; 0 if that is unknown.
  added_ms integer not null
) strict;
insert into files
  select peer_key * 4294967296 + row_number() over (partition by owner order by name), peer_key,
    name, content_id, modified_ms, from_owner, added_ms
  from old_files cross join peer_keys on peer_id = owner order by owner, name;
insert into files
  select peer_key * 4294967296 + row_number() over (partition by peer_key order by name)
      + ifnull((select max(file_id) - peer_key * 4294967296 from files
        where file_id between peer_key * 4294967296 and (peer_key + 1) * 4294967296 - 1), 0),
    peer_key, name, null, 0, 0, 0
  from (
    select distinct iif(kind = 0, peer_id, owner) as owner, name from old_copies
    where not exists (select 1 from old_files
      where old_files.owner = iif(old_copies.kind = 0, old_copies.peer_id, old_copies.owner)
        and old_files.name = old_copies.name)
  ) as found cross join peer_keys on peer_id = found.owner;
drop table old_files;
-- With all that a lookup needs.
create index files_by_name on files (name, owner_key, content_id, modified_ms, from_owner);
create index downloads_by_name on files (name) where owner_key = 0;
`

const copies = `
create table copies (
  peer_key integer not null,
  file_id integer not null,
  -- Position in copyKinds: 0 shared, 1 downloaded, 2 replicated.
  kind integer not null,
  -- The content's hash when the peer keeps it beside a copy of other content of the file, or empty.
  version text not null,
  content_id integer not null,
  modified_ms integer not null,
  inventory integer not null,
  -- Known, but no part of the cluster: 1 unshared, 2 damaged.
  withheld integer not null,
  stray integer not null,
  primary key (peer_key, file_id, kind, version)
) strict, without rowid;
insert into copies
  select holders.peer_key, file_id, kind, version, old_copies.content_id, old_copies.modified_ms,
    inventory, withheld, stray
  from old_copies
    cross join peer_keys as holders on holders.peer_id = old_copies.peer_id
    cross join peer_keys as owners
      on owners.peer_id = iif(kind = 0, old_copies.peer_id, old_copies.owner)
    cross join files on files.name = old_copies.name and files.owner_key = owners.peer_key
  order by 1, 2, 3, 4;
drop table old_copies;
create index copies_by_content on copies (content_id, kind);
create index copies_by_file on copies (file_id);
create index strays_by_peer on copies (peer_key) where stray = 1;
`

const contents = `
-- The files of each content but one.
create table more_files (
  content_id integer not null,
  file_id integer not null,
  primary key (content_id, file_id)
) strict, without rowid;
insert into more_files
  select content_id, file_id from files where content_id is not null order by 1, 2;
create table contents (
  content_id integer primary key,
  -- See content-hashes.ts.
  hash_number integer not null,
  -- In hexadecimal digits, as is chunk_root.
  sha256 text not null,
  size integer not null,
  -- Null if it equals sha256, as it does for every single-chunk content.
  chunk_root text,
  -- How many files have it, here or in the trash: the content is wanted while there is one.
  files integer not null,
  -- One of the files that have it; the others are in more_files.
  file_id integer,
  -- Which peers have a copy of which kind, and how many; see packed-holders.ts.
  holders text not null
) strict;
insert into contents
  select content_id, hash_number(lower(hex(sha256))), lower(hex(sha256)), size,
    iif(chunk_root is null, null, lower(hex(chunk_root))), files,
    (select min(file_id) from more_files where more_files.content_id = old_contents.content_id),
    ifnull((select group_concat(packed, ',') from (
      select peer_key || substr('sdr', kind + 1, 1) || iif(copies > 1, copies, '') as packed
      from old_holders cross join peer_keys using (peer_id)
      where old_holders.content_id = old_contents.content_id order by peer_id, kind)), '')
  from old_contents order by content_id;
delete from more_files where file_id =
  (select file_id from contents where contents.content_id = more_files.content_id);
create index contents_by_hash on contents (hash_number);
drop table old_holders;
`

/** Without references to contents, which checked each row that is deleted. */
const others = `
create table replaced (
  owner text not null,
  name text not null,
  content_id integer not null,
  modified_ms integer not null,
  -- When the index learned that the file has other content.
  replaced_ms integer not null,
  primary key (owner, name, content_id)
) strict, without rowid;
insert into replaced select * from old_replaced;
drop table old_replaced;
create index replaced_by_time on replaced (replaced_ms);
create index replaced_by_name on replaced (name);
create index replaced_by_content on replaced (content_id);

create table trash (
  owner text not null,
  name text not null,
  content_id integer not null,
  modified_ms integer not null,
  -- When the owner deleted it, by its clock, and when the index learned of it.
  deleted_ms integer not null,
  trashed_ms integer not null,
  primary key (owner, name)
) strict, without rowid;
insert into trash select * from old_trash;
drop table old_trash;
create index trash_by_name on trash (name, owner);
create index trash_by_content on trash (content_id);
create index trash_by_time on trash (trashed_ms);
drop table old_contents;

-- Ids of contents are never used twice: replication remembers contents by them.
alter table totals add column last_content_id integer not null default 0;
update totals set last_content_id =
  max(ifnull((select seq from sqlite_sequence where name = 'old_contents'), 0),
    ifnull((select seq from sqlite_sequence where name = 'contents'), 0),
    ifnull((select max(content_id) from contents), 0));
`

const steps = [
  ['keys of peers', keys],
  ['files', files],
  ['copies', copies],
  ['contents', contents],
  ['replaced versions and the trash', others],
] as const
