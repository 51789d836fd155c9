/**
 * Other numberings whose decisions this log has: of an index that lost its disk, or of this one
 * before its database was replaced by an older copy.
 */
export const intentSources = `
create table intent_sources (
  place integer primary key autoincrement,
  log_id text not null unique,
  -- All of its records up to this one have been read.
  revision integer not null
) strict;
`
