/**
 * Several contents of one file on one peer, and replaced versions: earlier contents of a file that
 * are kept. A row of `replaced` keeps the copies of its content from being dropped.
 */
export const replacedVersions = `
create table new_copies (
  peer_id text not null references peers,
  kind integer not null,
  owner text not null,
  name text not null,
  -- The content's hash when the peer keeps it beside a copy of other content of the file, or empty.
  version text not null,
  content_id integer not null references contents,
  modified_ms integer not null,
  inventory integer not null,
  withheld integer not null,
  primary key (peer_id, kind, owner, name, version)
) strict, without rowid;
insert into new_copies
  select peer_id, kind, owner, name, '', content_id, modified_ms, inventory, withheld from copies;
drop table copies;
alter table new_copies rename to copies;
create index copies_by_content on copies (content_id, kind);
create index downloads_by_name on copies (name, content_id) where kind = 1;
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

create table replaced (
  owner text not null,
  name text not null,
  content_id integer not null references contents,
  modified_ms integer not null,
  -- When the index learned that the file has other content.
  replaced_ms integer not null,
  primary key (owner, name, content_id)
) strict, without rowid;
create index replaced_by_time on replaced (replaced_ms);
create index replaced_by_name on replaced (name);
create index replaced_by_content on replaced (content_id);
`
