/** The numbers of hashes in a table that is written in their order; see hash-index.ts. */
export const contentHashes = `
create table content_hashes (
  hash_number integer not null,
  content_id integer not null,
  primary key (hash_number, content_id)
) strict, without rowid;
insert into content_hashes select hash_number, content_id from contents order by 1, 2;
drop index contents_by_hash;
-- The contents up to this one are in the table; those after it are read at the start.
alter table totals add column hashed_content_id integer not null default 0;
update totals set hashed_content_id = last_content_id;
`
