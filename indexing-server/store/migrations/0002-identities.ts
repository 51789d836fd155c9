/**
 * The identities that peer ids are bound to, which exist nowhere else. Also, when this database was
 * created.
 */
export const identities = `
create table identities (peer_id text primary key, identity text not null) strict, without rowid;
alter table totals add column created_ms integer not null default 0;
`
