import type { Database } from '../../common/sqlite.ts'
import type { IndexRows } from './index-rows.ts'
import type { FileKey } from './store.ts'

/** What a file in the trash has. */
export interface TrashedContent {
  readonly contentId: number
  readonly modifiedMs: number
}

/** Writes the trash. Its methods must run within a transaction. */
export class TrashRows {
  readonly #sql: ReturnType<typeof prepare>
  readonly #rows: Pick<IndexRows, 'contents' | 'rare'>

  constructor(database: Database, rows: Pick<IndexRows, 'contents' | 'rare'>) {
    this.#sql = prepare(database)
    this.#rows = rows
  }

  get({ owner, name }: FileKey): TrashedContent | undefined {
    return this.#sql.get.get(owner, name) as TrashedContent | undefined
  }

  /** The owners that deleted a file of this name with this content. */
  ownersOf(name: string, contentId: number): string[] {
    return this.#sql.ownersOf.all(name, contentId) as string[]
  }

  /** Adds a file that is not in the trash. */
  add(
    { owner, name, contentId, modifiedMs }: FileKey & TrashedContent,
    { deletedMs, trashedMs }: { readonly deletedMs: number; readonly trashedMs: number },
  ): void {
    const { contents, rare } = this.#rows
    this.#sql.add.run(owner, name, contentId, modifiedMs, deletedMs, trashedMs)
    contents.addTrashed(contents.known(contentId), 1)
    rare.onAdded('trash')
  }

  /** Removes a file that is in the trash. */
  remove({ owner, name }: FileKey, { contentId }: Pick<TrashedContent, 'contentId'>): void {
    const { contents } = this.#rows
    this.#sql.remove.run(owner, name)
    contents.addTrashed(contents.known(contentId), -1)
  }
}

function prepare(database: Database) {
  return {
    get: database.prepare(
      `select content_id as contentId, modified_ms as modifiedMs from trash
       where owner = ? and name = ?`,
    ),
    ownersOf: database.prepare('select owner from trash where name = ? and content_id = ?').pluck(),
    add: database.prepare('insert into trash values (?, ?, ?, ?, ?, ?)'),
    remove: database.prepare('delete from trash where owner = ? and name = ?'),
  }
}
