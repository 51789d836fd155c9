import type { Database } from '../../common/sqlite.ts'
import type { AnnouncementWriter } from './announcement-writer.ts'
import type { FileKey, Forgotten } from './store.ts'
import { Touching } from './touching.ts'

interface CopyRow extends FileKey {
  readonly kind: number
  readonly version: string
  readonly content_id: number
}

interface FileRow {
  readonly name: string
  readonly content_id: number
}

/**
 * Removes what belongs to a peer that does not return. Its files stay while some other peer has
 * their contents. Each public method must run within a transaction.
 */
export class ForgetWriter {
  readonly #sql: ReturnType<typeof prepare>
  readonly #files: Pick<AnnouncementWriter, 'removeUnused'>

  constructor(database: Database, files: Pick<AnnouncementWriter, 'removeUnused'>) {
    this.#sql = prepare(database)
    this.#files = files
  }

  /** Removes at most `limit` copies of a peer; its files stay. */
  forgetCopies(peerId: string, limit: number): Forgotten {
    const touching = new Touching()
    // If it returns meanwhile, it announces everything again.
    this.#sql.restart.run(peerId)
    this.#sql.rememberOwner.run({ peerId })
    const copies = this.#sql.copies.all(peerId, limit) as CopyRow[]
    for (const { kind, owner, name, version, content_id } of copies) {
      this.#sql.removeCopy.run(peerId, kind, owner, name, version)
      touching.loosen(content_id, name)
    }
    this.#files.removeUnused(touching)
    const next = copies.length === limit ? copies.at(-1)?.name : undefined
    return forgotten(touching, copies.length, next)
  }

  /**
   * Of at most `limit` files of an owner after the name `after`, removes those that no peer has, or
   * that another owner shares under the same name.
   */
  forgetFiles(owner: string, after: string, limit: number): Forgotten {
    const touching = new Touching()
    const files = this.#sql.files.all(owner, after, limit) as FileRow[]
    let removed = 0
    for (const { name, content_id } of files) {
      const isLost = this.#sql.hasCopy.get(content_id) === undefined
      const isTwin = this.#sql.hasOtherOwner.get({ name, content_id, owner }) !== undefined
      if (!isLost && !isTwin) continue
      removed++
      this.#sql.removeFile.run(owner, name)
      touching.loosen(content_id, name)
      // If a peer returns with a copy after all, it brings the file back.
      if (isLost) this.#sql.allowReturn.run(owner)
    }
    this.#files.removeUnused(touching)
    return forgotten(touching, removed, files.length === limit ? files.at(-1)?.name : undefined)
  }

  /** Removes the peer itself, unless it has copies. */
  forgetPeer(peerId: string, { releasesId }: { readonly releasesId: boolean }): void {
    if (this.#sql.ownsFiles.get(peerId) !== undefined) this.#sql.rememberOwner.run({ peerId })
    this.#sql.removePeer.run({ peerId })
    if (releasesId) this.#sql.releaseIdentity.run({ peerId })
    else this.#sql.releaseUnusedIdentity.run({ peerId })
  }
}

function forgotten(touching: Touching, removed: number, next: string | undefined): Forgotten {
  const { contentIds, names, replaced, intent, hasStrays, events } = touching
  return { contentIds, names, replaced, intent, hasStrays, events, removed, next }
}

/** Forgets the identity of an id to which nothing belongs. */
export const releaseUnusedIdentity = `
  delete from identities where peer_id = @peerId
    and not exists (select 1 from copies where peer_id = @peerId)
    and not exists (select 1 from files where owner = @peerId)
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
    copies: database.prepare(
      'select kind, owner, name, version, content_id from copies where peer_id = ? limit ?',
    ),
    removeCopy: database.prepare(`
      delete from copies
      where peer_id = ? and kind = (? + 0) and owner = ? and name = ? and version = ?`),
    files: database.prepare(
      'select name, content_id from files where owner = ? and name > ? order by name limit ?',
    ),
    hasCopy: database.prepare('select 1 from copies where content_id = ? limit 1'),
    hasOtherOwner: database.prepare(`
      select 1 from files where name = @name and content_id = @content_id and owner <> @owner
      limit 1`),
    removeFile: database.prepare('delete from files where owner = ? and name = ?'),
    ownsFiles: database.prepare('select 1 from files where owner = ? limit 1'),
    removePeer: database.prepare(
      `delete from peers where peer_id = @peerId
       and not exists (select 1 from copies where peer_id = @peerId)`,
    ),
    releaseIdentity: database.prepare('delete from identities where peer_id = @peerId'),
    releaseUnusedIdentity: database.prepare(releaseUnusedIdentity),
  }
}
