import { AppError } from '../../common/errors.ts'
import { type Change, type Content, type CopyKey, copyKinds } from '../../common/protocol/shapes.ts'
import type { Database } from '../../common/sqlite.ts'
import { holdingsColumns } from './bounded-bytes.ts'
import { damagedCopy } from './damaged-copy.ts'
import { fileKeyText } from './file-key.ts'
import type { IntentLog } from './intent-log.ts'
import { RemovedFiles } from './removed-files.ts'
import type { Announced, Announcement, FileKey, GoneName, Holdings, Touched } from './store.ts'
import { Touching } from './touching.ts'

type Put = Extract<Change, { op: 'put' }>
type Drop = Extract<Change, { op: 'drop' }>
type Remove = Extract<Change, { op: 'remove' }>

interface CopyRow {
  readonly content_id: number
  readonly modified_ms: number
  readonly withheld: number
}

/** A content that a file has or had, according to its owner or a keeper. */
interface Version {
  readonly contentId: number
  readonly modifiedMs: number
  readonly fromOwner: boolean
  readonly nowMs: number
  /** When its owner began to share the file; 0 if that is unknown, which counts as long ago. */
  readonly addedMs: number
}

interface FileRow {
  readonly content_id: number
  readonly modified_ms: number
  readonly from_owner: number
  readonly added_ms: number
}

/** The inventory that an announcement belongs to. */
interface Inventory {
  readonly number: number
  /** Whether it is part of a full inventory, which does not tell when a file was added. */
  readonly isFull: boolean
}

/**
 * Writes what peers announce. Each public method must run within a transaction.
 *
 * Six rules derive files from copies: the owner's shared copy defines the file; a vanished shared
 * copy changes nothing (that is the loss that replication repairs); a file that its owner removed
 * is in the trash or gone (see {@link RemovedFiles}); a replicated copy restores a file that the
 * index does not know, unless it was unshared or removed, or its owner has sent this index its full
 * inventory: then no other peer may restore its files; a damaged copy defines the file like any
 * other but is held by no peer; a content that a file had, and a replicated copy of content that
 * differs from the file's, is a replaced version and kept for a while.
 */
export class AnnouncementWriter {
  readonly #sql: ReturnType<typeof prepare>
  readonly #intent: Pick<IntentLog, 'decide'>
  readonly #removed: RemovedFiles
  readonly #isYoung: () => boolean

  /** @param isYoung whether the database may replace a lost one that knew more files */
  constructor(
    database: Database,
    { intent, isYoung }: { intent: Pick<IntentLog, 'decide'>; isYoung: () => boolean },
  ) {
    this.#sql = prepare(database)
    this.#intent = intent
    this.#removed = new RemovedFiles(database, { intent })
    this.#isYoung = isYoung
  }

  /**
   * @param nowMs wall time, whole
   * @throws AppError SEQUENCE_GAP
   */
  announce(announcement: Announcement, nowMs: number): Announced {
    const { peerId, begin, end, epoch, lastSeq } = announcement
    const inventory = this.#inventoryFor(announcement)
    const touching = new Touching()
    for (const change of announcement.changes) {
      if (change.op === 'put') this.#put(peerId, change, { inventory, nowMs }, touching)
      else if (change.op === 'drop') this.#drop(peerId, change, touching)
      else if (change.op === 'unshare')
        this.#unshare({ owner: peerId, name: change.name }, nowMs, touching)
      else this.#remove(peerId, change, nowMs, touching)
    }
    if (end === true) this.#sweep(peerId, inventory.number, touching)
    if (begin === true) this.#sql.beginInventory.run(epoch, inventory.number, peerId)
    if (end === true) this.#sql.endInventory.run(peerId)
    this.#sql.setSeen.run(lastSeq, peerId)
    this.removeUnused(touching)
    const holdings = this.#sql.holdings.get(peerId) as Holdings
    const { contentIds, names, replaced, hasStrays, intent, events } = touching
    return { seenSeq: lastSeq, holdings, contentIds, names, replaced, hasStrays, intent, events }
  }

  /** The owner itself decides: the same as a decision by request. */
  #unshare(file: FileKey, nowMs: number, touching: Touching): void {
    const key = fileKeyText(file)
    const record = this.#intent.decide({ kind: 'unshared', key, value: true }, nowMs)
    if (record !== undefined) touching.intent.push(record)
    this.withdraw(file, touching)
  }

  /** Takes an unshared file out of the cluster. */
  withdraw({ owner, name }: FileKey, touching: Touching): void {
    this.#sql.addUnshared.run(name, owner)
    this.#withhold(owner, name, 1, touching)
    this.#removed.release({ owner, name }, touching)
  }

  /** See {@link RemovedFiles.goneBeyondMs}. */
  goneBeyondMs(count: number): number {
    return this.#removed.goneBeyondMs(count)
  }

  /** See {@link RemovedFiles.forgetGone}. */
  forgetGone(...request: Parameters<RemovedFiles['forgetGone']>): GoneName | undefined {
    return this.#removed.forgetGone(...request)
  }

  /** See {@link RemovedFiles.onDecided}. */
  onDeleted(...decided: Parameters<RemovedFiles['onDecided']>): void {
    this.#removed.onDecided(...decided)
  }

  /** Removes files from the trash for good. */
  purge(files: readonly FileKey[], nowMs: number): Touched {
    const touching = new Touching()
    for (const file of files) this.#removed.purge(file, nowMs, touching)
    this.removeUnused(touching)
    return touching
  }

  #remove(owner: string, change: Remove, nowMs: number, touching: Touching): void {
    this.#drop(owner, { ...change, op: 'drop', kind: 'shared' }, touching)
    this.#removed.remove(owner, change, nowMs, touching)
  }

  /** Replaced versions of a file need not be kept any longer. */
  forgetReplaced(file: FileKey, contentIds: readonly number[]): Touched {
    const touching = new Touching()
    for (const contentId of contentIds) this.#removed.forgetReplaced(file, contentId, touching)
    this.removeUnused(touching)
    return touching
  }

  /** Brings a file back that is no longer unshared. */
  restore({ owner, name }: FileKey, nowMs: number, touching: Touching): void {
    this.#sql.removeUnshared.run(name, owner)
    const copy = this.#withhold(owner, name, 0, touching)
    if (copy !== undefined) {
      this.#removed.onShared({ owner, name, contentId: copy.content_id }, nowMs, touching)
      this.#setFile(
        { owner, name },
        {
          contentId: copy.content_id,
          modifiedMs: copy.modified_ms,
          fromOwner: true,
          nowMs,
          addedMs: 0,
        },
        touching,
      )
    }
  }

  /** The inventory that the announcement's copies belong to. @throws AppError SEQUENCE_GAP */
  #inventoryFor({ peerId, begin, epoch, previousSeq }: Announcement): Inventory {
    const seen = this.#sql.seen.get(peerId) as
      | { epoch: string; seen_seq: number; inventory: number; inventory_ended: number }
      | undefined
    if (seen === undefined) throw new AppError('NOT_REGISTERED', { request: 'announce' })
    if (begin === true) return { number: seen.inventory + 1, isFull: true }
    const expected = seen.epoch === epoch ? seen.seen_seq : 0
    if (seen.epoch !== epoch || previousSeq !== expected)
      throw new AppError('SEQUENCE_GAP', { expected, got: previousSeq })
    return { number: seen.inventory, isFull: seen.inventory_ended === 0 }
  }

  #put(
    peerId: string,
    change: Put,
    { inventory, nowMs }: { inventory: Inventory; nowMs: number },
    touching: Touching,
  ): void {
    const { name, modifiedMs } = change
    const key = keyOf(peerId, change)
    const owner = change.kind === 'shared' ? peerId : change.owner
    const isUnshared = owner !== undefined && this.#sql.isUnshared.get(name, owner) !== undefined
    const withheld = withheldOf(change, isUnshared)
    const contentId = this.#contentIdOf(change)
    const old = this.#sql.copy.get(...key) as CopyRow | undefined
    const isKnown = old?.content_id === contentId && old.withheld === withheld
    if (isKnown) {
      this.#sql.confirmCopy.run(modifiedMs, inventory.number, ...key)
      if (old.modified_ms !== modifiedMs) touching.touch(contentId, name)
    } else {
      if (old !== undefined) this.#removeCopy(key, old, touching)
      this.#sql.addCopy.run(...key, contentId, modifiedMs, inventory.number, withheld, 0)
      touching.touch(contentId, name)
    }
    if (owner === undefined) return
    const fromOwner = change.kind === 'shared'
    const file = { owner, name, contentId }
    if (isUnshared) return fromOwner ? undefined : this.#removed.stray(file, touching)
    if (!fromOwner && this.#removed.onReplica(file, modifiedMs, touching)) return
    const wasTrashed = fromOwner && this.#removed.onShared(file, nowMs, touching)
    const isNew = fromOwner && !inventory.isFull && !wasTrashed
    const version = { contentId, modifiedMs, fromOwner, nowMs, addedMs: isNew ? nowMs : 0 }
    const isCurrent = this.#setFile({ owner, name }, version, touching)
    if (isCurrent || isKnown) return
    // A keeper cannot invent a version of a file that the index does not know.
    if (this.#sql.file.get(owner, name) !== undefined)
      this.#keepReplaced({ owner, name }, version, touching)
  }

  #drop(peerId: string, change: Drop, touching: Touching): void {
    const key = keyOf(peerId, change)
    const old = this.#sql.copy.get(...key) as CopyRow | undefined
    if (old !== undefined) this.#removeCopy(key, old, touching)
  }

  #removeCopy(key: Key, copy: Pick<CopyRow, 'content_id'>, touching: Touching): void {
    this.#sql.removeCopy.run(...key)
    touching.loosen(copy.content_id, key[3])
  }

  /** Removes everything that the completed inventory did not mention. */
  #sweep(peerId: string, inventory: number, touching: Touching): void {
    const swept = this.#sql.unmentioned.all(peerId, inventory) as (CopyRow & {
      kind: number
      owner: string
      name: string
      version: string
    })[]
    for (const copy of swept)
      this.#removeCopy([peerId, copy.kind, copy.owner, copy.name, copy.version], copy, touching)
  }

  /**
   * Withholds the owner's shared copy from the cluster, or restores it; returns it if it exists.
   */
  #withhold(owner: string, name: string, withheld: 0 | 1, touching: Touching): CopyRow | undefined {
    const key = keyOf(owner, { kind: 'shared', name })
    const copy = this.#sql.copy.get(...key) as (CopyRow & { inventory: number }) | undefined
    if (copy === undefined || copy.withheld === withheld) return copy
    this.#sql.removeCopy.run(...key)
    this.#sql.addCopy.run(...key, copy.content_id, copy.modified_ms, copy.inventory, withheld, 0)
    touching.touch(copy.content_id, name)
    return copy
  }

  /**
   * The owner's announcement replaces any other; a keeper's replaces only an older one of another
   * keeper.
   * @returns whether the file has this content now
   */
  #setFile({ owner, name }: FileKey, version: Version, touching: Touching): boolean {
    const { contentId, modifiedMs, fromOwner } = version
    const old = this.#sql.file.get(owner, name) as FileRow | undefined
    const isNewer = old === undefined || modifiedMs > old.modified_ms
    if (!fromOwner && (old?.from_owner === 1 || !isNewer)) return old.content_id === contentId
    if (!fromOwner && old === undefined && !this.#mayBringBack(owner)) return false
    if (old?.content_id === contentId) {
      this.#sql.confirmFile.run(modifiedMs, Number(fromOwner), owner, name)
      return true
    }
    if (old !== undefined) {
      this.#sql.removeFile.run(owner, name)
      touching.loosen(old.content_id, name)
      const before = { ...version, contentId: old.content_id, modifiedMs: old.modified_ms }
      this.#keepReplaced({ owner, name }, before, touching)
    }
    this.#sql.removeReplaced.run(owner, name, contentId)
    const addedMs = old?.added_ms ?? version.addedMs
    this.#sql.addFile.run(owner, name, contentId, modifiedMs, Number(fromOwner), addedMs)
    this.#removed.claim({ owner, name, contentId })
    touching.touch(contentId, name)
    return true
  }

  /** Keeps the copies of a version that the file no longer has. */
  #keepReplaced(
    file: FileKey,
    { contentId, modifiedMs, nowMs }: Version,
    touching: Touching,
  ): void {
    const { owner, name } = file
    this.#sql.addReplaced.run(owner, name, contentId, modifiedMs, nowMs)
    touching.replace(file)
    touching.loosen(contentId, name)
  }

  /**
   * Whether a keeper may restore files of `owner`: until the owner has announced its inventory. An
   * owner that lost its disk together with the index's may share other files before its keepers
   * return: in a young database they restore what it has not removed. Of a forgotten owner, this
   * index has all files that some peer had.
   */
  #mayBringBack(owner: string): boolean {
    if (this.#sql.isComplete.get(owner) !== undefined) return false
    return this.#isYoung() || this.#sql.hasAnnounced.get(owner) === undefined
  }

  /** A content is its hash, size and chunk root together (docs/decisions/0004). */
  #contentIdOf(content: Content): number {
    const sha256 = Buffer.from(content.sha256, 'hex')
    const root = content.chunkRoot === content.sha256 ? null : Buffer.from(content.chunkRoot, 'hex')
    const known = this.#sql.contentId.get(sha256, content.size, root) as number | undefined
    return known ?? Number(this.#sql.addContent.run(sha256, content.size, root).lastInsertRowid)
  }

  /** Removes contents that nothing needs; called last. */
  removeUnused(touching: Touching): void {
    for (const contentId of touching.loosened) {
      this.#sql.removeCopyless.run({ contentId })
      this.#sql.removeUnusedContent.run({ contentId })
    }
  }
}

/** Why a copy is no part of the cluster; 0 if it is. */
function withheldOf({ kind, damaged }: Put, isUnshared: boolean): number {
  if (kind === 'shared' && isUnshared) return 1
  return damaged === true ? damagedCopy : 0
}

type Key = readonly [peerId: string, kind: number, owner: string, name: string, version: string]

function keyOf(peerId: string, { kind, owner = '', name, version = '' }: CopyKey): Key {
  return [peerId, copyKinds.indexOf(kind), owner, name, version]
}

/** @returns every statement of the writer, compiled once */
function prepare(database: Database) {
  // The sum keeps SQLite from comparing a bare parameter with the condition of the partial index on
  // copies, which would recompile the statement for each new value.
  const copyKey = 'peer_id = ? and kind = (? + 0) and owner = ? and name = ? and version = ?'
  return {
    seen: database.prepare(
      'select epoch, seen_seq, inventory, inventory_ended from peers where peer_id = ?',
    ),
    beginInventory: database.prepare(
      'update peers set epoch = ?, inventory = ?, inventory_ended = 0 where peer_id = ?',
    ),
    endInventory: database.prepare('update peers set inventory_ended = 1 where peer_id = ?'),
    setSeen: database.prepare('update peers set seen_seq = ? where peer_id = ?'),
    holdings: database.prepare(`select ${holdingsColumns} from peers where peer_id = ?`),
    copy: database.prepare(
      `select content_id, modified_ms, withheld, inventory from copies where ${copyKey}`,
    ),
    confirmCopy: database.prepare(
      `update copies set modified_ms = ?, inventory = ? where ${copyKey}`,
    ),
    addCopy: database.prepare('insert into copies values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    removeCopy: database.prepare(`delete from copies where ${copyKey}`),
    unmentioned: database.prepare(
      'select kind, owner, name, version, content_id from copies where peer_id = ? and inventory < ?',
    ),
    file: database.prepare(
      'select content_id, modified_ms, from_owner, added_ms from files where owner = ? and name = ?',
    ),
    hasAnnounced: database.prepare(
      'select 1 from peers where peer_id = ? and inventory > 0 and inventory_ended = 1',
    ),
    isComplete: database.prepare(
      'select 1 from forgotten_owners where peer_id = ? and has_lost = 0',
    ),
    confirmFile: database.prepare(
      'update files set modified_ms = ?, from_owner = ? where owner = ? and name = ?',
    ),
    addFile: database.prepare('insert into files values (?, ?, ?, ?, ?, ?)'),
    removeFile: database.prepare('delete from files where owner = ? and name = ?'),
    addReplaced: database.prepare(
      'insert into replaced values (?, ?, ?, ?, ?) on conflict do nothing',
    ),
    removeReplaced: database.prepare(
      'delete from replaced where owner = ? and name = ? and content_id = ?',
    ),
    // A version without copies need not be kept.
    removeCopyless: database.prepare(
      `delete from replaced where content_id = @contentId
       and not exists (select 1 from copies where content_id = @contentId)`,
    ),
    isUnshared: database.prepare('select 1 from unshared where name = ? and owner = ?'),
    addUnshared: database.prepare('insert into unshared values (?, ?) on conflict do nothing'),
    removeUnshared: database.prepare('delete from unshared where name = ? and owner = ?'),
    contentId: database
      .prepare('select content_id from contents where sha256 = ? and size = ? and chunk_root is ?')
      .pluck(),
    addContent: database.prepare(
      'insert into contents (sha256, size, chunk_root) values (?, ?, ?)',
    ),
    removeUnusedContent: database.prepare(
      `delete from contents where content_id = @contentId and files = 0
       and not exists (select 1 from copies where content_id = @contentId)
       and not exists (select 1 from replaced where content_id = @contentId)`,
    ),
  }
}
