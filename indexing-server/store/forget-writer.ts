import type { Database } from '../../common/sqlite.ts'
import type { AnnouncementWriter } from './announcement-writer.ts'
import { fileIdsOf, filesPerOwner } from './file-rows.ts'
import type { IndexRows } from './index-rows.ts'
import type { Forgotten } from './store.ts'
import { Touching } from './touching.ts'

type StoredFile = [fileId: number, name: string, contentId: number | null]

/**
 * Removes what belongs to a peer that does not return. Its files stay while some other peer has
 * their contents. Each public method must run within a transaction.
 */
export class ForgetWriter {
  readonly #sql: ReturnType<typeof prepare>
  readonly #rows: IndexRows
  readonly #files: Pick<AnnouncementWriter, 'removeUnused'>

  constructor(
    database: Database,
    { rows, files }: { rows: IndexRows; files: Pick<AnnouncementWriter, 'removeUnused'> },
  ) {
    this.#sql = prepare(database)
    this.#rows = rows
    this.#files = files
  }

  /** Removes at most `limit` copies of a peer; its files stay. */
  forgetCopies(peerId: string, limit: number): Forgotten {
    const touching = new Touching()
    // If it returns meanwhile, it announces everything again.
    this.#sql.restart.run(peerId)
    this.#sql.rememberOwner.run({ peerId })
    const { keys, copies } = this.#rows
    const found = copies.some(keys.keyFor(peerId), limit)
    for (const copy of found) {
      copies.remove(copy, copy)
      touching.loosen(copy.contentId, copy.name)
    }
    this.#files.removeUnused(touching)
    const next = found.length === limit ? found.at(-1)?.name : undefined
    return forgotten(touching, found.length, next)
  }

  /**
   * Of at most `limit` files of an owner after `after`, removes those that no peer has, or that
   * another owner shares under the same name.
   */
  forgetFiles(owner: string, after: string, limit: number): Forgotten {
    const touching = new Touching()
    const { keys, files } = this.#rows
    const ownerKey = keys.keyFor(owner)
    const { first, last } = fileIdsOf(ownerKey)
    const from = after === '' ? first : Number(after)
    const found = this.#sql.files.all(from, last, limit) as StoredFile[]
    let removed = 0
    for (const [, name, contentId] of found) {
      if (contentId === null) continue
      const isLost = this.#sql.hasCopy.get(contentId) === undefined
      const isTwin = this.#sql.hasOtherOwner.get(name, contentId, ownerKey) !== undefined
      const file = isLost || isTwin ? files.current({ owner, name }) : undefined
      if (file === undefined) continue
      removed++
      files.remove(file)
      touching.loosen(contentId, name)
      // If a peer returns with a copy after all, it brings the file back.
      if (isLost) this.#sql.allowReturn.run(owner)
    }
    this.#files.removeUnused(touching)
    const next = found.length === limit ? found.at(-1)?.[0].toString() : undefined
    return forgotten(touching, removed, next)
  }

  /** Removes the peer itself, unless it has copies. */
  forgetPeer(peerId: string, { releasesId }: { readonly releasesId: boolean }): void {
    if (this.#sql.ownsFiles.get({ peerId }) !== undefined) this.#sql.rememberOwner.run({ peerId })
    this.#sql.removePeer.run({ peerId })
    if (releasesId) this.#sql.releaseIdentity.run({ peerId })
    else this.#sql.releaseUnusedIdentity.run({ peerId })
  }
}

function forgotten(touching: Touching, removed: number, next: string | undefined): Forgotten {
  const { contentIds, names, replaced, intent, hasStrays, events } = touching
  return { contentIds, names, replaced, intent, hasStrays, events, removed, next }
}

/** Whether the peer `@peerId` has, or had and withholds, a copy. */
const hasCopies = `exists (select 1 from peer_keys cross join copies using (peer_key)
  where peer_id = +@peerId)`
/** Whether it owns a file. */
const ownsFiles = `exists (
  select 1 from peer_keys cross join files on file_id between peer_key * ${filesPerOwner}
    and (peer_key + 1) * ${filesPerOwner} - 1 and content_id is not null
  where peer_id = +@peerId)`

/** Forgets the identity of an id to which nothing belongs. */
export const releaseUnusedIdentity = `
  delete from identities where peer_id = @peerId
    and not ${hasCopies} and not ${ownsFiles}
    and not exists (select 1 from trash where owner = @peerId)
    and not exists (select 1 from unshared where owner = @peerId)`

/** @returns every statement about forgetting, compiled once */
function prepare(database: Database) {
  return {
    restart: database.prepare(
      "update peers set epoch = '', seen_seq = 0 where peer_id = ? and epoch <> ''",
    ),
    rememberOwner: database.prepare(`
      insert into forgotten_owners select peer_id, 0 from peers
      where peer_id = @peerId and inventory > 0 and inventory_ended = 1
      on conflict do nothing`),
    allowReturn: database.prepare('update forgotten_owners set has_lost = 1 where peer_id = ?'),
    files: database
      .prepare(
        `select file_id, name, content_id from files where file_id > ? and file_id <= ?
         order by file_id limit ?`,
      )
      .raw(),
    hasCopy: database.prepare('select 1 from copies where content_id = ? limit 1'),
    hasOtherOwner: database.prepare(
      'select 1 from files where name = ? and content_id = ? and owner_key <> +? limit 1',
    ),
    ownsFiles: database.prepare(`select 1 where ${ownsFiles}`),
    removePeer: database.prepare(`delete from peers where peer_id = @peerId and not ${hasCopies}`),
    releaseIdentity: database.prepare('delete from identities where peer_id = @peerId'),
    releaseUnusedIdentity: database.prepare(releaseUnusedIdentity),
  }
}
