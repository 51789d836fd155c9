import type { Database } from '../../common/sqlite.ts'
import type { ContentReader } from './content-reader.ts'
import type { FileKey, StrayReplica, TrashedFile } from './store.ts'

type TrashRow = Omit<TrashedFile, 'content'> & { readonly contentId: number }

interface StrayRow extends FileKey {
  readonly version: string
  readonly sha256: string
  readonly toOwner: string
  readonly toName: string
}

/** Queries about the trash, and about replicas that their files do not need. */
export class TrashReader {
  readonly #sql: ReturnType<typeof prepare>
  readonly #contents: Pick<ContentReader, 'contents'>

  constructor(database: Database, contents: Pick<ContentReader, 'contents'>) {
    this.#sql = prepare(database)
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
    after: Pick<StrayReplica, 'owner' | 'name' | 'version'> = { owner: '', name: '', version: '' },
  ): StrayReplica[] {
    const { owner, name, version } = after
    const rows = this.#sql.strays.all({ peerId, owner, name, version, limit }) as StrayRow[]
    return rows.map(({ owner, name, version, sha256, toOwner, toName }) => ({
      owner,
      name,
      version,
      sha256,
      to: { owner: toOwner, name: toName },
    }))
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
      select ${file} from trash where (name, owner) > (@name, @owner)
      order by name, owner limit @limit`),
    named: database.prepare(`
      select ${file} from trash where name = ? order by deleted_ms desc, owner limit ?`),
    oldest: database.prepare(`
      select ${file} from trash where trashed_ms <= ? order by trashed_ms, owner, name limit ?`),
    // The file of the same owner, if there is one: usually the new name of a renamed file.
    strays: database.prepare(`
      with found as (
        select owner, name, version, content_id from copies
        where peer_id = @peerId and stray = 1 and kind = 2
          and (owner, name, version) > (@owner, @name, @version)
          and exists (select 1 from contents
            where contents.content_id = copies.content_id and files > 0)
        order by owner, name, version limit @limit
      ), target as (
        select found.*, coalesce(
          (select name from files where files.content_id = found.content_id
             and files.owner = found.owner limit 1),
          (select name from trash where trash.content_id = found.content_id
             and trash.owner = found.owner limit 1)) as own
        from found
      )
      select owner, name, version,
        (select lower(hex(sha256)) from contents
          where contents.content_id = target.content_id) as sha256,
        case when own is not null then owner else coalesce(
          (select owner from files where files.content_id = target.content_id limit 1),
          (select owner from trash where trash.content_id = target.content_id limit 1)
        ) end as toOwner,
        coalesce(own,
          (select name from files where files.content_id = target.content_id limit 1),
          (select name from trash where trash.content_id = target.content_id limit 1)
        ) as toName
      from target order by owner, name, version`),
  }
}
