import type { Change } from '../../common/protocol/shapes.ts'
import type { Database } from '../../common/sqlite.ts'
import type { NewEvent } from '../events/event.ts'
import { fileKeyText } from './file-key.ts'
import type { IntentLog } from './intent-log.ts'
import type { FileKey, GoneName } from './store.ts'
import type { Touching } from './touching.ts'

type Remove = Extract<Change, { op: 'remove' }>

interface FileRow {
  readonly content_id: number
  readonly modified_ms: number
  readonly added_ms: number
  readonly from_owner: number
  readonly bytes: number
}

type StrayRow = Pick<FileRow, 'content_id' | 'modified_ms'>

interface GoneRow {
  readonly gone_ms: number
  readonly is_kept: number
}

/** A content of a file. */
interface FileContent extends FileKey {
  readonly contentId: number
}

/**
 * A file that is deleted this soon after it was added is a temporary one, such as an editor's: it is
 * not kept.
 */
const shortLivedMs = 60_000

/**
 * Files that their owners removed. Each public method must run within a transaction.
 *
 * A deleted file is in the trash, where its content is still wanted. The name of each removed file is
 * gone: no other peer's replica restores it. A replica that its file does not need is stray: it gets
 * the name of another file with its content, or is dropped.
 */
export class RemovedFiles {
  readonly #sql: ReturnType<typeof prepare>
  readonly #intent: Pick<IntentLog, 'decide'>

  constructor(database: Database, { intent }: { intent: Pick<IntentLog, 'decide'> }) {
    this.#sql = prepare(database)
    this.#intent = intent
  }

  /** The owner removed its file, and no longer has a copy of it in its shared folder. */
  remove(owner: string, change: Remove, nowMs: number, touching: Touching): void {
    const { name, reason, renamedTo } = change
    const file = { owner, name }
    if (reason === 'deleted') this.#delete(file, change, nowMs, touching)
    else {
      const current = this.#sql.file.get(owner, name) as FileRow | undefined
      if (current !== undefined) touching.events.push(removalOf(file, current.bytes, renamedTo))
      if (renamedTo !== undefined) this.#rename(file, renamedTo, nowMs, touching)
      this.release(file, touching)
      const gone = this.#sql.gone.get(owner, name) as GoneRow | undefined
      this.#sql.setGone.run(owner, name, nowMs, 0)
      if (gone?.is_kept === 1) this.#decide(file, false, nowMs, touching)
    }
  }

  /** Since when the name after the last `count` removed ones is gone; 0 if there are no more. */
  goneBeyondMs(count: number): number {
    return (this.#sql.goneBeyond.get(count) as number | undefined) ?? 0
  }

  /**
   * Forgets those of the next `limit` names that no copy could restore.
   * @param beforeMs only names that are gone since then or earlier
   * @returns the last of them; undefined at the end
   */
  forgetGone(
    { beforeMs, after, limit }: { beforeMs: number; after: GoneName; limit: number },
    nowMs: number,
  ): GoneName | undefined {
    const rows = this.#sql.goneAfter.all({ beforeMs, ...after, limit }) as (GoneName & {
      readonly isForgettable: number
    })[]
    for (const { owner, name, isForgettable } of rows)
      if (isForgettable === 1) {
        this.#sql.removeGone.run(owner, name)
        this.#decide({ owner, name }, null, nowMs)
      }
    const last = rows.length < limit ? undefined : rows.at(-1)
    return last && { owner: last.owner, name: last.name, goneMs: last.goneMs }
  }

  /**
   * A decision of another index: the owner deleted the file, unless it has shared it here; null: it
   * shared it again.
   */
  onDecided(
    { owner, name }: FileKey,
    value: { readonly isKept: boolean } | null,
    { changedMs, nowMs }: { readonly changedMs: number; readonly nowMs: number },
    touching: Touching,
  ): void {
    const file = this.#sql.file.get(owner, name) as FileRow | undefined
    if (file?.from_owner === 1) return
    if (value === null) return this.#undelete({ owner, name }, touching)
    const { isKept } = value
    const goneMs = Math.min(changedMs, nowMs)
    this.#sql.setGone.run(owner, name, goneMs, Number(isKept))
    if (!isKept) this.release({ owner, name }, touching)
    else if (file !== undefined) {
      this.#sql.removeFile.run(owner, name)
      const { content_id: contentId, modified_ms: modifiedMs } = file
      this.#sql.addTrashed.run(owner, name, contentId, modifiedMs, goneMs, goneMs)
      touching.loosen(contentId, name)
    } else this.#keepAfterAll({ owner, name }, goneMs, touching)
  }

  /** Here the file seemed to be a temporary one, because this index had heard of it only just before. */
  #keepAfterAll({ owner, name }: FileKey, goneMs: number, touching: Touching): void {
    const left = this.#sql.newestStray.get(owner, name) as StrayRow | undefined
    if (left === undefined || this.#sql.trashed.get(owner, name) !== undefined) return
    const { content_id: contentId, modified_ms: modifiedMs } = left
    this.#sql.addTrashed.run(owner, name, contentId, modifiedMs, goneMs, goneMs)
    this.claim({ owner, name, contentId })
    touching.touch(contentId, name)
  }

  #undelete({ owner, name }: FileKey, touching: Touching): void {
    this.#sql.removeGone.run(owner, name)
    const trashed = this.#sql.trashed.get(owner, name) as FileRow | undefined
    if (trashed === undefined) return
    const { content_id: contentId, modified_ms: modifiedMs } = trashed
    this.#sql.removeTrashed.run(owner, name)
    this.#sql.addFile.run(owner, name, contentId, modifiedMs, 0, 0)
    touching.touch(contentId, name)
  }

  /** Has peers remember whether a deleted file is kept; null: it is no longer deleted. */
  #decide(file: FileKey, isKept: boolean | null, nowMs: number, touching?: Touching): void {
    const value = isKept === null ? null : { isKept }
    const record = this.#intent.decide({ kind: 'trash', key: fileKeyText(file), value }, nowMs)
    if (record !== undefined) touching?.intent.push(record)
  }

  /** Removes a file from the trash for good; its copies may be dropped. */
  purge(file: FileKey, nowMs: number, touching: Touching): void {
    if (this.#sql.trashed.get(file.owner, file.name) === undefined) return
    this.release(file, touching)
    this.#sql.setGone.run(file.owner, file.name, nowMs, 0)
    this.#decide(file, false, nowMs, touching)
  }

  /** A file and its earlier contents are no longer wanted. */
  release(file: FileKey, touching: Touching): void {
    const { owner, name } = file
    const current = this.#current(file)
    this.#sql.removeFile.run(owner, name)
    this.#sql.removeTrashed.run(owner, name)
    if (current !== undefined) this.stray({ owner, name, contentId: current.content_id }, touching)
    for (const contentId of this.#sql.replacedOf.all(owner, name) as number[])
      this.forgetReplaced(file, contentId, touching)
  }

  /** An earlier content of a file need not be kept any longer. */
  forgetReplaced({ owner, name }: FileKey, contentId: number, touching: Touching): void {
    this.#sql.removeReplaced.run(owner, name, contentId)
    touching.loosen(contentId, name)
    if (this.#current({ owner, name })?.content_id !== contentId)
      this.stray({ owner, name, contentId }, touching)
  }

  /** The file does not need its replicas of this content. */
  stray({ owner, name, contentId }: FileContent, touching: Touching): void {
    if (this.#sql.markStrays.run({ owner, name, contentId }).changes > 0) touching.hasStrays = true
    touching.loosen(contentId, name)
  }

  /** The file has this content: its replicas are not stray. */
  claim({ owner, name, contentId }: FileContent): void {
    this.#sql.clearStrays.run({ owner, name, contentId })
  }

  /**
   * A peer announced a replica. If its file was deleted, it belongs in the trash, or is stray.
   * @returns whether the file was removed
   */
  onReplica(file: FileContent, modifiedMs: number, touching: Touching): boolean {
    const { owner, name, contentId } = file
    const gone = this.#sql.gone.get(owner, name) as GoneRow | undefined
    if (gone === undefined) return false
    const trashed = this.#sql.trashed.get(owner, name) as FileRow | undefined
    if (trashed === undefined && gone.is_kept === 1) {
      this.#sql.addTrashed.run(owner, name, contentId, modifiedMs, gone.gone_ms, gone.gone_ms)
      touching.touch(contentId, name)
    } else if (trashed?.content_id !== contentId && !this.#isReplaced(file))
      this.stray(file, touching)
    return true
  }

  /**
   * The owner shares a file of this name: it is no longer in the trash. Nor is one of this content
   * that another peer deleted.
   * @returns whether its own was
   */
  onShared({ owner, name, contentId }: FileContent, nowMs: number, touching: Touching): boolean {
    this.#returned({ owner, name }, nowMs, touching)
    const trashed = this.#sql.trashed.get(owner, name) as FileRow | undefined
    for (const other of this.#sql.sameTrashed.all(name, contentId) as string[]) {
      const isOwn = other === owner
      touching.events.push({
        kind: 'restored',
        peerId: owner,
        otherPeerId: isOwn ? undefined : other,
        name,
      })
      if (!isOwn) this.purge({ owner: other, name }, nowMs, touching)
    }
    if (trashed === undefined) return false
    this.#sql.removeTrashed.run(owner, name)
    touching.loosen(trashed.content_id, name)
    if (trashed.content_id !== contentId)
      this.#keepReplaced({ owner, name, contentId: trashed.content_id }, trashed, nowMs, touching)
    return true
  }

  /** The owner has a file of this name again. */
  #returned({ owner, name }: FileKey, nowMs: number, touching: Touching): void {
    if (this.#sql.removeGone.run(owner, name).changes > 0)
      this.#decide({ owner, name }, null, nowMs, touching)
  }

  #delete(file: FileKey, { removedMs }: Remove, nowMs: number, touching: Touching): void {
    const { owner, name } = file
    const deletedMs = Math.min(removedMs, nowMs)
    const current = this.#sql.file.get(owner, name) as FileRow | undefined
    if (current === undefined) {
      if (this.#sql.gone.get(owner, name) !== undefined) return
      this.#sql.setGone.run(owner, name, nowMs, 1)
      return this.#decide(file, true, nowMs, touching)
    }
    const { content_id: contentId, modified_ms: modifiedMs, added_ms: addedMs } = current
    const isShortLived = nowMs - addedMs < shortLivedMs
    // Without any copy there is nothing to keep; one that is being made may still arrive.
    if (isShortLived || this.#sql.isHeld.get(contentId) === undefined) this.release(file, touching)
    else {
      this.#sql.removeFile.run(owner, name)
      this.#sql.addTrashed.run(owner, name, contentId, modifiedMs, deletedMs, nowMs)
      touching.loosen(contentId, name)
      touching.events.push({ kind: 'deleted', peerId: owner, name, bytes: current.bytes })
    }
    this.#sql.setGone.run(owner, name, nowMs, isShortLived ? 0 : 1)
    if (!isShortLived) this.#decide(file, true, nowMs, touching)
  }

  /** Gives the content and the earlier contents of a file to another name of its owner. */
  #rename(file: FileKey, to: string, nowMs: number, touching: Touching): void {
    const { owner, name } = file
    const current = this.#current(file)
    for (const contentId of this.#sql.replacedOf.all(owner, name) as number[])
      this.stray({ owner, name, contentId }, touching)
    this.#sql.moveReplaced.run(to, owner, name)
    if (current === undefined || this.#sql.isUnshared.get(to, owner) !== undefined) return
    const { content_id: contentId, modified_ms: modifiedMs, added_ms: addedMs } = current
    const target = this.#current({ owner, name: to })
    if (target === undefined) {
      this.#sql.addFile.run(owner, to, contentId, modifiedMs, 1, addedMs)
      this.#returned({ owner, name: to }, nowMs, touching)
      this.claim({ owner, name: to, contentId })
    } else if (target.content_id === contentId) this.#sql.addedBefore.run(addedMs, owner, to)
    else this.#keepReplaced({ owner, name: to, contentId }, current, nowMs, touching)
    this.#sql.removeReplacedCurrent.run({ owner, name: to })
    touching.touch(contentId, to)
  }

  #keepReplaced(
    { owner, name, contentId }: FileContent,
    { modified_ms: modifiedMs }: FileRow,
    nowMs: number,
    touching: Touching,
  ): void {
    this.#sql.addReplaced.run(owner, name, contentId, modifiedMs, nowMs)
    touching.replace({ owner, name })
    touching.loosen(contentId, name)
  }

  #isReplaced({ owner, name, contentId }: FileContent): boolean {
    return (this.#sql.replacedOf.all(owner, name) as number[]).includes(contentId)
  }

  /** A file that is shared or in the trash. */
  #current({ owner, name }: FileKey): FileRow | undefined {
    const file = this.#sql.file.get(owner, name) ?? this.#sql.trashed.get(owner, name)
    return file as FileRow | undefined
  }
}

/** The owner removed a file that it did not delete. */
function removalOf(
  { owner, name }: FileKey,
  bytes: number,
  renamedTo: string | undefined,
): NewEvent {
  if (renamedTo === undefined) return { kind: 'ignored', peerId: owner, name, bytes }
  return { kind: 'renamed', peerId: owner, name, bytes, reason: `now '${renamedTo}'` }
}

/** @returns the statements about removed files, compiled once */
function prepare(database: Database) {
  const bytes = '(select size from contents where contents.content_id = found.content_id) as bytes'
  return {
    file: database.prepare(
      `select content_id, modified_ms, added_ms, from_owner, ${bytes}
       from files as found where owner = ? and name = ?`,
    ),
    addFile: database.prepare('insert into files values (?, ?, ?, ?, ?, ?)'),
    removeFile: database.prepare('delete from files where owner = ? and name = ?'),
    addedBefore: database.prepare(
      'update files set added_ms = min(added_ms, ?) where owner = ? and name = ?',
    ),
    isUnshared: database.prepare('select 1 from unshared where name = ? and owner = ?'),
    isHeld: database.prepare('select 1 from holders where content_id = ? limit 1'),
    trashed: database.prepare(
      `select content_id, modified_ms, 0 as added_ms, 1 as from_owner, ${bytes}
       from trash as found where owner = ? and name = ?`,
    ),
    sameTrashed: database
      .prepare('select owner from trash where name = ? and content_id = ?')
      .pluck(),
    addTrashed: database.prepare('insert into trash values (?, ?, ?, ?, ?, ?)'),
    removeTrashed: database.prepare('delete from trash where owner = ? and name = ?'),
    gone: database.prepare('select gone_ms, is_kept from gone where owner = ? and name = ?'),
    setGone: database.prepare('insert or replace into gone values (?, ?, ?, ?)'),
    goneBeyond: database
      .prepare('select gone_ms from gone order by gone_ms desc limit 1 offset ?')
      .pluck(),
    goneAfter: database.prepare(`
      select gone_ms as goneMs, owner, name,
        not exists (select 1 from trash
          where trash.owner = gone.owner and trash.name = gone.name)
        and not exists (select 1 from copies
          where stray = 1 and copies.owner = gone.owner and copies.name = gone.name)
        and not exists (select 1 from copies where kind = 1 and copies.name = gone.name)
          as isForgettable
      from gone where gone_ms <= @beforeMs and (gone_ms, owner, name) > (@goneMs, @owner, @name)
      order by gone_ms, owner, name limit @limit`),
    removeGone: database.prepare('delete from gone where owner = ? and name = ?'),
    markStrays: database.prepare(
      `update copies set stray = 1
       where peer_id in (select peer_id from holders where content_id = @contentId and kind = 2)
         and kind = 2 and owner = @owner and name = @name and content_id = @contentId`,
    ),
    newestStray: database.prepare(
      `select content_id, modified_ms from copies where owner = ? and name = ?
       and stray = 1 and kind = 2 order by modified_ms desc limit 1`,
    ),
    clearStrays: database.prepare(
      `update copies set stray = 0
       where stray = 1 and owner = @owner and name = @name and content_id = @contentId`,
    ),
    replacedOf: database
      .prepare('select content_id from replaced where owner = ? and name = ?')
      .pluck(),
    addReplaced: database.prepare(
      'insert into replaced values (?, ?, ?, ?, ?) on conflict do nothing',
    ),
    moveReplaced: database.prepare(
      'update or ignore replaced set name = ? where owner = ? and name = ?',
    ),
    removeReplaced: database.prepare(
      'delete from replaced where owner = ? and name = ? and content_id = ?',
    ),
    removeReplacedCurrent: database.prepare(
      `delete from replaced where owner = @owner and name = @name
       and content_id = (select content_id from files where owner = @owner and name = @name)`,
    ),
  }
}
