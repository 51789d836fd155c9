/**
 * The trash: files that their owners deleted, whose contents are still wanted. `gone` are names that
 * their owners removed; replicas that no file needs are `stray`.
 */
export const trash = `
-- When the owner began to share the file, by the clock of the index; 0 if that is unknown.
alter table files add column added_ms integer not null default 0;
alter table copies add column stray integer not null default 0;
create index strays_by_peer on copies (peer_id) where stray = 1;
create index strays_by_file on copies (owner, name) where stray = 1;

create table trash (
  owner text not null,
  name text not null,
  content_id integer not null references contents,
  modified_ms integer not null,
  -- When the owner deleted it, by its clock, and when the index learned of it.
  deleted_ms integer not null,
  trashed_ms integer not null,
  primary key (owner, name)
) strict, without rowid;
create index trash_by_name on trash (name, owner);
create index trash_by_content on trash (content_id);
create index trash_by_time on trash (trashed_ms);

create table gone (
  owner text not null,
  name text not null,
  gone_ms integer not null,
  -- Whether a replica that a peer announces later belongs in the trash.
  is_kept integer not null,
  primary key (owner, name)
) strict, without rowid;
create index gone_by_name on gone (name);
create index gone_by_time on gone (gone_ms);

alter table totals add column trash_files integer not null default 0;
alter table totals add column trash_bytes real not null default 0;
create trigger trash_added after insert on trash begin
  update contents set files = files + 1 where content_id = new.content_id;
  update totals set trash_files = trash_files + 1,
    trash_bytes = trash_bytes + (select size from contents where content_id = new.content_id);
end;
create trigger trash_removed after delete on trash begin
  update contents set files = files - 1 where content_id = old.content_id;
  update totals set trash_files = trash_files - 1,
    trash_bytes = trash_bytes - (select size from contents where content_id = old.content_id);
end;
`
