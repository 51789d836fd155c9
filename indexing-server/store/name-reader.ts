import { AppError } from '../../common/errors.ts'
import type { Database } from '../../common/sqlite.ts'
import { noOwnerKey, type PeerKeys } from './peer-keys.ts'
import type { IdPage, ListedName, Namesakes } from './store.ts'

/** Downloads keep a name listed until it is unshared or its owner removes it. */
export const listedDownloads = `files indexed by downloads_by_name
  cross join copies on copies.file_id = files.file_id
  where owner_key = ${noOwnerKey} and kind = 1
  and not exists (select 1 from unshared where unshared.name = files.name)
  and not exists (select 1 from gone where gone.name = files.name)`

type CopyOfPeer = readonly [fileId: number, kind: number, version: string, contentId: number]

/** Queries about names, and pages of all contents. */
export class NameReader {
  readonly #sql: ReturnType<typeof prepare>
  readonly #keys: PeerKeys

  constructor(database: Database, keys: PeerKeys) {
    this.#sql = prepare(database)
    this.#keys = keys
  }

  modifiedTimes(rows: readonly ListedName[]): (number | undefined)[] {
    return rows.map((row) => (this.#sql.modifiedTime.get(row) as number | null) ?? undefined)
  }

  listNames({ name, contentId }: ListedName, limit: number): ListedName[] {
    return this.#sql.listNames.all({ name, contentId, limit }) as ListedName[]
  }

  rowsNamed(from: ListedName, limit: number): ListedName[] {
    const { name, contentId: after } = from
    const rows = this.#sql.rowsNamed.all(name) as [ownerKey: number, contentId: number | null][]
    const [[ownerKey, contentId] = [noOwnerKey, null]] = rows
    if (rows.length === 0) return []
    // Most names are those of one file without downloads.
    const isSole = rows.length === 1 && ownerKey !== noOwnerKey && contentId !== null
    if (isSole) return contentId > after ? [{ name, contentId }] : []
    const ids = this.#sql.contentsNamed.all({ name, after, limit }) as number[]
    return ids.map((id) => ({ name, contentId: id }))
  }

  namesakes(name: string, limit: number): Namesakes {
    const owners = this.#sql.ownersNamed.all(name, limit) as string[]
    return {
      owners,
      unsharedBy: this.#sql.unsharedBy.all(name, limit) as string[],
      isListedByDownloads: this.#sql.isListedByDownloads.get(name) !== undefined,
    }
  }

  contentIdsOf(peerId: string, after: string | undefined, limit: number): IdPage {
    const key = after === undefined ? [0, -1, ''] : copyKeyOf(after)
    const peerKey = this.#keys.keyOf(peerId)
    if (peerKey === undefined) return { contentIds: [], next: undefined }
    const rows = this.#sql.idsOfPeer.all(peerKey, ...key, limit) as CopyOfPeer[]
    const last = rows.length === limit ? rows.at(-1) : undefined
    return {
      contentIds: rows.map((row) => row[3]),
      next: last && JSON.stringify(last.slice(0, 3)),
    }
  }

  contentIds(after: string | undefined, limit: number): IdPage {
    const contentIds = this.#sql.ids.all(Number(after ?? 0), limit) as number[]
    const last = contentIds.length === limit ? contentIds.at(-1) : undefined
    return { contentIds, next: last?.toString() }
  }
}

/** @throws AppError BAD_REQUEST */
function copyKeyOf(cursor: string): unknown[] {
  const error = new AppError('BAD_REQUEST', { path: 'after', reason: 'is not a cursor' })
  let key: unknown
  try {
    key = JSON.parse(cursor)
  } catch {
    throw error
  }
  if (!Array.isArray(key) || key.length !== 3) throw error
  const [fileId, kind, version] = key as readonly unknown[]
  if (!Number.isSafeInteger(fileId) || !Number.isInteger(kind) || typeof version !== 'string')
    throw error
  return [fileId, kind, version]
}

/** @returns every statement of the reader, compiled once */
function prepare(database: Database) {
  return {
    modifiedTime: database
      .prepare(
        `select max(modified_ms) from (
           select modified_ms from files where name = +@name and content_id = +@contentId
           union all select copies.modified_ms from ${listedDownloads}
             and files.name = +@name and copies.content_id = +@contentId
         )`,
      )
      .pluck(),
    listNames: database.prepare(`
      select name, content_id as contentId from files
        where name >= +@name and (name, content_id) > (+@name, +@contentId)
          and content_id is not null
      union select files.name, copies.content_id from ${listedDownloads}
        and files.name >= +@name and (files.name, copies.content_id) > (+@name, +@contentId)
      order by 1, 2 limit @limit`),
    rowsNamed: database
      .prepare('select owner_key, content_id from files where name = +? limit 2')
      .raw(),
    contentsNamed: database
      .prepare(
        `select content_id from files where name = +@name and content_id > +@after
         union select copies.content_id from ${listedDownloads}
           and files.name = +@name and copies.content_id > +@after
         order by 1 limit @limit`,
      )
      .pluck(),
    ownersNamed: database
      .prepare(
        `select peer_id from files cross join peer_keys on peer_key = owner_key
         where name = +? and content_id is not null order by peer_id limit ?`,
      )
      .pluck(),
    unsharedBy: database
      .prepare('select owner from unshared where name = +? order by owner limit ?')
      .pluck(),
    isListedByDownloads: database.prepare(
      `select 1 from ${listedDownloads} and files.name = +? limit 1`,
    ),
    idsOfPeer: database
      .prepare(
        `select file_id, kind, version, content_id from copies
         where peer_key = +? and (file_id, kind, version) > (+?, +?, +?)
         order by file_id, kind, version limit ?`,
      )
      .raw(),
    ids: database
      .prepare('select content_id from contents where content_id > +? order by 1 limit ?')
      .pluck(),
  }
}
