import { join } from 'node:path'
import SQLite from 'better-sqlite3'

/** A copy that the index has recorded. */
export interface KnownCopy {
  readonly peerId: string
  readonly name: string
  readonly sha256: string
}

/**
 * Every copy in the database of a stopped index; a running index locks it. The protocol would omit
 * withheld copies.
 */
export function knownCopies(indexFolder: string): KnownCopy[] {
  const database = new SQLite(join(indexFolder, 'index.sqlite'), { readonly: true })
  try {
    const rows = database
      .prepare(
        'select peer_id, name, hex(sha256) as sha256 from copies join contents using (content_id)',
      )
      .all() as { peer_id: string; name: string; sha256: string }[]
    return rows.map(({ peer_id, name, sha256 }) => ({
      peerId: peer_id,
      name,
      sha256: sha256.toLowerCase(),
    }))
  } finally {
    database.close()
  }
}
