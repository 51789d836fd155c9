/**
 * The intent log: see `intent-kinds.ts`. Earlier unshares enter it with the time 0, older than any
 * later decision.
 */
export const intent = `
create table intent (
  kind text not null,
  key text not null,
  -- JSON; null once revoked.
  value text,
  changed_ms integer not null,
  revision integer not null,
  primary key (kind, key)
) strict, without rowid;
create unique index intent_by_revision on intent (revision);
create index intent_by_age on intent (kind, value is null, changed_ms);

-- One row: the name of this numbering, set when it is first opened, and the last number used.
create table intent_log (log_id text not null, revision integer not null) strict;
insert into intent_log values ('', 0);

create table intent_counts (
  kind text primary key,
  in_force integer not null,
  revoked integer not null
) strict, without rowid;
create trigger intent_added after insert on intent begin
  insert into intent_counts values (new.kind, new.value is not null, new.value is null)
    on conflict do update set in_force = in_force + excluded.in_force,
      revoked = revoked + excluded.revoked;
end;
create trigger intent_removed after delete on intent begin
  update intent_counts set in_force = in_force - (old.value is not null),
    revoked = revoked - (old.value is null) where kind = old.kind;
end;
create trigger intent_changed after update of value on intent begin
  update intent_counts set
    in_force = in_force + (new.value is not null) - (old.value is not null),
    revoked = revoked + (new.value is null) - (old.value is null)
    where kind = new.kind;
end;

insert into intent select 'unshared', owner || '/' || name, 'true', 0,
  row_number() over (order by name, owner) from unshared;
update intent_log set revision = (select count(*) from intent);
`
