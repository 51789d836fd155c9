import type { Database } from '../../common/sqlite.ts'
import type { ContentReader } from './content-reader.ts'
import type { HashIndex } from './hash-index.ts'
import type { FileKey, StoredVersion, VersionPage } from './store.ts'

interface VersionRow {
  readonly owner: string
  readonly contentId: number
  readonly modifiedMs: number
  readonly replacedMs: number | null
}

/** Sorts current versions before replaced ones, whose rank is the negative time of replacement. */
const currentRank = -Number.MAX_SAFE_INTEGER

/** Queries about current and replaced versions of files. */
export class VersionReader {
  readonly #sql: ReturnType<typeof prepare>
  readonly #hashes: Pick<HashIndex, 'find' | 'numberOf'>
  readonly #contents: Pick<ContentReader, 'contents'>

  constructor(
    database: Database,
    {
      contents,
      hashes,
    }: {
      contents: Pick<ContentReader, 'contents'>
      hashes: Pick<HashIndex, 'find' | 'numberOf'>
    },
  ) {
    this.#sql = prepare(database)
    this.#hashes = hashes
    this.#contents = contents
  }

  versionsNamed(name: string, { limit, after, sha256 }: VersionPage): StoredVersion[] {
    const { replacedMs, owner = '', contentId = 0 } = after ?? {}
    const rows = this.#sql.versionsNamed.all({
      name,
      limit,
      hash: sha256 ?? null,
      ids: JSON.stringify(sha256 === undefined ? [] : this.#idsOf(sha256)),
      rank: replacedMs === undefined ? currentRank : -replacedMs,
      owner,
      contentId,
    })
    return this.#versions(rows as VersionRow[])
  }

  versionsOf({ owner, name }: FileKey): StoredVersion[] {
    return this.#versions(this.#sql.versionsOf.all({ owner, name }) as VersionRow[])
  }

  dueReplaced(beforeMs: number, { owner, name }: FileKey, limit: number): FileKey[] {
    return this.#sql.dueReplaced.all({ beforeMs, owner, name, limit }) as FileKey[]
  }

  replacedBeyond(bytes: number, count: number): FileKey[] {
    return this.#sql.replacedBeyond.all({ bytes, count }) as FileKey[]
  }

  /** The contents that may have this hash. */
  #idsOf(sha256: string): number[] {
    return this.#hashes.find(this.#hashes.numberOf(sha256))
  }

  #versions(rows: readonly VersionRow[]): StoredVersion[] {
    const ids = new Set(rows.map(({ contentId }) => contentId))
    const contents = new Map(
      this.#contents.contents([...ids]).map((content) => [content.contentId, content] as const),
    )
    return rows.flatMap(({ contentId, replacedMs, ...row }) => {
      const content = contents.get(contentId)
      return content === undefined ? [] : [{ ...row, content, replacedMs: replacedMs ?? undefined }]
    })
  }
}

/** @returns the statements about versions of files */
function prepare(database: Database) {
  const current = `select peer_id as owner, content_id as contentId, modified_ms as modifiedMs,
    null as replacedMs
    from files cross join peer_keys on peer_key = owner_key
    where content_id is not null and name = +@name`
  const replaced = `select owner, content_id, modified_ms, replaced_ms from replaced
    where name = +@name`
  return {
    versionsNamed: database.prepare(`
      select * from (${current} union all ${replaced})
      where (ifnull(-replacedMs, ${currentRank}), owner, contentId) > (+@rank, +@owner, +@contentId)
        and (@hash is null or contentId in
          (select content_id from contents
            where content_id in (select value from json_each(+@ids)) and sha256 = +@hash))
      order by ifnull(-replacedMs, ${currentRank}), owner, contentId limit @limit`),
    versionsOf: database.prepare(`
      select * from (
        ${current} and owner_key = (select peer_key from peer_keys where peer_id = +@owner)
        union all ${replaced} and owner = +@owner
        union all select owner, content_id, modified_ms, null from trash
          where owner = +@owner and name = +@name)
      order by replacedMs is not null, replacedMs desc, contentId desc`),
    // By time: most of them are not due, and the primary key would read all.
    dueReplaced: database.prepare(`
      select distinct owner, name from replaced indexed by replaced_by_time
      where replaced_ms <= +@beforeMs and (owner, name) > (+@owner, +@name)
      order by owner, name limit @limit`),
    replacedBeyond: database.prepare(`
      select owner, name from replaced join contents using (content_id)
      group by owner, name having sum(size) > +@bytes or count(*) > +@count`),
  }
}
