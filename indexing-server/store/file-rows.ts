import type { Database } from '../../common/sqlite.ts'
import type { ContentRows } from './content-rows.ts'
import type { PeerKeys } from './peer-keys.ts'
import type { FileKey } from './store.ts'
import type { Tallies } from './tallies.ts'

/** File ids of one owner: its key times this, and the number of the file, from 1. */
export const filesPerOwner = 2 ** 32

/** Rows of one name that are read together: more need a query for each question. */
const namedMax = 3

/** An owner's name; see the table `files`. */
export interface FileRow {
  readonly fileId: number
  readonly ownerKey: number
  readonly name: string
  /** Null if the owner has no such file now: only copies refer to it. */
  contentId: number | null
  modifiedMs: number
  isFromOwner: boolean
}

/** A row that is a file. */
export interface CurrentFile extends FileRow {
  readonly contentId: number
}

export interface FileContent {
  readonly contentId: number
  readonly modifiedMs: number
  readonly isFromOwner: boolean
}

/** A name, for one of its owners. */
interface Named {
  readonly row: FileRow | undefined
  /** Whether another owner has a file of this name; undefined if that was not read. */
  readonly hasTwin: boolean | undefined
}

type Stored = [
  fileId: number,
  ownerKey: number,
  contentId: number | null,
  modifiedMs: number,
  fromOwner: number,
]

/** The range of the ids of an owner's files, both inclusive. */
export function fileIdsOf(ownerKey: number): { first: number; last: number } {
  return { first: ownerKey * filesPerOwner, last: (ownerKey + 1) * filesPerOwner - 1 }
}

/**
 * Writes the names of owners, with what the contents and counters have to say about them. A row
 * stays while a copy refers to it. Its methods must run within a transaction.
 */
export class FileRows {
  readonly #sql: ReturnType<typeof prepare>
  readonly #keys: PeerKeys
  readonly #contents: ContentRows
  readonly #tallies: Tallies
  readonly #lastIds = new Map<number, number>()
  /** The row that was added last, if it is not written yet: it may be given its content first. */
  #unwritten: FileRow | undefined
  /** Rows that lost a copy or their content. */
  readonly #loosened = new Set<number>()

  constructor(
    database: Database,
    parts: { keys: PeerKeys; contents: ContentRows; tallies: Tallies },
  ) {
    this.#sql = prepare(database)
    this.#keys = parts.keys
    this.#contents = parts.contents
    this.#tallies = parts.tallies
  }

  /** The row of an owner's name, with what the same query tells about its other owners. */
  named(ownerKey: number, name: string): Named {
    this.#write()
    const rows = this.#sql.named.all(name) as Stored[]
    if (rows.length === namedMax) return { row: this.#row(ownerKey, name), hasTwin: undefined }
    let row: FileRow | undefined
    let hasTwin = false
    for (const stored of rows)
      if (stored[1] === ownerKey) row = rowOf(stored, name)
      else if (stored[2] !== null) hasTwin = true
    return { row, hasTwin }
  }

  find({ owner, name }: FileKey): FileRow | undefined {
    const ownerKey = this.#keys.keyOf(owner)
    return ownerKey === undefined ? undefined : this.#row(ownerKey, name)
  }

  /** The row of a file that its owner has now. */
  current(file: FileKey): CurrentFile | undefined {
    const row = this.find(file)
    return row === undefined || row.contentId === null ? undefined : (row as CurrentFile)
  }

  /** When its owner began to share it, by the clock of the index; 0 if that is unknown. */
  addedMsOf({ fileId }: FileRow): number {
    return this.#sql.addedMs.get(fileId) as number
  }

  addedBefore({ fileId }: FileRow, addedMs: number): void {
    this.#sql.addedBefore.run(addedMs, fileId)
  }

  /** A row for copies of a file that its owner does not have. */
  add(ownerKey: number, name: string): FileRow {
    this.#write()
    const fileId = this.#nextId(ownerKey)
    const row = { fileId, ownerKey, name, contentId: null, modifiedMs: 0, isFromOwner: false }
    this.#unwritten = row
    return row
  }

  /** Adds a file that has no row. */
  addFile(
    ownerKey: number,
    name: string,
    { contentId, modifiedMs, isFromOwner }: FileContent,
    { addedMs, hasTwin }: { addedMs: number; hasTwin: boolean | undefined },
  ): FileRow {
    this.#write()
    const fileId = this.#nextId(ownerKey)
    this.#count(ownerKey, name, hasTwin, 1)
    const owned = Number(isFromOwner)
    this.#sql.insert.run(fileId, ownerKey, name, contentId, modifiedMs, owned, addedMs)
    this.#contents.addFile(this.#contents.known(contentId), fileId)
    return { fileId, ownerKey, name, contentId, modifiedMs, isFromOwner }
  }

  /** An owner has a file now that it did not have. */
  put({ owner, name }: FileKey, content: FileContent, addedMs: number): void {
    const ownerKey = this.#keys.keyFor(owner)
    const { row, hasTwin } = this.named(ownerKey, name)
    if (row === undefined) this.addFile(ownerKey, name, content, { addedMs, hasTwin })
    else this.setContent(row, content, addedMs)
  }

  /**
   * Gives a row a content, which it does not have.
   * @param addedMs of a row that is no file yet
   */
  setContent(row: FileRow, content: FileContent, addedMs: number): void {
    const { contentId, modifiedMs, isFromOwner } = content
    const { fileId, ownerKey, name } = row
    const owned = Number(isFromOwner)
    if (row === this.#unwritten) {
      this.#unwritten = undefined
      this.#count(ownerKey, name, undefined, 1)
      this.#sql.insert.run(fileId, ownerKey, name, contentId, modifiedMs, owned, addedMs)
    } else if (row.contentId === null) {
      this.#count(ownerKey, name, undefined, 1)
      this.#sql.fill.run(contentId, modifiedMs, owned, addedMs, fileId)
    } else {
      this.#contents.removeFile(this.#contents.known(row.contentId), fileId)
      this.#sql.setContent.run(contentId, modifiedMs, owned, fileId)
    }
    this.#contents.addFile(this.#contents.known(contentId), fileId)
    Object.assign(row, content)
  }

  /** The file has the content that it had. */
  confirm(row: FileRow, modifiedMs: number, isFromOwner: boolean): void {
    if (row.modifiedMs === modifiedMs && row.isFromOwner === isFromOwner) return
    this.#sql.confirm.run(modifiedMs, Number(isFromOwner), row.fileId)
    Object.assign(row, { modifiedMs, isFromOwner })
  }

  /** The owner no longer has the file. */
  remove(row: CurrentFile): void {
    const { fileId, ownerKey, name, contentId } = row
    this.#count(ownerKey, name, undefined, -1)
    this.#contents.removeFile(this.#contents.known(contentId), fileId)
    this.#sql.fill.run(null, 0, 0, 0, fileId)
    Object.assign(row, { contentId: null, modifiedMs: 0, isFromOwner: false })
    this.#loosened.add(fileId)
  }

  /** One copy less refers to it. */
  loosen(fileId: number): void {
    this.#loosened.add(fileId)
  }

  /** Removes the rows to which nothing refers any longer. */
  settle(): void {
    this.#write()
    for (const fileId of this.#loosened) this.#sql.removeUnused.run({ fileId })
    this.#loosened.clear()
  }

  onRolledBack(): void {
    this.#unwritten = undefined
    this.#loosened.clear()
    this.#lastIds.clear()
  }

  #write(): void {
    if (this.#unwritten === undefined) return
    const { fileId, ownerKey, name } = this.#unwritten
    this.#unwritten = undefined
    this.#sql.insert.run(fileId, ownerKey, name, null, 0, 0, 0)
  }

  #row(ownerKey: number, name: string): FileRow | undefined {
    this.#write()
    const stored = this.#sql.byKey.get(name, ownerKey) as Stored | undefined
    return stored && rowOf(stored, name)
  }

  /** Counts the name when its first file is added and its last one removed. */
  #count(ownerKey: number, name: string, hasTwin: boolean | undefined, by: 1 | -1): void {
    const isShared = hasTwin ?? this.#sql.hasTwin.get(name, ownerKey) !== undefined
    if (!isShared) this.#tallies.add({ names: by })
  }

  #nextId(ownerKey: number): number {
    const { first, last } = fileIdsOf(ownerKey)
    const lastId =
      this.#lastIds.get(ownerKey) ?? (this.#sql.lastId.get(first, last) as number | null) ?? first
    this.#lastIds.set(ownerKey, lastId + 1)
    return lastId + 1
  }
}

function rowOf(stored: Stored, name: string): FileRow {
  const [fileId, ownerKey, contentId, modifiedMs, fromOwner] = stored
  return { fileId, ownerKey, name, contentId, modifiedMs, isFromOwner: fromOwner === 1 }
}

function prepare(database: Database) {
  const columns = 'file_id, owner_key, content_id, modified_ms, from_owner'
  return {
    named: database.prepare(`select ${columns} from files where name = ? limit ${namedMax}`).raw(),
    byKey: database.prepare(`select ${columns} from files where name = ? and owner_key = +?`).raw(),
    hasTwin: database.prepare(
      'select 1 from files where name = ? and owner_key <> +? and content_id is not null limit 1',
    ),
    addedMs: database.prepare('select added_ms from files where file_id = ?').pluck(),
    addedBefore: database.prepare('update files set added_ms = min(added_ms, ?) where file_id = ?'),
    insert: database.prepare('insert into files values (?, ?, ?, ?, ?, ?, ?)'),
    setContent: database.prepare(
      'update files set content_id = ?, modified_ms = ?, from_owner = ? where file_id = ?',
    ),
    fill: database.prepare(
      `update files set content_id = ?, modified_ms = ?, from_owner = ?, added_ms = ?
       where file_id = ?`,
    ),
    confirm: database.prepare('update files set modified_ms = ?, from_owner = ? where file_id = ?'),
    removeUnused: database.prepare(
      `delete from files where file_id = @fileId and content_id is null
       and not exists (select 1 from copies where file_id = @fileId)`,
    ),
    lastId: database
      .prepare('select max(file_id) from files where file_id between ? and ?')
      .pluck(),
  }
}
