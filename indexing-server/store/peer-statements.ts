import type { Statement } from 'better-sqlite3'
import type { Database } from '../../common/sqlite.ts'
import { boundedBytes, holdingsColumns } from './bounded-bytes.ts'
import { releaseUnusedIdentity } from './forget-writer.ts'

export type PeerStatements = Readonly<
  Record<
    | 'peers'
    | 'register'
    | 'continueRun'
    | 'seenSeq'
    | 'resumableSeq'
    | 'probe'
    | 'holdings'
    | 'identity'
    | 'bind'
    | 'release'
    | 'releaseIfEmpty'
    | 'recordGone'
    | 'totals',
    Statement
  >
>

/** @returns the statements about peers and totals, compiled once */
export function preparePeers(database: Database): PeerStatements {
  return {
    peers: database.prepare(`
      select peer_id as peerId, host, port, zone, free_bytes as freeBytes,
        ${holdingsColumns}, heard_ms as heardMs, gone
      from peers order by peer_id`),
    register: database.prepare(`
      insert into peers (peer_id, host, port, zone, free_bytes, heard_ms)
        values (@peerId, @host, @port, @zone, @freeBytes, @heardMs)
      on conflict do update set host = @host, port = @port, zone = @zone,
        free_bytes = @freeBytes, heard_ms = @heardMs, gone = null`),
    continueRun: database.prepare(`
      update peers set epoch = ? where peer_id = ? and epoch = ? and seen_seq <= ?
        and inventory_ended = 1`),
    seenSeq: database
      .prepare('select seen_seq from peers where peer_id = ? and epoch = ? and inventory_ended = 1')
      .pluck(),
    resumableSeq: database
      .prepare(`
        select seen_seq from peers where peer_id = @peerId and inventory_ended = 1 and
          (epoch = @epoch or (epoch = @continuedEpoch and seen_seq <= @continuedSeq))`)
      .pluck(),
    probe: database.prepare('update write_probe set filler = randomblob(?)'),
    holdings: database.prepare(`select ${holdingsColumns} from peers where peer_id = ?`),
    identity: database.prepare('select identity from identities where peer_id = ?').pluck(),
    bind: database.prepare('insert into identities values (?, ?)'),
    release: database.prepare('delete from identities where peer_id = @peerId'),
    releaseIfEmpty: database.prepare(releaseUnusedIdentity),
    recordGone: database.prepare('update peers set gone = ?, heard_ms = ? where peer_id = ?'),
    totals: database.prepare(`
      select names, contents, wanted, copies, ${boundedBytes}, trash_files as trashFiles,
        max(0, min(trash_bytes, ${Number.MAX_SAFE_INTEGER})) as trashBytes
      from totals`),
  }
}
