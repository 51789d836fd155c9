import type { ReplicaVersion } from '../../common/protocol/messages.ts'
import type { Database } from '../../common/sqlite.ts'
import type { PeerKeys } from './peer-keys.ts'
import type { ObsoleteCopy, ReplicatedCopy } from './store.ts'

/** Queries about replicated copies. */
export class ReplicaReader {
  readonly #sql: ReturnType<typeof prepare>
  readonly #keys: PeerKeys

  constructor(database: Database, keys: PeerKeys) {
    this.#sql = prepare(database)
    this.#keys = keys
  }

  obsoleteCopies(contentId: number, limit: number): ReplicatedCopy[] {
    return this.#sql.obsoleteCopies.all(contentId, limit) as ReplicatedCopy[]
  }

  replicasAt(contentId: number, peerId: string, limit: number): ReplicatedCopy[] {
    const peerKey = this.#keys.keyOf(peerId)
    if (peerKey === undefined) return []
    const rows = this.#sql.replicasAt.all(contentId, peerKey, limit) as [string, string][]
    return rows.map(([owner, name]) => ({ peerId, owner, name }))
  }

  replicaContentId(peerId: string, { owner, name, sha256 }: ReplicaVersion): number | undefined {
    const keys = this.#keysOf(peerId, owner)
    if (keys === undefined) return undefined
    return this.#sql.replicaContentId.get({ ...keys, name, sha256 }) as number | undefined
  }

  obsoleteCopy(peerId: string, { owner, name, sha256 }: ReplicaVersion): ObsoleteCopy | undefined {
    const keys = this.#keysOf(peerId, owner)
    if (keys === undefined) return undefined
    const row = this.#sql.obsoleteCopy.get({ ...keys, name, sha256 }) as
      | { contentId: number; successorId: number | null }
      | undefined
    return row && { ...row, successorId: row.successorId ?? undefined }
  }

  #keysOf(peerId: string, owner: string): { peerKey: number; ownerKey: number } | undefined {
    const peerKey = this.#keys.keyOf(peerId)
    const ownerKey = this.#keys.keyOf(owner)
    return peerKey === undefined || ownerKey === undefined ? undefined : { peerKey, ownerKey }
  }
}

/**
 * Conditions on `copies`, their `files` and the `owners` of these: replicated copies that their file
 * does not need. It was unshared or, according to its owner, has other content, and the version is
 * not kept; or the copy is stray. For a version that a peer keeps beside other content, a keeper's
 * word is enough.
 */
const isObsolete = `copies.kind = 2 and (
    exists (select 1 from unshared
      where unshared.name = files.name and unshared.owner = owners.peer_id)
    or ((files.from_owner = 1 or copies.version <> '')
      and files.content_id <> copies.content_id
      and not exists (select 1 from replaced
        where replaced.owner = owners.peer_id and replaced.name = files.name
          and replaced.content_id = copies.content_id))
    or (copies.stray = 1
      and not exists (select 1 from replaced where replaced.content_id = copies.content_id))
  )`

/** @returns the statements about replicated copies */
function prepare(database: Database) {
  const owners = 'cross join peer_keys as owners on owners.peer_key = files.owner_key'
  // From the name to its copy, whose content must have the hash.
  const copyNamed = `files ${owners}
    cross join copies on copies.file_id = files.file_id and copies.peer_key = +@peerKey
    cross join contents on contents.content_id = copies.content_id
    where files.name = +@name and files.owner_key = +@ownerKey and copies.kind = 2 and contents.sha256 = +@sha256`
  return {
    obsoleteCopies: database.prepare(`
      select distinct holders.peer_id as peerId, owners.peer_id as owner, name
      from copies cross join files using (file_id) ${owners}
        cross join peer_keys as holders on holders.peer_key = copies.peer_key
      where copies.content_id = +? and ${isObsolete} limit ?`),
    replicasAt: database
      .prepare(
        `select distinct owners.peer_id, name from copies cross join files using (file_id) ${owners}
         where copies.content_id = +? and kind = 2 and copies.peer_key = +? limit ?`,
      )
      .raw(),
    replicaContentId: database
      .prepare(`select copies.content_id from ${copyNamed} limit 1`)
      .pluck(),
    obsoleteCopy: database.prepare(`
      select copies.content_id as contentId, coalesce(files.content_id,
        (select trash.content_id from trash
          where trash.owner = owners.peer_id and trash.name = files.name)) as successorId
      from ${copyNamed} and ${isObsolete} limit 1`),
  }
}
