import { limits } from '../../common/limits.ts'
import type { Database } from '../../common/sqlite.ts'
import { damagedCopy } from './damaged-copy.ts'
import { filesPerOwner } from './file-rows.ts'
import type { HashIndex } from './hash-index.ts'
import { listedDownloads } from './name-reader.ts'
import { HolderLists, kindOf } from './packed-holders.ts'
import { noOwnerKey, type PeerKeys } from './peer-keys.ts'
import type { FileKey, Holder, NamedContent, SolePage, StoredContent, StoredCopy } from './store.ts'

/** Columns of `contents`. */
type ContentColumns = readonly [
  contentId: number,
  sha256: string,
  size: number,
  chunkRoot: string | null,
  files: number,
  fileId: number | null,
  holders: string,
]

/** These columns come first, so that no row is copied: one is read for each announced copy. */
type ContentRow = readonly [...ContentColumns, ...others: readonly (number | string | null)[]]

/** With one of its files; both null if there is none. */
type ContentWithFile = readonly [...ContentColumns, ownerKey: number, name: string | null]

type FileColumns = readonly [ownerKey: number, modifiedMs: number, name: string]
type NamedRow = readonly [...ContentColumns, ...FileColumns]
/** Of a name that only copies refer to. */
type NamelessRow = readonly [null, null, null, null, null, null, null, ...FileColumns]

/** How many copies a content should have because of the names of its files. */
export interface WantedCopies {
  readonly default: number
  readonly hasRules: boolean
  of(names: readonly string[]): number
}

export interface ContentViews {
  readonly doubtOf: DoubtOf
  readonly factors: WantedCopies
}

/** Why a peer's copy of a content does not count; undefined if it does. */
export type DoubtOf = (
  peerId: string,
  sha256: string,
) => (Required<Pick<Holder, 'isDoubted'>> & Pick<Holder, 'isUnproven'>) | undefined

/** Queries about contents. */
export class ContentReader {
  readonly #sql: ReturnType<typeof prepare>
  readonly #keys: PeerKeys
  readonly #hashes: Pick<HashIndex, 'find' | 'numberOf'>
  readonly #holders: HolderLists
  readonly #doubtOf: DoubtOf
  readonly #factors: WantedCopies

  constructor(
    database: Database,
    { keys, hashes }: { keys: PeerKeys; hashes: Pick<HashIndex, 'find' | 'numberOf'> },
    { doubtOf, factors }: ContentViews,
  ) {
    this.#sql = prepare(database)
    this.#keys = keys
    this.#hashes = hashes
    this.#holders = new HolderLists(keys)
    this.#doubtOf = doubtOf
    this.#factors = factors
  }

  contents(contentIds: readonly number[]): StoredContent[] {
    return contentIds.flatMap((contentId) => {
      const row = this.#sql.byId.get(contentId) as ContentWithFile | undefined
      return row === undefined ? [] : [this.#completeWithFile(row)]
    })
  }

  /**
   * The contents of a name, newest first, at most `limit`. Most names are those of one file without
   * downloads, which one statement tells all about.
   */
  contentsNamed(name: string, limit: number): NamedContent[] {
    const [row, second] = this.#sql.named.all(name) as (NamedRow | NamelessRow)[]
    if (row === undefined) return []
    const sole = second === undefined ? this.#soleContent(row) : undefined
    return sole === undefined ? this.#allNamed(name, limit) : [sole]
  }

  /** The content of a name that one file alone has. */
  soleContent(name: string): NamedContent | undefined {
    const [row, second] = this.#sql.named.all(name) as (NamedRow | NamelessRow)[]
    return row === undefined || second !== undefined ? undefined : this.#soleContent(row)
  }

  /** The contents of each of the names, newest first, at most `limit` each. */
  contentsOfEach(names: readonly string[], limit: number): NamedContent[][] {
    return names.map((name) => this.contentsNamed(name, limit))
  }

  /**
   * Names after `after`, in order, that one file alone has, with its content, of at most `limit` rows.
   */
  soleContents(after: string, limit: number): SolePage {
    const rows = this.#sql.after.all(after, limit) as (NamedRow | NamelessRow)[]
    const names = rows.map((row) => row[9])
    // The last name may have further rows.
    const last = rows.length < limit ? undefined : names.at(-1)
    const isLastOnly = names[0] === last
    const named = rows.flatMap((row, at) => {
      const name = row[9]
      const isShared = names[at - 1] === name || names[at + 1] === name || name === last
      const content = isShared ? undefined : this.#soleContent(row)
      return content === undefined ? [] : [{ name, content }]
    })
    const next = isLastOnly ? last : names.findLast((name) => name !== last)
    return { named, next: last === undefined ? undefined : next }
  }

  contentsHashed(sha256: string): StoredContent[] {
    const contentIds = this.#hashes.find(this.#hashes.numberOf(sha256))
    return this.contents(contentIds).filter((content) => content.sha256 === sha256)
  }

  copiesOf(contentId: number, limit: number): StoredCopy[] {
    const rows = this.#sql.copiesOf.all(contentId, limit) as {
      peerKey: number
      kind: number
      name: string
      withheld: number
    }[]
    return rows.map(({ peerKey, kind, name, withheld }) => ({
      peerId: this.#keys.idOf(peerKey),
      kind: kindOf(kind),
      name,
      ...(withheld === damagedCopy && { damaged: true as const }),
    }))
  }

  /** The content of a name's only row; undefined if that is no file. */
  #soleContent(row: NamedRow | NamelessRow): NamedContent | undefined {
    const [, , , , , , , ownerKey, modifiedMs, name] = row
    if (ownerKey === noOwnerKey || row[0] === null) return undefined
    const file = { owner: this.#keys.idOf(ownerKey), name }
    return Object.assign(this.#complete(row, file), { modifiedMs })
  }

  #allNamed(name: string, limit: number): NamedContent[] {
    const rows = this.#sql.byName.all({ name, limit }) as {
      contentId: number
      modifiedMs: number
    }[]
    return rows.flatMap(({ contentId, modifiedMs }) => {
      const row = this.#sql.byId.get(contentId) as ContentWithFile | undefined
      return row === undefined ? [] : [{ ...this.#completeWithFile(row), modifiedMs }]
    })
  }

  #completeWithFile(row: ContentWithFile): StoredContent {
    const ownerKey = row[7]
    const name = row[8]
    const file = name === null ? undefined : { owner: this.#keys.idOf(ownerKey), name }
    return this.#complete(row, file)
  }

  /** @param file one of those that have it; undefined if there is none */
  #complete(row: ContentRow, file: FileKey | undefined): StoredContent {
    const [contentId, sha256, size, chunkRoot, files, , packed] = row
    const trashed =
      files === 0 || file !== undefined
        ? undefined
        : (this.#sql.trashedFileOf.get(contentId) as FileKey | undefined)
    return {
      contentId,
      sha256,
      size,
      chunkRoot: chunkRoot ?? sha256,
      holders: this.#holdersOf(packed, sha256),
      file: file ?? trashed,
      isTrashed: trashed !== undefined,
      factor: this.#factorOf(row, file ?? trashed),
      owners: trashed === undefined ? this.#ownersOf(row, file) : this.#trashedBy(contentId),
    }
  }

  #holdersOf(packed: string, sha256: string): readonly Holder[] {
    const holders = this.#holders.of(packed)
    if (holders.every(({ peerId }) => this.#doubtOf(peerId, sha256) === undefined)) return holders
    return holders.map((holder) => ({ ...holder, ...this.#doubtOf(holder.peerId, sha256) }))
  }

  #factorOf([contentId, , , , files]: ContentRow, file: FileKey | undefined): number {
    if (file === undefined || !this.#factors.hasRules) return this.#factors.default
    if (files === 1) return this.#factors.of([file.name])
    const limit = limits.namesPerFactor + 1
    return this.#factors.of(this.#sql.namesOf.all({ contentId, limit }) as string[])
  }

  #trashedBy(contentId: number): readonly string[] {
    return this.#sql.trashedBy.all(contentId) as string[]
  }

  /** Steps from owner to owner, as one of them may have a million names for it. */
  #ownersOf([contentId, , , , files, fileId]: ContentRow, file: FileKey | undefined): string[] {
    if (file === undefined || fileId === null) return []
    if (files === 1) return [file.owner]
    const keys = [Math.floor(fileId / filesPerOwner)]
    for (let next = 0; keys.length < limits.ownersPerContentMax; ) {
      const other = this.#sql.moreFrom.get(contentId, next) as number | undefined
      if (other === undefined) break
      const key = Math.floor(other / filesPerOwner)
      if (key !== keys[0]) keys.push(key)
      next = (key + 1) * filesPerOwner
    }
    return keys.map((key) => this.#keys.idOf(key)).toSorted()
  }
}

/**
 * A `+` before a parameter keeps SQLite from recompiling a statement for each value of it, as it
 * does for joins and for conditions of partial indexes: half of the time of a lookup.
 * @returns every statement of the reader, compiled once
 */
function prepare(database: Database) {
  const columns = 'contents.content_id, sha256, size, chunk_root, files, contents.file_id, holders'
  const withFile = `select ${columns}, owner_key, name
    from contents left join files on files.file_id = contents.file_id`
  return {
    byId: database.prepare(`${withFile} where contents.content_id = +?`).raw(),
    named: database
      .prepare(
        `select ${columns}, owner_key, modified_ms, name
         from files left join contents using (content_id) where name = +? limit 2`,
      )
      .raw(),
    after: database
      .prepare(
        `select ${columns}, owner_key, modified_ms, name
         from files left join contents using (content_id)
         where name > +? order by name limit ?`,
      )
      .raw(),
    byName: database.prepare(`
      select content_id as contentId, max(modified_ms) as modifiedMs from (
        select content_id, modified_ms from files where name = +@name and content_id is not null
        union all select copies.content_id, copies.modified_ms
          from ${listedDownloads} and files.name = +@name
      ) group by content_id order by max(modified_ms) desc, content_id limit @limit`),
    moreFrom: database
      .prepare(
        `select file_id from more_files where content_id = +? and file_id >= +?
         order by file_id limit 1`,
      )
      .pluck(),
    trashedFileOf: database.prepare('select owner, name from trash where content_id = +? limit 1'),
    trashedBy: database
      .prepare(
        `select distinct owner from trash where content_id = +? limit ${limits.ownersPerContentMax}`,
      )
      .pluck(),
    // Files in the trash want as many copies as before.
    namesOf: database
      .prepare(`
        select distinct name from (
          select name from contents cross join files using (file_id)
            where contents.content_id = +@contentId
          union all select name from more_files cross join files using (file_id)
            where more_files.content_id = +@contentId
          union all select name from trash where content_id = +@contentId) limit @limit`)
      .pluck(),
    copiesOf: database.prepare(`
      select peer_key as peerKey, kind, name, withheld
      from copies cross join files using (file_id)
      where copies.content_id = +? and withheld in (0, ${damagedCopy})
      order by kind, peer_key limit ?`),
  }
}
