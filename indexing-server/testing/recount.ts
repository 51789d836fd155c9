import type { Database } from '../../common/sqlite.ts'
import { unpackCounts } from '../store/packed-holders.ts'

/**
 * What is wrong in the tables of an index: a counter, a packed holder or a pointer that differs from
 * what a query over all rows finds, or a row to which nothing refers. Empty if all is well.
 */
export function faultsIn(database: Database): string[] {
  const faults = Object.entries(faultyRows).flatMap(([what, sql]) =>
    database
      .prepare(sql)
      .all()
      .map((row) => `${what}: ${JSON.stringify(row)}`),
  )
  return [...faults, ...faultyHolders(database)]
}

function faultyHolders(database: Database): string[] {
  const held = database
    .prepare(
      `select content_id, peer_key * 3 + kind, count(*) from copies where withheld = 0
       group by 1, 2`,
    )
    .raw()
    .all() as [number, number, number][]
  const counted = Map.groupBy(held, ([contentId]) => contentId)
  const rows = database.prepare('select content_id, holders from contents').raw().all()
  return (rows as [number, string][]).flatMap(([contentId, packed]) => {
    const expected = (counted.get(contentId) ?? []).map(([, code, count]) => `${code}: ${count}`)
    const found = Array.from(unpackCounts(packed), ([code, count]) => `${code}: ${count}`)
    const isSame = expected.toSorted().join() === found.toSorted().join()
    return isSame ? [] : [`holders of ${contentId}: ${packed}, not ${expected.join()}`]
  })
}

/** Queries that find nothing. */
const faultyRows = {
  totals: `select totals.*, counted.* from totals, (select
      (select count(distinct name) from files where content_id is not null) as name_count,
      (select count(*) from contents) as content_count,
      (select count(*) from contents where files > 0) as wanted_count,
      (select count(*) from copies where withheld = 0) as copy_count,
      (select total(size) from contents) as byte_count,
      (select count(*) from trash) as trash_count,
      (select total(size) from trash join contents using (content_id)) as trash_bytes_count
    ) as counted
    where names <> name_count or contents <> content_count or wanted <> wanted_count
      or copies <> copy_count or bytes <> byte_count or trash_files <> trash_count
      or trash_bytes <> trash_bytes_count
      or last_content_id < ifnull((select max(content_id) from contents), 0)`,
  peers: `select peer_id, peers.copies, bytes, replicas, replica_bytes from peers, (
      select id, count(size) as n, total(size) as b, total(size * (kind = 2)) as rb,
        total(kind = 2) as r from (
        select peers.peer_id as id, held.kind, size from peers
          left join peer_keys using (peer_id)
          left join (select * from copies join contents using (content_id) where withheld = 0)
            as held using (peer_key)
      ) group by id
    ) as counted where counted.id = peers.peer_id
      and (peers.copies <> n or bytes <> b or replicas <> r or replica_bytes <> rb)`,
  'files of a content': `select content_id, contents.files, file_id from contents
    where contents.files <>
      (select count(*) from files where files.content_id = contents.content_id)
      + (select count(*) from trash where trash.content_id = contents.content_id)`,
  'pointers to files': `select content_id, file_id from files where content_id is not null
    except select * from (select content_id, file_id from contents
      union all select content_id, file_id from more_files)`,
  'pointers to nothing': `select content_id, file_id from (
      select content_id, file_id from contents where file_id is not null
      union all select content_id, file_id from more_files)
    except select content_id, file_id from files`,
  'unused names': `select * from files where content_id is null
    and file_id not in (select file_id from copies)`,
  'unused contents': `select * from contents where files = 0
    and content_id not in (select content_id from copies)
    and content_id not in (select content_id from replaced)`,
  'copies without a name': 'select * from copies where file_id not in (select file_id from files)',
  'lost contents': `select content_id from (
      select content_id from copies union select content_id from files
        where content_id is not null
      union select content_id from trash union select content_id from replaced)
    except select content_id from contents`,
  'numbers of hashes': `select * from (
      select hash_number, content_id from contents, totals where content_id <= hashed_content_id
      except select * from content_hashes)
    union all select * from (
      select * from content_hashes except select hash_number, content_id from contents)`,
  'rows of one name': `select owner_key, name from files group by 1, 2 having count(*) > 1`,
  'keys of owners': 'select * from files where file_id / 4294967296 <> owner_key',
}
