/** The part of a peer's copies that it keeps for the cluster. */
export const replicaCounts = `
alter table peers add column replicas integer not null default 0;
alter table peers add column replica_bytes real not null default 0;
update peers set (replicas, replica_bytes) = (
  select count(*), total(size) from copies join contents using (content_id)
  where copies.peer_id = peers.peer_id and kind = 2 and withheld = 0);
create trigger replica_added after insert on copies when new.withheld = 0 and new.kind = 2 begin
  update peers set replicas = replicas + 1,
    replica_bytes = replica_bytes + (select size from contents where content_id = new.content_id)
    where peer_id = new.peer_id;
end;
create trigger replica_removed after delete on copies when old.withheld = 0 and old.kind = 2 begin
  update peers set replicas = replicas - 1,
    replica_bytes = replica_bytes - (select size from contents where content_id = old.content_id)
    where peer_id = old.peer_id;
end;
`
