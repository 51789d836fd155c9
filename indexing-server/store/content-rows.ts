import type { Content } from '../../common/protocol/shapes.ts'
import type { Database } from '../../common/sqlite.ts'
import type { HashIndex } from './hash-index.ts'
import {
  type HolderCounts,
  holderCode,
  packHolders,
  packOneMore,
  unpackCounts,
} from './packed-holders.ts'
import type { PeerKeys } from './peer-keys.ts'
import type { Tallies } from './tallies.ts'

/** A content within one write; see the table `contents`. */
export interface ContentRow {
  readonly contentId: number
  readonly sha256: string
  readonly size: number
  /** Null if it equals `sha256`. */
  readonly chunkRoot: string | null
  /** How many files and files in the trash have it: it is wanted while there is one. */
  files: number
  /** One of the files that have it; the others are in `more_files`. */
  fileId: number | null
  /** Its holders, unless they are counted. */
  packed: string
  counts: HolderCounts | undefined
  /** Of its hash, if it is not stored yet; otherwise undefined. */
  readonly newNumber: number | undefined
  hasChanged: boolean
  readonly wasWanted: boolean
}

type Stored = [
  contentId: number,
  sha256: string,
  size: number,
  chunkRoot: string | null,
  files: number,
  fileId: number | null,
  packed: string,
]

/** Contents written by one statement, which takes a quarter less time than one for each. */
const rowsPerInsert = 16

/**
 * The contents that one write touches. Their rows are kept here while it runs, and each changed one
 * is written once at its end.
 */
export class ContentRows {
  readonly #sql: ReturnType<typeof prepare>
  readonly #keys: PeerKeys
  readonly #hashes: HashIndex
  readonly #tallies: Tallies
  readonly #rows = new Map<number, ContentRow>()
  /** Contents that are not written yet, by the numbers of their hashes. */
  readonly #created = new Map<number, ContentRow[]>()

  constructor(
    database: Database,
    { keys, tallies, hashes }: { keys: PeerKeys; tallies: Tallies; hashes: HashIndex },
  ) {
    this.#sql = prepare(database)
    this.#keys = keys
    this.#hashes = hashes
    this.#tallies = tallies
  }

  get(contentId: number): ContentRow | undefined {
    const cached = this.#rows.get(contentId)
    if (cached !== undefined) return cached
    const stored = this.#sql.byId.get(contentId) as Stored | undefined
    return stored && this.#keep(stored)
  }

  /** The row of a content that something refers to. */
  known(contentId: number): ContentRow {
    const row = this.get(contentId)
    if (row === undefined) throw new RangeError(`no content ${contentId}`)
    return row
  }

  /**
   * The row of a content, which is its hash, size and chunk root together (docs/decisions/0004); a
   * new one if there is none.
   * @param likelyId the content that it probably is
   */
  rowOf(content: Content, likelyId: number | null): ContentRow {
    const likely = likelyId === null ? undefined : this.get(likelyId)
    if (likely !== undefined && isSame(likely, content)) return likely
    const { sha256, size, chunkRoot } = content
    const number = this.#hashes.numberOf(sha256)
    const created = this.#created.get(number)?.find((row) => isSame(row, content))
    if (created !== undefined) return created
    const root = chunkRoot === sha256 ? null : chunkRoot
    for (const contentId of this.#hashes.find(number)) {
      const stored = this.#sql.same.get(contentId, sha256, size, root) as Stored | undefined
      if (stored !== undefined) return this.#rows.get(contentId) ?? this.#keep(stored)
    }
    return this.#create({ sha256, size, chunkRoot: root }, number)
  }

  /** A peer has a copy of a kind more or less. */
  hold(row: ContentRow, peerKey: number, kind: number, by: 1 | -1): void {
    const code = holderCode(peerKey, kind)
    const mayPack = row.counts === undefined && by === 1
    const packed = mayPack ? packOneMore(row.packed, code, this.#keys) : undefined
    if (packed === undefined) countHolder(row, code, by)
    else row.packed = packed
    row.hasChanged = true
    this.#tallies.addCopy(peerKey, kind, row.size, by)
  }

  isHeld(row: ContentRow): boolean {
    return row.counts === undefined ? row.packed !== '' : row.counts.size > 0
  }

  /** A file has it. */
  addFile(row: ContentRow, fileId: number): void {
    row.files++
    row.hasChanged = true
    if (row.fileId === null) row.fileId = fileId
    else this.#sql.addMore.run(row.contentId, fileId)
  }

  /** A file no longer has it. */
  removeFile(row: ContentRow, fileId: number): void {
    row.files--
    row.hasChanged = true
    if (row.fileId !== fileId) {
      this.#sql.removeMore.run(row.contentId, fileId)
      return
    }
    row.fileId = (this.#sql.more.get(row.contentId) as number | undefined) ?? null
    if (row.fileId !== null) this.#sql.removeMore.run(row.contentId, row.fileId)
  }

  /** One more or less of its files is in the trash. */
  addTrashed(row: ContentRow, by: 1 | -1): void {
    row.files += by
    row.hasChanged = true
    this.#tallies.add({ trashFiles: by, trashBytes: by * row.size })
  }

  /**
   * Writes all changed rows, and removes those of the `loosened` contents that nothing needs: called
   * last.
   */
  settle(loosened: ReadonlySet<number>, mayHaveReplaced: boolean): void {
    for (const contentId of loosened) this.get(contentId)
    const created: ContentRow[] = []
    for (const row of this.#rows.values()) {
      const isUnused = loosened.has(row.contentId) && this.#isUnused(row, mayHaveReplaced)
      if (isUnused) this.#remove(row)
      else if (row.newNumber !== undefined) created.push(row)
      else if (row.hasChanged) this.#update(row)
      const isWanted = !isUnused && row.files > 0
      if (isWanted !== row.wasWanted) this.#tallies.add({ wanted: isWanted ? 1 : -1 })
    }
    this.#insert(created)
    this.onRolledBack()
  }

  onRolledBack(): void {
    this.#rows.clear()
    this.#created.clear()
  }

  /** A replaced version without copies need not be kept, nor a content without anything. */
  #isUnused(row: ContentRow, mayHaveReplaced: boolean): boolean {
    if (this.isHeld(row)) return false
    const { contentId } = row
    if (mayHaveReplaced) this.#sql.removeCopyless.run({ contentId })
    if (row.files > 0 || this.#sql.hasCopy.get(contentId) !== undefined) return false
    return !mayHaveReplaced || this.#sql.hasReplaced.get(contentId) === undefined
  }

  #keep(stored: Stored): ContentRow {
    const [contentId, sha256, size, chunkRoot, files, fileId, packed] = stored
    const row: ContentRow = {
      contentId,
      sha256,
      size,
      chunkRoot,
      files,
      fileId,
      packed,
      counts: undefined,
      newNumber: undefined,
      hasChanged: false,
      wasWanted: files > 0,
    }
    this.#rows.set(contentId, row)
    return row
  }

  #create(content: Pick<ContentRow, 'sha256' | 'size' | 'chunkRoot'>, number: number): ContentRow {
    const { sha256, size, chunkRoot } = content
    const row: ContentRow = {
      contentId: this.#tallies.nextContentId(),
      sha256,
      size,
      chunkRoot,
      files: 0,
      fileId: null,
      packed: '',
      counts: undefined,
      newNumber: number,
      hasChanged: true,
      wasWanted: false,
    }
    this.#rows.set(row.contentId, row)
    const same = this.#created.get(number)
    if (same === undefined) this.#created.set(number, [row])
    else same.push(row)
    return row
  }

  #insert(rows: readonly ContentRow[]): void {
    for (let at = 0; at < rows.length; ) {
      const isMany = at + rowsPerInsert <= rows.length
      const some = rows.slice(at, at + (isMany ? rowsPerInsert : 1))
      const statement = isMany ? this.#sql.insertMany : this.#sql.insert
      statement.run(some.flatMap((row) => this.#valuesOf(row)))
      at += some.length
    }
    for (const { contentId, newNumber = 0, size } of rows) {
      this.#hashes.add(contentId, newNumber)
      this.#tallies.add({ contents: 1, bytes: size })
    }
  }

  #valuesOf(row: ContentRow): (number | string | null | undefined)[] {
    const { contentId, newNumber, sha256, size, chunkRoot, files, fileId } = row
    return [contentId, newNumber, sha256, size, chunkRoot, files, fileId, this.#packedOf(row)]
  }

  #update(row: ContentRow): void {
    this.#sql.update.run(row.files, row.fileId, this.#packedOf(row), row.contentId)
  }

  #remove(row: ContentRow): void {
    if (row.newNumber !== undefined) return
    this.#sql.remove.run(row.contentId)
    this.#hashes.remove(row.contentId, this.#hashes.numberOf(row.sha256))
    this.#tallies.add({ contents: -1, bytes: -row.size })
  }

  #packedOf({ counts, packed }: ContentRow): string {
    return counts === undefined ? packed : packHolders(counts, this.#keys)
  }
}

function countHolder(row: ContentRow, code: number, by: 1 | -1): void {
  const counts = (row.counts ??= unpackCounts(row.packed))
  const count = (counts.get(code) ?? 0) + by
  if (count > 0) counts.set(code, count)
  else counts.delete(code)
}

function isSame(row: ContentRow, { sha256, size, chunkRoot }: Content): boolean {
  return row.sha256 === sha256 && row.size === size && (row.chunkRoot ?? sha256) === chunkRoot
}

function insertOf(rows: number): string {
  return `insert into contents values ${Array(rows).fill('(?, ?, ?, ?, ?, ?, ?, ?)').join()}`
}

function prepare(database: Database) {
  const columns = 'content_id, sha256, size, chunk_root, files, file_id, holders'
  return {
    byId: database.prepare(`select ${columns} from contents where content_id = ?`).raw(),
    same: database
      .prepare(
        `select ${columns} from contents
         where content_id = ? and sha256 = ? and size = ? and chunk_root is ?`,
      )
      .raw(),
    insert: database.prepare(insertOf(1)),
    insertMany: database.prepare(insertOf(rowsPerInsert)),
    update: database.prepare(
      'update contents set files = ?, file_id = ?, holders = ? where content_id = ?',
    ),
    remove: database.prepare('delete from contents where content_id = ?'),
    addMore: database.prepare('insert into more_files values (?, ?)'),
    more: database
      .prepare('select file_id from more_files where content_id = ? order by file_id limit 1')
      .pluck(),
    removeMore: database.prepare('delete from more_files where content_id = ? and file_id = ?'),
    removeCopyless: database.prepare(
      `delete from replaced where content_id = @contentId
       and not exists (select 1 from copies where content_id = @contentId)`,
    ),
    hasCopy: database.prepare('select 1 from copies where content_id = ? limit 1'),
    hasReplaced: database.prepare('select 1 from replaced where content_id = ? limit 1'),
  }
}
