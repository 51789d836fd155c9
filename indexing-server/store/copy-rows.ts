import type { Database } from '../../common/sqlite.ts'
import type { ContentRow, ContentRows } from './content-rows.ts'
import type { FileRows } from './file-rows.ts'

/** Identifies a copy. */
export interface CopyPlace {
  readonly peerKey: number
  readonly fileId: number
  /** Position in `copyKinds`. */
  readonly kind: number
  /** The content's hash if the peer keeps it beside a copy of other content of the file, or empty. */
  readonly version: string
}

export interface CopyRow {
  readonly contentId: number
  readonly modifiedMs: number
  readonly inventory: number
  /** Why it is no part of the cluster; 0 if it is. */
  readonly withheld: number
}

type Stored = [contentId: number, modifiedMs: number, inventory: number, withheld: number]

/** A copy that an inventory did not mention. */
export interface UnmentionedCopy extends CopyPlace {
  readonly name: string
  readonly contentId: number
  readonly withheld: number
}

/** Writes copies, with what contents, files and counters have to say about them. */
export class CopyRows {
  readonly #sql: ReturnType<typeof prepare>
  readonly #contents: ContentRows
  readonly #files: FileRows

  constructor(database: Database, { contents, files }: { contents: ContentRows; files: FileRows }) {
    this.#sql = prepare(database)
    this.#contents = contents
    this.#files = files
  }

  get({ peerKey, fileId, kind, version }: CopyPlace): CopyRow | undefined {
    const stored = this.#sql.get.get(peerKey, fileId, kind, version) as Stored | undefined
    if (stored === undefined) return undefined
    const [contentId, modifiedMs, inventory, withheld] = stored
    return { contentId, modifiedMs, inventory, withheld }
  }

  /** Adds a copy that the peer does not have. */
  add(place: CopyPlace, content: ContentRow, row: Omit<CopyRow, 'contentId'>): void {
    if (!this.addNew(place, content, row)) throw new RangeError('there is such a copy')
  }

  /** Adds a copy unless the peer has one in this place. @returns whether it did */
  addNew(place: CopyPlace, content: ContentRow, row: Omit<CopyRow, 'contentId'>): boolean {
    const { peerKey, fileId, kind, version } = place
    const { modifiedMs, inventory, withheld } = row
    const { contentId } = content
    const values = [peerKey, fileId, kind, version, contentId, modifiedMs, inventory, withheld]
    if (this.#sql.add.run(...values).changes === 0) return false
    if (withheld === 0) this.#contents.hold(content, peerKey, kind, 1)
    return true
  }

  /** The peer has the copy that it had. */
  confirm(place: CopyPlace, modifiedMs: number, inventory: number): void {
    const { peerKey, fileId, kind, version } = place
    this.#sql.confirm.run(modifiedMs, inventory, peerKey, fileId, kind, version)
  }

  remove(place: CopyPlace, { contentId, withheld }: Pick<CopyRow, 'contentId' | 'withheld'>): void {
    const { peerKey, fileId, kind, version } = place
    this.#sql.remove.run(peerKey, fileId, kind, version)
    this.#files.loosen(fileId)
    if (withheld !== 0) return
    this.#contents.hold(this.#contents.known(contentId), peerKey, kind, -1)
  }

  /** The copies of a peer that its inventory of this number did not mention. */
  unmentioned(peerKey: number, inventory: number): UnmentionedCopy[] {
    return this.#sql.unmentioned.all(peerKey, inventory) as UnmentionedCopy[]
  }

  /** At most `limit` copies of a peer. */
  some(peerKey: number, limit: number): UnmentionedCopy[] {
    return this.#sql.some.all(peerKey, limit) as UnmentionedCopy[]
  }

  /** Marks the replicas of a content that its file does not need; returns whether there are any. */
  markStrays(fileId: number, contentId: number): boolean {
    return this.#sql.markStrays.run(fileId, contentId).changes > 0
  }

  clearStrays(fileId: number, contentId: number): void {
    this.#sql.clearStrays.run(fileId, contentId)
  }

  newestStray(fileId: number): Pick<CopyRow, 'contentId' | 'modifiedMs'> | undefined {
    return this.#sql.newestStray.get(fileId) as CopyRow | undefined
  }

  hasStrays(): boolean {
    return this.#sql.hasStrays.get() !== undefined
  }

  /** Whether a peer has, or had and withholds, a content. */
  hasContent(contentId: number): boolean {
    return this.#sql.hasContent.get(contentId) !== undefined
  }
}

/** @returns the statements about copies, compiled once */
function prepare(database: Database) {
  // The sum keeps SQLite from comparing a bare parameter with the condition of a partial index,
  // which would recompile the statement for each new value.
  const place = 'peer_key = ? and file_id = ? and kind = (? + 0) and version = ?'
  const columns = `peer_key as peerKey, copies.file_id as fileId, kind, version, name,
    copies.content_id as contentId, withheld`
  return {
    get: database
      .prepare(`select content_id, modified_ms, inventory, withheld from copies where ${place}`)
      .raw(),
    add: database.prepare(
      'insert into copies values (?, ?, ?, ?, ?, ?, ?, ?, 0) on conflict do nothing',
    ),
    confirm: database.prepare(`update copies set modified_ms = ?, inventory = ? where ${place}`),
    remove: database.prepare(`delete from copies where ${place}`),
    unmentioned: database.prepare(`
      select ${columns} from copies cross join files using (file_id)
      where peer_key = +? and inventory < +?`),
    some: database.prepare(`
      select ${columns} from copies cross join files using (file_id) where peer_key = +? limit ?`),
    markStrays: database.prepare(
      `update copies set stray = 1
       where file_id = ? and kind = 2 and content_id = ? and withheld = 0`,
    ),
    clearStrays: database.prepare(
      'update copies set stray = 0 where stray = 1 and file_id = ? and content_id = ?',
    ),
    newestStray: database.prepare(`
      select content_id as contentId, modified_ms as modifiedMs from copies
      where file_id = ? and stray = 1 and kind = 2 order by modified_ms desc limit 1`),
    hasStrays: database.prepare('select 1 from copies where stray = 1 limit 1'),
    hasContent: database.prepare('select 1 from copies where content_id = ? limit 1'),
  }
}
