/** What the index has found by asking peers to prove that they have their copies. */
export const proofs = `
-- Copies that do not count until their holder has proven them.
create table unproven (
  peer_id text not null,
  sha256 text not null,
  -- Why: wrong, late or absent.
  failure text not null,
  -- Since when, by the clock of the index.
  since_ms integer not null,
  primary key (peer_id, sha256)
) strict, without rowid;
-- How far all contents have been asked for; one row at most.
create table proof_walk (
  only integer primary key check (only = 1),
  after text not null,
  round integer not null,
  stepped_ms integer not null
) strict;
`
