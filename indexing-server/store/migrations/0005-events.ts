/** What happened, for people. Numbers are never used twice: they are cursors. */
export const events = `
create table events (
  event_id integer primary key autoincrement,
  time_ms integer not null,
  kind text not null,
  peer_id text,
  other_peer_id text,
  name text,
  folder text,
  sha256 text,
  count integer not null,
  bytes integer,
  duration_ms integer,
  reason text
) strict;
`
