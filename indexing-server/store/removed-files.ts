import type { Change } from '../../common/protocol/shapes.ts'
import type { Database } from '../../common/sqlite.ts'
import type { NewEvent } from '../events/event.ts'
import { fileKeyText } from './file-key.ts'
import type { CurrentFile } from './file-rows.ts'
import type { IndexRows } from './index-rows.ts'
import type { IntentLog } from './intent-log.ts'
import { noOwnerKey } from './peer-keys.ts'
import type { FileKey, GoneName } from './store.ts'
import type { Touching } from './touching.ts'
import { TrashRows } from './trash-rows.ts'

type Remove = Extract<Change, { op: 'remove' }>

/** A content that a file has, or had before it was deleted. */
interface Current {
  readonly contentId: number
  readonly modifiedMs: number
  /** The file; undefined if it is in the trash. */
  readonly row?: CurrentFile
}

interface GoneRow {
  readonly gone_ms: number
  readonly is_kept: number
}

/** A content of a file. */
interface FileContent extends FileKey {
  readonly contentId: number
  /** Its row, if that is known. */
  readonly fileId?: number
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
  readonly #rows: IndexRows
  readonly #trash: TrashRows
  readonly #intent: Pick<IntentLog, 'decide'>

  constructor(
    database: Database,
    { rows, intent }: { rows: IndexRows; intent: Pick<IntentLog, 'decide'> },
  ) {
    this.#sql = prepare(database)
    this.#rows = rows
    this.#trash = new TrashRows(database, rows)
    this.#intent = intent
  }

  /** The owner removed its file, and no longer has a copy of it in its shared folder. */
  remove(owner: string, change: Remove, nowMs: number, touching: Touching): void {
    const { name, reason, renamedTo } = change
    const file = { owner, name }
    if (reason === 'deleted') this.#delete(file, change, nowMs, touching)
    else {
      const current = this.#rows.files.current(file)
      if (current !== undefined)
        touching.events.push(removalOf(file, this.#bytesOf(current), renamedTo))
      if (renamedTo !== undefined) this.#rename(file, renamedTo, nowMs, touching)
      this.release(file, touching)
      const gone = this.#sql.gone.get(owner, name) as GoneRow | undefined
      this.#setGone(file, { goneMs: nowMs, isKept: false }, touching)
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
    const file = this.#rows.files.current({ owner, name })
    if (file?.isFromOwner === true) return
    if (value === null) return this.#undelete({ owner, name }, touching)
    const { isKept } = value
    const goneMs = Math.min(changedMs, nowMs)
    this.#setGone({ owner, name }, { goneMs, isKept }, touching)
    if (!isKept) this.release({ owner, name }, touching)
    else if (file !== undefined) {
      const { contentId, modifiedMs } = file
      this.#rows.files.remove(file)
      const trashed = { owner, name, contentId, modifiedMs }
      this.#trash.add(trashed, { deletedMs: goneMs, trashedMs: goneMs })
      touching.loosen(contentId, name)
    } else this.#keepAfterAll({ owner, name }, goneMs, touching)
  }

  /** Here the file seemed to be a temporary one, because this index had heard of it only just before. */
  #keepAfterAll({ owner, name }: FileKey, goneMs: number, touching: Touching): void {
    const { files, copies } = this.#rows
    const row = files.find({ owner, name })
    const left = row && copies.newestStray(row.fileId)
    if (left === undefined || this.#trash.get({ owner, name }) !== undefined) return
    const { contentId, modifiedMs } = left
    const trashed = { owner, name, contentId, modifiedMs }
    this.#trash.add(trashed, { deletedMs: goneMs, trashedMs: goneMs })
    this.claim({ owner, name, contentId })
    touching.touch(contentId, name)
  }

  #undelete({ owner, name }: FileKey, touching: Touching): void {
    this.#sql.removeGone.run(owner, name)
    touching.touchName(name)
    const trashed = this.#trash.get({ owner, name })
    if (trashed === undefined) return
    const { contentId, modifiedMs } = trashed
    this.#trash.remove({ owner, name }, trashed)
    this.#rows.files.put({ owner, name }, { contentId, modifiedMs, isFromOwner: false }, 0)
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
    if (this.#trash.get(file) === undefined) return
    this.release(file, touching)
    this.#setGone(file, { goneMs: nowMs, isKept: false }, touching)
    this.#decide(file, false, nowMs, touching)
  }

  /** A file and its earlier contents are no longer wanted. */
  release(file: FileKey, touching: Touching): void {
    const { owner, name } = file
    const current = this.#rows.files.current(file)
    const trashed = this.#trash.get(file)
    const { contentId } = current ?? trashed ?? {}
    if (current !== undefined) this.#rows.files.remove(current)
    if (trashed !== undefined) this.#trash.remove(file, trashed)
    if (contentId !== undefined) this.stray({ owner, name, contentId }, touching)
    for (const contentId of this.#replacedOf(file)) this.forgetReplaced(file, contentId, touching)
  }

  /** An earlier content of a file need not be kept any longer. */
  forgetReplaced({ owner, name }: FileKey, contentId: number, touching: Touching): void {
    this.#sql.removeReplaced.run(owner, name, contentId)
    touching.loosen(contentId, name)
    if (this.#current({ owner, name })?.contentId !== contentId)
      this.stray({ owner, name, contentId }, touching)
  }

  /** The file does not need its replicas of this content. */
  stray(file: FileContent, touching: Touching): void {
    const { name, contentId } = file
    const fileId = this.#fileIdOf(file)
    if (fileId !== undefined && this.#rows.copies.markStrays(fileId, contentId)) {
      touching.hasStrays = true
      this.#rows.rare.onAdded('strays')
    }
    touching.loosen(contentId, name)
  }

  /** The file has this content: its replicas are not stray. */
  claim(file: FileContent): void {
    if (!this.#rows.rare.has('strays')) return
    const fileId = this.#fileIdOf(file)
    if (fileId !== undefined) this.#rows.copies.clearStrays(fileId, file.contentId)
  }

  /** The file has this content: it is no replaced one. */
  isNotReplaced({ owner, name, contentId }: FileContent): void {
    if (this.#rows.rare.has('replaced')) this.#sql.removeReplaced.run(owner, name, contentId)
  }

  /**
   * A peer announced a replica. If its file was deleted, it belongs in the trash, or is stray.
   * @returns whether the file was removed
   */
  onReplica(file: FileContent, modifiedMs: number, touching: Touching): boolean {
    if (!this.#rows.rare.has('gone')) return false
    const { owner, name, contentId } = file
    const gone = this.#sql.gone.get(owner, name) as GoneRow | undefined
    if (gone === undefined) return false
    const trashed = this.#trash.get(file)
    if (trashed === undefined && gone.is_kept === 1) {
      const times = { deletedMs: gone.gone_ms, trashedMs: gone.gone_ms }
      this.#trash.add({ owner, name, contentId, modifiedMs }, times)
      touching.touch(contentId, name)
    } else if (trashed?.contentId !== contentId && !this.#replacedOf(file).includes(contentId))
      this.stray(file, touching)
    return true
  }

  /**
   * The owner shares a file of this name: it is no longer in the trash. Nor is one of this content
   * that another peer deleted.
   * @returns whether its own was
   */
  onShared({ owner, name, contentId }: FileContent, nowMs: number, touching: Touching): boolean {
    const { rare } = this.#rows
    if (rare.has('gone')) this.#returned({ owner, name }, nowMs, touching)
    if (!rare.has('trash')) return false
    const trashed = this.#trash.get({ owner, name })
    for (const other of this.#trash.ownersOf(name, contentId)) {
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
    this.#trash.remove({ owner, name }, trashed)
    touching.loosen(trashed.contentId, name)
    if (trashed.contentId !== contentId) {
      const before = { owner, name, contentId: trashed.contentId }
      this.keepReplaced(before, trashed.modifiedMs, nowMs, touching)
    }
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
    const { files, contents } = this.#rows
    const current = files.current(file)
    if (current === undefined) {
      if (this.#sql.gone.get(owner, name) !== undefined) return
      this.#setGone(file, { goneMs: nowMs, isKept: true }, touching)
      return this.#decide(file, true, nowMs, touching)
    }
    const { contentId, modifiedMs } = current
    const isShortLived = nowMs - files.addedMsOf(current) < shortLivedMs
    // Without any copy there is nothing to keep; one that is being made may still arrive.
    const content = contents.get(contentId)
    if (isShortLived || content === undefined || !contents.isHeld(content))
      this.release(file, touching)
    else {
      files.remove(current)
      this.#trash.add({ owner, name, contentId, modifiedMs }, { deletedMs, trashedMs: nowMs })
      touching.loosen(contentId, name)
      touching.events.push({ kind: 'deleted', peerId: owner, name, bytes: content.size })
    }
    this.#setGone(file, { goneMs: nowMs, isKept: !isShortLived }, touching)
    if (!isShortLived) this.#decide(file, true, nowMs, touching)
  }

  /** Gives the content and the earlier contents of a file to another name of its owner. */
  #rename(file: FileKey, to: string, nowMs: number, touching: Touching): void {
    const { files } = this.#rows
    const { owner, name } = file
    const current = this.#current(file)
    for (const contentId of this.#replacedOf(file)) this.stray({ owner, name, contentId }, touching)
    this.#sql.moveReplaced.run(to, owner, name)
    if (current === undefined || this.#sql.isUnshared.get(to, owner) !== undefined) return
    const { contentId, modifiedMs, row } = current
    const addedMs = row === undefined ? 0 : files.addedMsOf(row)
    const renamed = { owner, name: to, contentId }
    const target = this.#current(renamed)
    if (target === undefined) {
      files.put(renamed, { contentId, modifiedMs, isFromOwner: true }, addedMs)
      this.#returned(renamed, nowMs, touching)
      this.claim(renamed)
    } else if (target.contentId === contentId) {
      if (target.row !== undefined) files.addedBefore(target.row, addedMs)
    } else this.keepReplaced(renamed, modifiedMs, nowMs, touching)
    const has = files.current(renamed)
    if (has !== undefined) this.#sql.removeReplaced.run(owner, to, has.contentId)
    touching.touch(contentId, to)
  }

  /** Keeps the copies of a content that the file no longer has. */
  keepReplaced(
    { owner, name, contentId }: FileContent,
    modifiedMs: number,
    nowMs: number,
    touching: Touching,
  ): void {
    this.#sql.addReplaced.run(owner, name, contentId, modifiedMs, nowMs)
    this.#rows.rare.onAdded('replaced')
    touching.replace({ owner, name })
    touching.loosen(contentId, name)
  }

  #replacedOf({ owner, name }: FileKey): number[] {
    return this.#sql.replacedOf.all(owner, name) as number[]
  }

  /** A file that is shared or in the trash. */
  #current(file: FileKey): Current | undefined {
    const row = this.#rows.files.current(file)
    if (row === undefined) return this.#trash.get(file)
    return { contentId: row.contentId, modifiedMs: row.modifiedMs, row }
  }

  #setGone(
    { owner, name }: FileKey,
    { goneMs, isKept }: { readonly goneMs: number; readonly isKept: boolean },
    touching: Touching,
  ): void {
    this.#sql.setGone.run(owner, name, goneMs, Number(isKept))
    this.#rows.rare.onAdded('gone')
    touching.touchName(name)
  }

  #fileIdOf(file: FileContent): number | undefined {
    return file.fileId ?? this.#rows.files.find(file)?.fileId
  }

  #bytesOf({ contentId }: CurrentFile): number {
    return this.#rows.contents.known(contentId).size
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
  return {
    isUnshared: database.prepare('select 1 from unshared where name = ? and owner = ?'),
    gone: database.prepare('select gone_ms, is_kept from gone where owner = ? and name = ?'),
    setGone: database.prepare('insert or replace into gone values (?, ?, ?, ?)'),
    goneBeyond: database
      .prepare('select gone_ms from gone order by gone_ms desc limit 1 offset ?')
      .pluck(),
    goneAfter: database.prepare(`
      select gone_ms as goneMs, owner, name,
        not exists (select 1 from trash
          where trash.owner = gone.owner and trash.name = gone.name)
        and not exists (
          select 1 from files cross join peer_keys on peer_keys.peer_key = owner_key
            cross join copies on copies.file_id = files.file_id and stray = 1
          where files.name = gone.name and peer_id = gone.owner)
        and not exists (
          select 1 from files cross join copies on copies.file_id = files.file_id and kind = 1
          where files.name = gone.name and owner_key = ${noOwnerKey})
          as isForgettable
      from gone where gone_ms <= +@beforeMs and (gone_ms, owner, name) > (+@goneMs, +@owner, +@name)
      order by gone_ms, owner, name limit @limit`),
    removeGone: database.prepare('delete from gone where owner = ? and name = ?'),
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
  }
}
