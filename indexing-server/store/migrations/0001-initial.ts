/**
 * `files`, `copies`, `contents` and `peers` hold what peers announced and can announce again;
 * `unshared` holds intent, which exists nowhere else. Triggers derive `holders` and the counters
 * from `copies` and `files`, so that no code can forget them.
 */
export const initial = `
-- Sums of bytes are real: what peers claim may add up to more than an integer holds.
create table totals (
  names integer not null, contents integer not null, wanted integer not null,
  copies integer not null, bytes real not null
) strict;
insert into totals values (0, 0, 0, 0, 0);

create table peers (
  peer_id text primary key,
  host text not null,
  port integer not null,
  zone text,
  free_bytes integer not null,
  -- The catalog whose changes seen_seq counts; empty before its first inventory.
  epoch text not null default '',
  seen_seq integer not null default 0,
  -- Counts full inventories. Copies of an earlier one are swept when this one ends.
  inventory integer not null default 0,
  inventory_ended integer not null default 1,
  copies integer not null default 0,
  bytes real not null default 0,
  heard_ms integer not null,
  gone text check (gone in ('left', 'dead'))
) strict, without rowid;

-- Ids are never used twice: replication remembers contents by them.
create table contents (
  content_id integer primary key autoincrement,
  sha256 blob not null,
  size integer not null,
  -- Null if it equals sha256, as it does for every single-chunk content.
  chunk_root blob,
  -- How many files have it: the content is wanted while there is one.
  files integer not null default 0
) strict;
create index contents_by_sha256 on contents (sha256);

create table copies (
  peer_id text not null references peers,
  -- Position in copyKinds: 0 shared, 1 downloaded, 2 replicated.
  kind integer not null,
  -- Empty unless replicated.
  owner text not null,
  name text not null,
  content_id integer not null references contents,
  modified_ms integer not null,
  inventory integer not null,
  -- A shared file that was unshared: known, but no part of the cluster.
  withheld integer not null,
  primary key (peer_id, kind, owner, name)
) strict, without rowid;
create index copies_by_content on copies (content_id, kind);
create index downloads_by_name on copies (name, content_id) where kind = 1;

-- Each peer once per kind, however many names it has a content under (a million empty files).
create table holders (
  content_id integer not null,
  peer_id text not null,
  kind integer not null,
  copies integer not null,
  primary key (content_id, peer_id, kind)
) strict, without rowid;

create table files (
  owner text not null,
  name text not null,
  content_id integer not null references contents,
  modified_ms integer not null,
  -- Whether the owner itself said so; otherwise a keeper of a replica did, for an owner not heard since.
  from_owner integer not null,
  primary key (owner, name)
) strict, without rowid;
create index files_by_name on files (name, content_id);
create index files_by_content on files (content_id);

create table unshared (
  name text not null,
  owner text not null,
  primary key (name, owner)
) strict, without rowid;

create trigger copy_added after insert on copies when new.withheld = 0 begin
  insert into holders values (new.content_id, new.peer_id, new.kind, 1)
    on conflict do update set copies = copies + 1;
  update peers set copies = copies + 1,
    bytes = bytes + (select size from contents where content_id = new.content_id)
    where peer_id = new.peer_id;
  update totals set copies = copies + 1;
end;
create trigger copy_removed after delete on copies when old.withheld = 0 begin
  update holders set copies = copies - 1
    where content_id = old.content_id and peer_id = old.peer_id and kind = old.kind;
  delete from holders where content_id = old.content_id and peer_id = old.peer_id
    and kind = old.kind and copies = 0;
  update peers set copies = copies - 1,
    bytes = bytes - (select size from contents where content_id = old.content_id)
    where peer_id = old.peer_id;
  update totals set copies = copies - 1;
end;
create trigger file_added after insert on files begin
  update contents set files = files + 1 where content_id = new.content_id;
  update totals set names = names + not exists
    (select 1 from files where name = new.name and owner <> new.owner);
end;
create trigger file_removed after delete on files begin
  update contents set files = files - 1 where content_id = old.content_id;
  update totals set names = names - not exists (select 1 from files where name = old.name);
end;
create trigger content_added after insert on contents begin
  update totals set contents = contents + 1, bytes = bytes + new.size;
end;
create trigger content_removed after delete on contents begin
  update totals set contents = contents - 1, bytes = bytes - old.size;
end;
create trigger content_wanted after update of files on contents begin
  update totals set wanted = wanted + (new.files > 0) - (old.files > 0);
end;
`
