/**
 * Owners that were forgotten after they had announced their files: the index has them all, so that
 * no other peer may restore further ones, unless some were lost.
 */
export const forgottenOwners = `
create table forgotten_owners (
  peer_id text primary key,
  -- Whether files of it were removed because no peer had them.
  has_lost integer not null
) strict, without rowid;
`
