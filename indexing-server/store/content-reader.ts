import { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { ReplicaVersion } from '../../common/protocol/messages.ts'
import { type CopyKind, copyKinds } from '../../common/protocol/shapes.ts'
import type { Database } from '../../common/sqlite.ts'
import { damagedCopy } from './damaged-copy.ts'
import type {
  FileKey,
  Holder,
  IdPage,
  ListedName,
  NamedContent,
  Namesakes,
  ObsoleteCopy,
  ReplicatedCopy,
  StoredContent,
  StoredCopy,
  StoredVersion,
  VersionPage,
} from './store.ts'

interface ContentRow {
  readonly content_id: number
  readonly sha256: string
  readonly size: number
  /** Empty if it equals `sha256`. */
  readonly chunk_root: string
  readonly files: number
}

interface NamedRow extends ContentRow {
  readonly modified_ms: number
}

interface VersionRow {
  readonly owner: string
  readonly contentId: number
  readonly modifiedMs: number
  readonly replacedMs: number | null
}

/** How many copies a content should have because of the names of its files. */
export interface WantedCopies {
  readonly default: number
  readonly hasRules: boolean
  of(names: readonly string[]): number
}

export interface ContentViews {
  /** Whether a peer's copy of a content does not count. */
  readonly isDoubted: IsDoubted
  readonly factors: WantedCopies
}

export type IsDoubted = (peerId: string, sha256: string) => boolean

/** Queries about contents and names. */
export class ContentReader {
  readonly #sql: ReturnType<typeof prepare>
  readonly #isDoubted: IsDoubted
  readonly #factors: WantedCopies

  constructor(database: Database, { isDoubted, factors }: ContentViews) {
    this.#sql = prepare(database)
    this.#isDoubted = isDoubted
    this.#factors = factors
  }

  contents(contentIds: readonly number[]): StoredContent[] {
    const rows = contentIds.map((contentId) => this.#sql.byId.get(contentId))
    return this.#complete(rows.filter((row) => row !== undefined) as ContentRow[])
  }

  contentsNamed(name: string, limit: number): NamedContent[] {
    return this.contentsOfEach([name], limit)[0] ?? []
  }

  /** The contents of each of the names, newest first, at most `limit` each. */
  contentsOfEach(names: readonly string[], limit: number): NamedContent[][] {
    const rows = names.map((name) => this.#rowsNamed(name, limit))
    const all = this.#complete(rows.flat())
    let at = 0
    return rows.map((ofName) =>
      all
        .slice(at, (at += ofName.length))
        .map((content, index) => ({ ...content, modifiedMs: ofName[index]?.modified_ms ?? 0 })),
    )
  }

  /** Most names are those of one file without downloads, which is found in a fifth of the time. */
  #rowsNamed(name: string, limit: number): NamedRow[] {
    const files = this.#sql.filesNamed.all(name) as Pick<NamedRow, 'content_id' | 'modified_ms'>[]
    const [file] = files
    if (file === undefined || files.length > 1 || this.#sql.isDownloaded.get(name) !== undefined)
      return this.#sql.byName.all({ name, limit }) as NamedRow[]
    return [{ ...(this.#sql.byId.get(file.content_id) as ContentRow), ...file }]
  }

  contentsHashed(sha256: string): StoredContent[] {
    return this.#complete(this.#sql.byHash.all(Buffer.from(sha256, 'hex')) as ContentRow[])
  }

  modifiedTimes(rows: readonly ListedName[]): (number | undefined)[] {
    return rows.map((row) => (this.#sql.modifiedTime.get(row) as number | null) ?? undefined)
  }

  copiesOf(contentId: number, limit: number): StoredCopy[] {
    const rows = this.#sql.copiesOf.all(contentId, limit) as (Omit<
      StoredCopy,
      'kind' | 'damaged'
    > & {
      kind: number
      withheld: number
    })[]
    return rows.map(({ withheld, kind, ...row }) => ({
      ...row,
      kind: kindOf(kind),
      ...(withheld === damagedCopy && { damaged: true as const }),
    }))
  }

  obsoleteCopies(contentId: number, limit: number): ReplicatedCopy[] {
    return this.#sql.obsoleteCopies.all(contentId, limit) as ReplicatedCopy[]
  }

  replicasAt(contentId: number, peerId: string, limit: number): ReplicatedCopy[] {
    return this.#sql.replicasAt.all(contentId, peerId, limit) as ReplicatedCopy[]
  }

  replicaContentId(peerId: string, { owner, name, sha256 }: ReplicaVersion): number | undefined {
    const hash = Buffer.from(sha256, 'hex')
    return this.#sql.replicaContentId.get(peerId, owner, name, hash) as number | undefined
  }

  obsoleteCopy(peerId: string, { owner, name, sha256 }: ReplicaVersion): ObsoleteCopy | undefined {
    const hash = Buffer.from(sha256, 'hex')
    const row = this.#sql.obsoleteCopy.get(peerId, owner, name, hash) as
      | { contentId: number; successorId: number | null }
      | undefined
    return row && { ...row, successorId: row.successorId ?? undefined }
  }

  versionsNamed(name: string, { limit, after, sha256 }: VersionPage): StoredVersion[] {
    const { replacedMs, owner = '', contentId = 0 } = after ?? {}
    const rows = this.#sql.versionsNamed.all({
      name,
      limit,
      hash: sha256 === undefined ? null : Buffer.from(sha256, 'hex'),
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

  listNames({ name, contentId }: ListedName, limit: number): ListedName[] {
    return this.#sql.listNames.all({ name, contentId, limit }) as ListedName[]
  }

  contentIdsOf(peerId: string, after: string | undefined, limit: number): IdPage {
    const key = after === undefined ? [-1, '', '', ''] : copyKeyOf(after)
    const rows = this.#sql.idsOfPeer.all(peerId, ...key, limit) as {
      kind: number
      owner: string
      name: string
      version: string
      contentId: number
    }[]
    const last = rows.length === limit ? rows.at(-1) : undefined
    return {
      contentIds: rows.map((row) => row.contentId),
      next: last && JSON.stringify([last.kind, last.owner, last.name, last.version]),
    }
  }

  contentIds(after: string | undefined, limit: number): IdPage {
    const contentIds = this.#sql.ids.all(Number(after ?? 0), limit) as number[]
    const last = contentIds.length === limit ? contentIds.at(-1) : undefined
    return { contentIds, next: last?.toString() }
  }

  namesakes(name: string, limit: number): Namesakes {
    return {
      owners: this.#sql.ownersNamed.all(name, limit) as string[],
      unsharedBy: this.#sql.unsharedBy.all(name, limit) as string[],
      isListedByDownloads: this.#sql.isListedByDownloads.get(name) !== undefined,
    }
  }

  #versions(rows: readonly VersionRow[]): StoredVersion[] {
    const ids = new Set(rows.map(({ contentId }) => contentId))
    const contents = new Map(
      this.contents([...ids]).map((content) => [content.contentId, content] as const),
    )
    return rows.flatMap(({ contentId, replacedMs, ...row }) => {
      const content = contents.get(contentId)
      return content === undefined ? [] : [{ ...row, content, replacedMs: replacedMs ?? undefined }]
    })
  }

  #complete(rows: readonly ContentRow[]): StoredContent[] {
    const holders = this.#holdersOf([...new Set(rows.map((row) => row.content_id))])
    return rows.map((row) => {
      const { sha256 } = row
      const file = row.files === 0 ? undefined : this.#fileOf(row.content_id)
      const trashed = row.files === 0 || file !== undefined ? undefined : this.#trashedFileOf(row)
      return {
        contentId: row.content_id,
        sha256,
        size: row.size,
        chunkRoot: row.chunk_root || sha256,
        holders: (holders.get(row.content_id) ?? []).map((holder) =>
          this.#isDoubted(holder.peerId, sha256) ? { ...holder, isDoubted: true as const } : holder,
        ),
        file: file ?? trashed,
        isTrashed: trashed !== undefined,
        factor: this.#factorOf(row, file ?? trashed),
        owners: trashed === undefined ? this.#ownersOf(row, file) : this.#trashedBy(row),
      }
    })
  }

  #factorOf({ content_id, files }: ContentRow, file: FileKey | undefined): number {
    if (file === undefined || !this.#factors.hasRules) return this.#factors.default
    if (files === 1) return this.#factors.of([file.name])
    const namesMax = limits.namesPerFactor + 1
    return this.#factors.of(this.#sql.namesOf.all(content_id, namesMax) as string[])
  }

  #fileOf(contentId: number): FileKey | undefined {
    return this.#sql.fileOf.get(contentId) as FileKey | undefined
  }

  #trashedFileOf({ content_id }: ContentRow): FileKey | undefined {
    return this.#sql.trashedFileOf.get(content_id) as FileKey | undefined
  }

  #trashedBy({ content_id }: ContentRow): readonly string[] {
    return this.#sql.trashedBy.all(content_id) as string[]
  }

  #ownersOf({ content_id, files }: ContentRow, file: FileKey | undefined): readonly string[] {
    if (file === undefined) return []
    return files === 1 ? [file.owner] : (this.#sql.ownersOf.all(content_id) as string[])
  }

  /** One query for all contents: each further query costs several times as much. */
  #holdersOf(contentIds: readonly number[]): ReadonlyMap<number, readonly Holder[]> {
    const holders = new Map<number, Holder[]>()
    for (const row of this.#sql.holders.all(JSON.stringify(contentIds))) {
      const [contentId, peerId, kind] = row as [number, string, number]
      const ofContent = holders.get(contentId)
      const holder = { peerId, kind: kindOf(kind) }
      if (ofContent === undefined) holders.set(contentId, [holder])
      else ofContent.push(holder)
    }
    return holders
  }
}

function kindOf(position: number): CopyKind {
  const kind = copyKinds[position]
  if (kind === undefined) throw new RangeError(`no kind of copy at ${position}`)
  return kind
}

/** Downloads keep a name listed until it is unshared or its owner removes it. */
const listedDownloads = `copies where kind = 1
  and not exists (select 1 from unshared where unshared.name = copies.name)
  and not exists (select 1 from gone where gone.name = copies.name)`

/**
 * Replicated copies that their file does not need: it was unshared or, according to its owner, has
 * other content, and the version is not kept; or it is stray. For a version that a peer keeps beside
 * other content, a keeper's word is enough.
 */
const obsoleteCopies = `copies left join files using (owner, name)
  where copies.kind = 2 and (
    exists (select 1 from unshared
      where unshared.name = copies.name and unshared.owner = copies.owner)
    or ((files.from_owner = 1 or copies.version <> '')
      and files.content_id <> copies.content_id
      and not exists (select 1 from replaced
        where replaced.owner = copies.owner and replaced.name = copies.name
          and replaced.content_id = copies.content_id))
    or (copies.stray = 1
      and not exists (select 1 from replaced where replaced.content_id = copies.content_id))
  )`

/** Current and replaced versions of files. */
/** Sorts current versions before replaced ones, whose rank is the negative time of replacement. */
const currentRank = -Number.MAX_SAFE_INTEGER

const versionsWhere = (condition: string): string => `
  select owner, content_id as contentId, modified_ms as modifiedMs, null as replacedMs
    from files where ${condition}
  union all select owner, content_id, modified_ms, replaced_ms from replaced where ${condition}`

/** @throws AppError BAD_REQUEST */
function copyKeyOf(cursor: string): unknown[] {
  const error = new AppError('BAD_REQUEST', { path: 'after', reason: 'is not a cursor' })
  let key: unknown
  try {
    key = JSON.parse(cursor)
  } catch {
    throw error
  }
  if (!Array.isArray(key) || key.length !== 4) throw error
  const [kind, ...texts] = key as readonly unknown[]
  if (!Number.isInteger(kind) || !texts.every((text) => typeof text === 'string')) throw error
  return [kind, ...texts]
}

const content = `content_id, lower(hex(sha256)) as sha256, size,
  lower(hex(chunk_root)) as chunk_root, files`

/** @returns every statement of the reader, compiled once */
function prepare(database: Database) {
  return {
    byId: database.prepare(`select ${content} from contents where content_id = ?`),
    byHash: database.prepare(`select ${content} from contents where contents.sha256 = ?`),
    holders: database
      .prepare(
        `select content_id, peer_id, kind from holders
         where content_id in (select value from json_each(?)) order by content_id, peer_id, kind`,
      )
      .raw(),
    fileOf: database.prepare('select owner, name from files where content_id = ? limit 1'),
    trashedFileOf: database.prepare('select owner, name from trash where content_id = ? limit 1'),
    trashedBy: database
      .prepare(
        `select distinct owner from trash where content_id = ? limit ${limits.ownersPerContentMax}`,
      )
      .pluck(),
    // Steps from owner to owner, as one of them may have a million names for it.
    ownersOf: database
      .prepare(
        `with recursive found (content_id, owner) as (
           select content_id, min(owner) from files where content_id = ? group by content_id
           union all
           select content_id, (select min(owner) from files
               where content_id = found.content_id and owner > found.owner)
             from found where owner is not null
           limit ${limits.ownersPerContentMax + 1}
         ) select owner from found where owner is not null`,
      )
      .pluck(),
    // Files in the trash want as many copies as before.
    namesOf: database
      .prepare(`
        select distinct name from (select name, content_id from files
          union all select name, content_id from trash) where content_id = ? limit ?`)
      .pluck(),
    ownersNamed: database
      .prepare('select owner from files where name = ? order by owner limit ?')
      .pluck(),
    unsharedBy: database
      .prepare('select owner from unshared where name = ? order by owner limit ?')
      .pluck(),
    isListedByDownloads: database.prepare(`select 1 from ${listedDownloads} and name = ? limit 1`),
    copiesOf: database.prepare(`
      select peer_id as peerId, kind, name, withheld from copies
      where content_id = ? and withheld in (0, ${damagedCopy}) order by kind, peer_id limit ?`),
    ...prepareNames(database),
    ...prepareReplicas(database),
    ...prepareVersions(database),
    idsOfPeer: database.prepare(`
      select kind, owner, name, version, content_id as contentId from copies
      where peer_id = ? and (kind, owner, name, version) > (?, ?, ?, ?)
      order by kind, owner, name, version limit ?`),
    ids: database
      .prepare('select content_id from contents where content_id > ? order by 1 limit ?')
      .pluck(),
  }
}

/** @returns the statements about names */
function prepareNames(database: Database) {
  return {
    filesNamed: database.prepare(
      'select content_id, modified_ms from files where name = ? limit 2',
    ),
    isDownloaded: database.prepare('select 1 from copies where kind = 1 and name = ? limit 1'),
    byName: database.prepare(`
      select ${content}, modified_ms from contents join (
        select content_id as named, max(modified_ms) as modified_ms from (
          select content_id, modified_ms from files where name = @name
          union all select content_id, modified_ms from ${listedDownloads} and name = @name
        ) group by content_id order by max(modified_ms) desc limit @limit
      ) on content_id = named order by modified_ms desc, content_id`),
    modifiedTime: database
      .prepare(
        `select max(modified_ms) from (
           select modified_ms from files where name = @name and content_id = @contentId
           union all select modified_ms from ${listedDownloads}
             and name = @name and content_id = @contentId
         )`,
      )
      .pluck(),
    listNames: database.prepare(`
      select name, content_id as contentId from files
        where (name, content_id) > (@name, @contentId)
      union select name, content_id from ${listedDownloads}
        and (name, content_id) > (@name, @contentId)
      order by 1, 2 limit @limit`),
  }
}

/** @returns the statements about replicated copies */
function prepareReplicas(database: Database) {
  return {
    obsoleteCopies: database.prepare(`
      select distinct copies.peer_id as peerId, copies.owner, copies.name
      from ${obsoleteCopies} and copies.content_id = ? limit ?`),
    replicasAt: database.prepare(`
      select distinct peer_id as peerId, owner, name from copies
      where content_id = ? and kind = 2 and peer_id = ? limit ?`),
    replicaContentId: database
      .prepare(
        `select content_id from copies
         where peer_id = ? and kind = 2 and owner = ? and name = ?
           and content_id in (select content_id from contents where sha256 = ?) limit 1`,
      )
      .pluck(),
    obsoleteCopy: database.prepare(`
      select copies.content_id as contentId, coalesce(files.content_id,
        (select trash.content_id from trash
          where trash.owner = copies.owner and trash.name = copies.name)) as successorId
      from ${obsoleteCopies} and copies.peer_id = ? and copies.owner = ? and copies.name = ?
        and copies.content_id in (select content_id from contents where sha256 = ?)
      limit 1`),
  }
}

/** @returns the statements about versions of files */
function prepareVersions(database: Database) {
  return {
    versionsNamed: database.prepare(`
      select * from (${versionsWhere('name = @name')})
      where (ifnull(-replacedMs, ${currentRank}), owner, contentId) > (@rank, @owner, @contentId)
        and (@hash is null or contentId in (select content_id from contents where sha256 = @hash))
      order by ifnull(-replacedMs, ${currentRank}), owner, contentId limit @limit`),
    versionsOf: database.prepare(`
      select * from (${versionsWhere('owner = @owner and name = @name')}
        union all select owner, content_id, modified_ms, null from trash
          where owner = @owner and name = @name)
      order by replacedMs is not null, replacedMs desc, contentId desc`),
    // By time: most of them are not due, and the primary key would read all.
    dueReplaced: database.prepare(`
      select distinct owner, name from replaced indexed by replaced_by_time
      where replaced_ms <= @beforeMs and (owner, name) > (@owner, @name)
      order by owner, name limit @limit`),
    replacedBeyond: database.prepare(`
      select owner, name from replaced join contents using (content_id)
      group by owner, name having sum(size) > @bytes or count(*) > @count`),
  }
}
