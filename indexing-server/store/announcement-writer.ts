import { type Change, type CopyKey, copyKinds } from '../../common/protocol/shapes.ts'
import type { Database } from '../../common/sqlite.ts'
import type { ContentRow } from './content-rows.ts'
import type { CopyPlace, CopyRow } from './copy-rows.ts'
import { damagedCopy } from './damaged-copy.ts'
import { fileKeyText } from './file-key.ts'
import type { CurrentFile, FileRow } from './file-rows.ts'
import type { IndexRows } from './index-rows.ts'
import type { IntentLog } from './intent-log.ts'
import { Inventories, type Inventory } from './inventories.ts'
import { noOwnerKey } from './peer-keys.ts'
import { RemovedFiles } from './removed-files.ts'
import type { Announced, Announcement, FileKey, GoneName, Touched } from './store.ts'
import { Touching } from './touching.ts'

type Put = Extract<Change, { op: 'put' }>
type Drop = Extract<Change, { op: 'drop' }>
type Remove = Extract<Change, { op: 'remove' }>

/** A content that a file has or had, according to its owner or a keeper. */
interface Version {
  readonly contentId: number
  readonly modifiedMs: number
  readonly isFromOwner: boolean
  readonly nowMs: number
  /** When its owner began to share the file; 0 if that is unknown, which counts as long ago. */
  readonly addedMs: number
}

/** What the changes of an announcement have in common. */
interface Sender {
  readonly peerId: string
  readonly peerKey: number
  readonly inventory: Inventory
  readonly nowMs: number
}

/** A put with what the tables say about it. */
interface PutInto {
  readonly change: Put
  readonly owner: string | undefined
  readonly content: ContentRow
  readonly isUnshared: boolean
  readonly copy: Omit<CopyRow, 'contentId'>
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
  readonly #rows: IndexRows
  readonly #intent: Pick<IntentLog, 'decide'>
  readonly #inventories: Inventories
  readonly #removed: RemovedFiles
  readonly #isYoung: () => boolean

  /** @param isYoung whether the database may replace a lost one that knew more files */
  constructor(
    database: Database,
    {
      rows,
      intent,
      isYoung,
    }: { rows: IndexRows; intent: Pick<IntentLog, 'decide'>; isYoung: () => boolean },
  ) {
    this.#sql = prepare(database)
    this.#rows = rows
    this.#intent = intent
    this.#inventories = new Inventories(database)
    this.#removed = new RemovedFiles(database, { rows, intent })
    this.#isYoung = isYoung
  }

  /**
   * @param nowMs wall time, whole
   * @throws AppError SEQUENCE_GAP
   */
  announce(announcement: Announcement, nowMs: number): Announced {
    const { peerId, end, lastSeq } = announcement
    const inventory = this.#inventories.of(announcement)
    const sender = { peerId, peerKey: this.#rows.keys.keyFor(peerId), inventory, nowMs }
    const touching = new Touching()
    for (const change of announcement.changes) {
      if (change.op === 'put') this.#put(sender, change, touching)
      else if (change.op === 'drop') this.#drop(sender, change, touching)
      else if (change.op === 'unshare')
        this.#unshare({ owner: peerId, name: change.name }, nowMs, touching)
      else this.#remove(sender, change, touching)
    }
    if (end === true) this.#sweep(sender, touching)
    this.#inventories.onApplied(announcement, inventory)
    this.removeUnused(touching)
    const holdings = this.#inventories.holdingsOf(peerId)
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
    this.#rows.rare.onAdded('unshared')
    touching.touchName(name)
    this.#withhold({ owner, name }, 1, touching)
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

  #remove(sender: Sender, change: Remove, touching: Touching): void {
    this.#drop(sender, { ...change, op: 'drop', kind: 'shared' }, touching)
    this.#removed.remove(sender.peerId, change, sender.nowMs, touching)
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
    touching.touchName(name)
    const withheld = this.#withhold({ owner, name }, 0, touching)
    if (withheld === undefined) return
    const { row, copy } = withheld
    const { contentId, modifiedMs } = copy
    this.#removed.onShared({ owner, name, contentId }, nowMs, touching)
    const version = { contentId, modifiedMs, isFromOwner: true, nowMs, addedMs: 0 }
    this.#setFile(row, owner, version, touching)
  }

  #put(sender: Sender, change: Put, touching: Touching): void {
    const { name, modifiedMs } = change
    const { keys, files, contents, rare } = this.#rows
    const owner = change.kind === 'shared' ? sender.peerId : change.owner
    const ownerKey = owner === undefined ? noOwnerKey : keys.keyFor(owner)
    const isUnshared =
      owner !== undefined &&
      rare.has('unshared') &&
      this.#sql.isUnshared.get(name, owner) !== undefined
    const { row, hasTwin } = files.named(ownerKey, name)
    const content = contents.rowOf(change, row?.contentId ?? null)
    const withheld = withheldOf(change, isUnshared)
    const copy = { modifiedMs, inventory: sender.inventory.number, withheld }
    const put = { change, owner, content, isUnshared, copy }
    if (row === undefined && change.kind === 'shared' && !isUnshared)
      this.#putNewFile(sender, put, hasTwin, touching)
    else this.#putCopyOf(row ?? files.add(ownerKey, name), sender, put, touching)
  }

  /** The owner shares a name of which the index knows nothing. */
  #putNewFile(
    { peerId, peerKey, inventory, nowMs }: Sender,
    { change: { name, modifiedMs }, content, copy }: PutInto,
    hasTwin: boolean | undefined,
    touching: Touching,
  ): void {
    const { files, copies } = this.#rows
    const { contentId } = content
    const file = { owner: peerId, name, contentId }
    const wasTrashed = this.#removed.onShared(file, nowMs, touching)
    const addedMs = inventory.isFull || wasTrashed ? 0 : nowMs
    this.#removed.isNotReplaced(file)
    const version = { contentId, modifiedMs, isFromOwner: true }
    const { fileId } = files.addFile(peerKey, name, version, { addedMs, hasTwin })
    copies.add({ peerKey, fileId, kind: 0, version: '' }, content, copy)
    touching.touch(contentId, name)
  }

  #putCopyOf(row: FileRow, sender: Sender, put: PutInto, touching: Touching): void {
    const { change, owner, content, isUnshared } = put
    const { inventory, nowMs } = sender
    const { name, modifiedMs } = change
    const { contentId } = content
    const isKnown = this.#putCopy(row, sender, put, touching)
    if (owner === undefined) return
    const isFromOwner = change.kind === 'shared'
    const file = { owner, name, contentId, fileId: row.fileId }
    if (isUnshared) return isFromOwner ? undefined : this.#removed.stray(file, touching)
    if (!isFromOwner && this.#removed.onReplica(file, modifiedMs, touching)) return
    const wasTrashed = isFromOwner && this.#removed.onShared(file, nowMs, touching)
    const isNew = isFromOwner && !inventory.isFull && !wasTrashed
    const version = { contentId, modifiedMs, isFromOwner, nowMs, addedMs: isNew ? nowMs : 0 }
    const isCurrent = this.#setFile(row, owner, version, touching)
    // A keeper cannot invent a version of a file that the index does not know.
    if (!isCurrent && !isKnown && row.contentId !== null)
      this.#keepReplaced({ owner, name }, version, touching)
  }

  /** @returns whether the peer had the copy already */
  #putCopy(
    { fileId }: FileRow,
    { peerKey, inventory }: Sender,
    { change, content, copy }: PutInto,
    touching: Touching,
  ): boolean {
    const { copies } = this.#rows
    const { name, version = '' } = change
    const place = { peerKey, fileId, kind: copyKinds.indexOf(change.kind), version }
    const { contentId } = content
    // In its first inventory a peer mentions almost every copy once.
    const isAdded = inventory.isFirst && copies.addNew(place, content, copy)
    const old = isAdded ? undefined : copies.get(place)
    if (old?.contentId === contentId && old.withheld === copy.withheld) {
      if (old.modifiedMs !== copy.modifiedMs) touching.touch(contentId, name)
      if (old.modifiedMs !== copy.modifiedMs || old.inventory !== copy.inventory)
        copies.confirm(place, copy.modifiedMs, copy.inventory)
      return true
    }
    if (old !== undefined) this.#removeCopy(place, name, old, touching)
    if (!isAdded) copies.add(place, content, copy)
    touching.touch(contentId, name)
    return false
  }

  #drop({ peerId, peerKey }: Sender, change: Drop, touching: Touching): void {
    const { files, copies } = this.#rows
    const row = files.find({ owner: ownerOf(peerId, change), name: change.name })
    if (row === undefined) return
    const { kind, version = '' } = change
    const place = { peerKey, fileId: row.fileId, kind: copyKinds.indexOf(kind), version }
    const old = copies.get(place)
    if (old !== undefined) this.#removeCopy(place, change.name, old, touching)
  }

  #removeCopy(
    place: CopyPlace,
    name: string,
    copy: Pick<CopyRow, 'contentId' | 'withheld'>,
    touching: Touching,
  ): void {
    this.#rows.copies.remove(place, copy)
    touching.loosen(copy.contentId, name)
  }

  /** Removes everything that the completed inventory did not mention. */
  #sweep({ peerKey, inventory }: Sender, touching: Touching): void {
    if (inventory.isFirst) return
    for (const copy of this.#rows.copies.unmentioned(peerKey, inventory.number))
      this.#removeCopy(copy, copy.name, copy, touching)
  }

  /**
   * Withholds the owner's shared copy from the cluster, or restores it; returns it if it exists.
   */
  #withhold(
    file: FileKey,
    withheld: 0 | 1,
    touching: Touching,
  ): { row: FileRow; copy: CopyRow } | undefined {
    const { files, copies, contents } = this.#rows
    const row = files.find(file)
    if (row === undefined) return undefined
    const place = { peerKey: row.ownerKey, fileId: row.fileId, kind: 0, version: '' }
    const copy = copies.get(place)
    if (copy === undefined) return undefined
    const content = contents.get(copy.contentId)
    if (copy.withheld !== withheld && content !== undefined) {
      copies.remove(place, copy)
      copies.add(place, content, { ...copy, withheld })
      touching.touch(copy.contentId, file.name)
    }
    return { row, copy }
  }

  /**
   * The owner's announcement replaces any other; a keeper's replaces only an older one of another
   * keeper.
   * @returns whether the file has this content now
   */
  #setFile(row: FileRow, owner: string, version: Version, touching: Touching): boolean {
    const { contentId, modifiedMs, isFromOwner } = version
    const { files } = this.#rows
    const { name } = row
    const isNewer = row.contentId === null || modifiedMs > row.modifiedMs
    if (!isFromOwner && (row.isFromOwner || !isNewer)) return row.contentId === contentId
    if (!isFromOwner && row.contentId === null && !this.#mayBringBack(owner)) return false
    if (row.contentId === contentId) {
      if (row.modifiedMs !== modifiedMs) touching.touch(contentId, name)
      files.confirm(row, modifiedMs, isFromOwner)
      return true
    }
    if (isFile(row)) {
      touching.loosen(row.contentId, name)
      const before = { ...version, contentId: row.contentId, modifiedMs: row.modifiedMs }
      this.#keepReplaced({ owner, name }, before, touching)
    }
    const file = { owner, name, contentId, fileId: row.fileId }
    this.#removed.isNotReplaced(file)
    files.setContent(row, { contentId, modifiedMs, isFromOwner }, version.addedMs)
    this.#removed.claim(file)
    touching.touch(contentId, name)
    return true
  }

  /** Keeps the copies of a version that the file no longer has. */
  #keepReplaced(file: FileKey, version: Version, touching: Touching): void {
    const { contentId, modifiedMs, nowMs } = version
    this.#removed.keepReplaced({ ...file, contentId }, modifiedMs, nowMs, touching)
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

  /** Writes what the write collected, and removes contents that nothing needs; called last. */
  removeUnused(touching: Touching): void {
    this.#rows.settle(touching.loosened)
  }
}

function isFile(row: FileRow): row is CurrentFile {
  return row.contentId !== null
}

/** Why a copy is no part of the cluster; 0 if it is. */
function withheldOf({ kind, damaged }: Put, isUnshared: boolean): number {
  if (kind === 'shared' && isUnshared) return 1
  return damaged === true ? damagedCopy : 0
}

function ownerOf(peerId: string, { kind, owner = '' }: CopyKey): string {
  return kind === 'shared' ? peerId : owner
}

/** @returns every statement of the writer, compiled once */
function prepare(database: Database) {
  return {
    hasAnnounced: database.prepare(
      'select 1 from peers where peer_id = ? and inventory > 0 and inventory_ended = 1',
    ),
    isComplete: database.prepare(
      'select 1 from forgotten_owners where peer_id = ? and has_lost = 0',
    ),
    isUnshared: database.prepare('select 1 from unshared where name = ? and owner = ?'),
    addUnshared: database.prepare('insert into unshared values (?, ?) on conflict do nothing'),
    removeUnshared: database.prepare('delete from unshared where name = ? and owner = ?'),
  }
}
