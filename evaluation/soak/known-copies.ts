import { join } from 'node:path'
import SQLite from 'better-sqlite3'
import { type CopyKind, copyKinds } from '../../common/protocol/shapes.ts'
import type { Database } from '../../common/sqlite.ts'
import { noOwnerKey } from '../../indexing-server/store/peer-keys.ts'

/** A copy that the index has recorded. */
export interface KnownCopy {
  readonly peerId: string
  /** Of a replica; otherwise empty. */
  readonly owner: string
  readonly name: string
  readonly sha256: string
  readonly kind: CopyKind
  readonly contentId: number
  /** Whether it counts: a file of the cluster has the content, and the copy was not unshared. */
  readonly isWanted: boolean
}

type KnownCopyRow = Omit<KnownCopy, 'kind' | 'isWanted'> & { kind: number; isWanted: number }

/**
 * Every copy in the database of a stopped index; a running index locks it. The protocol would omit
 * withheld copies.
 */
export function knownCopies(indexFolder: string): KnownCopy[] {
  const database = new SQLite(join(indexFolder, 'index.sqlite'), { readonly: true })
  try {
    return copiesIn(database)
  } finally {
    database.close()
  }
}

/** Every copy in the database of an index. */
export function copiesIn(database: Database): KnownCopy[] {
  const rows = database
    .prepare(
      `select holders.peer_id as peerId, owners.peer_id as owner, name, sha256, kind,
         copies.content_id as contentId, contents.files > 0 and withheld = 0 as isWanted
       from copies
         cross join contents on contents.content_id = copies.content_id
         cross join files on files.file_id = copies.file_id
         cross join peer_keys as holders on holders.peer_key = copies.peer_key
         cross join peer_keys as owners
           on owners.peer_key = iif(kind = 2, files.owner_key, ${noOwnerKey})`,
    )
    .all() as KnownCopyRow[]
  return rows.map(({ kind, isWanted, ...row }) => ({
    ...row,
    kind: copyKinds[kind] ?? 'shared',
    isWanted: isWanted === 1,
  }))
}
