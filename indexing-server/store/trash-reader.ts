import type { Database } from '../../common/sqlite.ts'
import type { ContentReader } from './content-reader.ts'
import { fileIdsOf } from './file-rows.ts'
import type { PeerKeys } from './peer-keys.ts'
import type { FileKey, StrayReplica, TrashedFile } from './store.ts'

type TrashRow = Omit<TrashedFile, 'content'> & { readonly contentId: number }

type StrayRow = readonly [
  place: number,
  version: string,
  ownerKey: number,
  name: string,
  sha256: string,
  contentId: number,
  /** A file that has the content. */
  fileId: number | null,
]

/** Queries about the trash, and about replicas that their files do not need. */
export class TrashReader {
  readonly #sql: ReturnType<typeof prepare>
  readonly #keys: PeerKeys
  readonly #contents: Pick<ContentReader, 'contents'>

  constructor(
    database: Database,
    { keys, contents }: { keys: PeerKeys; contents: Pick<ContentReader, 'contents'> },
  ) {
    this.#sql = prepare(database)
    this.#keys = keys
    this.#contents = contents
  }

  list({ name, owner }: FileKey, limit: number): TrashedFile[] {
    return this.#files(this.#sql.list.all({ name, owner, limit }) as TrashRow[])
  }

  named(name: string, limit: number): TrashedFile[] {
    return this.#files(this.#sql.named.all(name, limit) as TrashRow[])
  }

  oldest(limit: number, beforeMs = Number.MAX_SAFE_INTEGER): TrashedFile[] {
    return this.#files(this.#sql.oldest.all(beforeMs, limit) as TrashRow[])
  }

  strays(
    peerId: string,
    limit: number,
    { place, version }: Pick<StrayReplica, 'place' | 'version'> = { place: 0, version: '' },
  ): StrayReplica[] {
    const peerKey = this.#keys.keyOf(peerId)
    if (peerKey === undefined) return []
    const rows = this.#sql.strays.all({ peerKey, place, version, limit }) as StrayRow[]
    return rows.flatMap((row) => {
      const [place, version, ownerKey, name, sha256] = row
      const owner = this.#keys.idOf(ownerKey)
      const to = this.#fileWith(row, owner)
      return to === undefined ? [] : [{ place, owner, name, version, sha256, to }]
    })
  }

  /** The file of the same owner, if there is one: usually the new name of a renamed file. */
  #fileWith(row: StrayRow, owner: string): FileKey | undefined {
    const [, , ownerKey, , , contentId, fileId] = row
    const { first, last } = fileIdsOf(ownerKey)
    const isOwn = fileId !== null && fileId >= first && fileId <= last
    const ownId = isOwn
      ? fileId
      : (this.#sql.moreOf.get(contentId, first, last) as number | undefined)
    if (ownId !== undefined) return this.#file(ownId)
    const trashed = this.#sql.trashed.all({ contentId, owner }) as FileKey[]
    if (trashed[0]?.owner === owner || fileId === null) return trashed[0]
    return this.#file(fileId)
  }

  #file(fileId: number): FileKey {
    const [ownerKey, name] = this.#sql.file.get(fileId) as [number, string]
    return { owner: this.#keys.idOf(ownerKey), name }
  }

  #files(rows: readonly TrashRow[]): TrashedFile[] {
    const ids = new Set(rows.map(({ contentId }) => contentId))
    const contents = this.#contents.contents([...ids])
    const byId = new Map(contents.map((content) => [content.contentId, content]))
    return rows.flatMap(({ contentId, ...row }) => {
      const content = byId.get(contentId)
      return content === undefined ? [] : [{ ...row, content }]
    })
  }
}

/** @returns every statement of the reader, compiled once */
function prepare(database: Database) {
  const file = `owner, name, content_id as contentId, modified_ms as modifiedMs,
    deleted_ms as deletedMs, trashed_ms as trashedMs`
  return {
    list: database.prepare(`
      select ${file} from trash where (name, owner) > (+@name, +@owner)
      order by name, owner limit @limit`),
    named: database.prepare(`
      select ${file} from trash where name = +? order by deleted_ms desc, owner limit ?`),
    oldest: database.prepare(`
      select ${file} from trash where trashed_ms <= +? order by trashed_ms, owner, name limit ?`),
    strays: database
      .prepare(
        `select copies.file_id, version, owner_key, name, sha256, contents.content_id,
          contents.file_id
         from copies indexed by strays_by_peer
           cross join contents on contents.content_id = copies.content_id
           cross join files on files.file_id = copies.file_id
         where peer_key = +@peerKey and stray = 1 and kind = 2
           and (copies.file_id, version) > (+@place, +@version) and contents.files > 0
         order by copies.file_id, version limit @limit`,
      )
      .raw(),
    moreOf: database
      .prepare(
        'select file_id from more_files where content_id = +? and file_id between ? and ? limit 1',
      )
      .pluck(),
    trashed: database.prepare(`
      select owner, name from trash where content_id = +@contentId
      order by owner <> +@owner limit 1`),
    file: database.prepare('select owner_key, name from files where file_id = +?').raw(),
  }
}
