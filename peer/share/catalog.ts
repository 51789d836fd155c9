import SQLite from 'better-sqlite3'
import { hashBytes } from '../../common/content/chunks.ts'
import { diskError } from '../../common/disk-error.ts'
import { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { Change, CopyKey, CopyKind } from '../../common/protocol/messages.ts'
import { type Random, randomId } from '../../common/random.ts'
import { type Database, openDatabase } from '../../common/sqlite.ts'
import { Aliases } from './aliases.ts'
import { CatalogDiskFile } from './catalog-disk-file.ts'
import { catalogMigrations } from './catalog-migrations.ts'
import {
  changeOf,
  type EntryRow,
  entryOf,
  entryValuesOf,
  type KnownFile,
  keyRowOf,
  knownFileOf,
} from './catalog-rows.ts'
import { type GuardedFolderRow, prepareStatements, type Statements } from './catalog-statements.ts'
import { CatalogTotals, type Totals } from './catalog-totals.ts'
import type { CatalogFile, Entry } from './entry.ts'
import { type Folders, type Location, nameOn } from './folders.ts'

/** Comes after every name. */
const lastText = '\u{10ffff}'

/**
 * What this peer has, on disk, each change numbered. Within a run a number is never used twice, but
 * numbers are skipped; a power cut or a restored backup may take the last ones back, which the next
 * run's `epoch` and `continues` tell (docs/decisions/0001). Everything here is synchronous; `group` makes one transaction of many changes.
 * Every method that changes something throws AppError DISK_FULL or DISK_FAILED and then leaves the catalog as it was.
 */
export class Catalog implements Disposable {
  /** Names this run: each start makes a new one. */
  readonly epoch: string
  /** The run whose changes this one goes on from, and its last change that is on disk. */
  readonly continues: { readonly epoch: string; readonly lastSeq: number } | undefined
  readonly #folders: Folders
  readonly #database: Database
  readonly #statements: Statements
  readonly #listeners = new Set<() => void>()
  readonly #aliases: Aliases
  readonly #file: CatalogDiskFile
  readonly #totals: CatalogTotals
  #lastSeq: number
  #isComplete = false

  /** @throws AppError DATA_IN_USE, DATABASE_UNUSABLE */
  constructor(folders: Folders, { random }: { random: Random }) {
    this.#folders = folders
    this.#database = openDatabase(folders.catalog, { migrations: catalogMigrations })
    this.#statements = prepareStatements(this.#database)
    this.#aliases = new Aliases(this.#database)
    const before = this.#statements.catalog.get()
    this.epoch = randomId(random)
    this.continues = before?.epoch ? { epoch: before.epoch, lastSeq: before.last_seq } : undefined
    if (before === undefined) this.#statements.create.run(this.epoch)
    else this.#statements.saveEpoch.run(this.epoch)
    this.#lastSeq = before?.last_seq ?? 0
    this.#totals = new CatalogTotals(this.#statements.totals)
    this.#file = new CatalogDiskFile(folders.catalog, this.#database)
  }

  /** The number of the newest change. */
  get lastSeq(): number {
    return this.#lastSeq
  }

  /** Whether everything on disk has been compared with it since the start. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  /** The first scan has ended; listeners are told. */
  markComplete(): void {
    this.#isComplete = true
    this.#tell()
  }

  get(key: CopyKey): Entry | undefined {
    const row = this.#statements.get.get(keyRowOf(key))
    return row && entryOf(row, this.#folders)
  }

  /** A place on disk with the name that its file has in the catalog: another one where a name could not have its path. */
  named(at: Location): Location {
    const { kind, owner = '', diskName, version } = at
    if (version !== undefined) return at
    const name = this.#aliases.nameOf({ kind, owner, disk_name: diskName })
    return name === undefined ? at : { ...at, name }
  }

  /** The entry of the file at a place on disk, whatever its name. */
  at(place: Location): Entry | undefined {
    const entry = this.get(this.named(place))
    return entry?.at.diskName === place.diskName ? entry : undefined
  }

  /** An entry that holds a content, if there is one; takes a fifth of the time of {@link find}. */
  first(sha256: string): Entry | undefined {
    const row = this.#statements.first.get(sha256)
    return row && entryOf(row, this.#folders)
  }

  /** Some entries that hold a content; at most `limits.localCopiesMax`. */
  find(sha256: string): Entry[] {
    return this.#entries(this.#statements.find.all(sha256, limits.localCopiesMax))
  }

  /** Whether an entry of whatever kind and owner has this name and content. */
  holds(name: string, sha256: string): boolean {
    return this.#statements.holds.get(name, sha256) !== undefined
  }

  /** The hashes of a content's chunks, if an entry holds it. */
  chunkList(sha256: string): Buffer | undefined {
    const row = this.#statements.chunkList.get(sha256)
    if (row !== undefined) return row.hashes
    return this.first(sha256) === undefined ? undefined : Buffer.from(sha256, 'hex')
  }

  /** Entries of a kind by name, then owner, after the given ones. */
  list(kind: CopyKind, limit: number, after?: { name: string; owner?: string }): Entry[] {
    const from = { name: after?.name ?? '', owner: after?.owner ?? '' }
    return this.#entries(this.#statements.list.all({ kind, ...from, limit }))
  }

  /** Entries by their number, after the given one and up to another. */
  entriesBetween(afterSeq: number, lastSeq: number, limit: number): Entry[] {
    return this.#entries(this.#statements.between.all(afterSeq, lastSeq, limit))
  }

  /** What a scan compares a file with; takes half the time of {@link get}. */
  known({ kind, name, owner = '', version = '' }: CopyKey): KnownFile | undefined {
    const row = this.#statements.known.get(kind, name, owner, version)
    return row && knownFileOf(row)
  }

  /** The numbers of entries, after the given one and up to another. */
  seqsBetween(afterSeq: number, lastSeq: number, limit: number): number[] {
    return this.#statements.seqsBetween.all(afterSeq, lastSeq, limit)
  }

  /** Some entries below a folder of a kind, by name; `folder` is the beginning of their names, '' for all. */
  entriesBelow(
    of: { kind: CopyKind; owner?: string; folder: string },
    limit: number,
    after = '',
  ): Entry[] {
    const { kind, owner = '', folder } = of
    // '0' follows '/'.
    const [from, to] = folder === '' ? ['', lastText] : [`${folder}/`, `${folder}0`]
    const start = after > from ? after : from
    return this.#entries(this.#statements.below.all({ kind, owner, from: start, to, limit }))
  }

  /** The folders that are judged as a whole. */
  guardedFolders(): GuardedFolderRow[] {
    return this.#statements.guardedFolders.all()
  }

  saveGuardedFolder(row: GuardedFolderRow): void {
    this.group(() => this.#statements.saveGuardedFolder.run(row))
  }

  removeGuardedFolder(path: string): void {
    this.group(() => this.#statements.removeGuardedFolder.run(path))
  }

  totals(): Readonly<Record<CopyKind, Totals>> {
    return this.#totals.all
  }

  /** Records a file. One whose content is known under this key keeps its number, unless it `mustAnnounce`: then it is announced again. A shared one is not unshared any more. */
  put(file: CatalogFile, chunkList: Uint8Array, { mustAnnounce = false } = {}): Entry {
    return this.group(() => {
      const { content, at } = file
      const before = this.#statements.get.get(keyRowOf(at))
      if (at.kind === 'shared') this.#statements.clearUnshared.run(at.name)
      const isKnown = before?.sha256 === content.sha256 && !mustAnnounce
      const seq = isKnown ? Number(before.seq) : ++this.#lastSeq
      if (before !== undefined) this.#remove(before)
      this.#nameFile(at)
      this.#statements.forgetDrop.run(keyRowOf(at))
      this.#statements.insert.run(...entryValuesOf(file, seq))
      if (chunkList.byteLength > hashBytes)
        this.#statements.insertChunkList.run(content.sha256, chunkList)
      this.#totals.add(at.kind, 1, content.size)
      if (before !== undefined && !isKnown) this.#statements.pruneChunkList.run(before)
      return { ...file, seq }
    })
  }

  /** The file of an entry is as it was, and the system's time of its last change is this. No change to announce. */
  noteChangeTime(seq: number, ctimeNs: bigint): void {
    this.group(() => this.#statements.noteChangeTime.run(BigInt.asIntN(64, ctimeNs), seq))
  }

  /** Records a file of one chunk that may be lost if the machine stops before {@link flushed}. */
  putUnflushed(file: CatalogFile, bootId: string): Entry {
    return this.group(() => {
      const entry = this.put(file, Buffer.from(file.content.sha256, 'hex'))
      this.#statements.insertUnflushed.run(entry.seq, bootId)
      return entry
    })
  }

  /** See {@link CatalogDiskFile.sync}. */
  async sync(): Promise<void> {
    if (!this.keepFile()) await this.#file.sync()
  }

  /** See {@link CatalogDiskFile.keep}: later changes come to a copy with the next call. @throws AppError DISK_FULL, DISK_FAILED */
  keepFile(): boolean {
    try {
      return this.#file.keep(this.#lastSeq)
    } catch (error) {
      throw this.#errorOf(error)
    }
  }

  /** Entries after the given number that are not flushed, of this run of the machine. */
  unflushed(of: { bootId: string; afterSeq: number }, limit: number): Entry[] {
    return this.#entries(this.#statements.unflushed.all(of.bootId, of.afterSeq, limit))
  }

  /** Entries that were not flushed when an earlier run of the machine ended. */
  unflushedBefore(of: { bootId: string; afterSeq: number }, limit: number): Entry[] {
    return this.#entries(this.#statements.unflushedBefore.all(of.bootId, of.afterSeq, limit))
  }

  /** What these entries say cannot be lost any more. */
  flushed(entries: readonly Entry[]): void {
    this.group(() => {
      for (const { seq } of entries) this.#statements.flushed.run(seq)
    })
  }

  /** Forgets an entry, if there is one, and remembers that it is gone. */
  drop(key: CopyKey): void {
    const before = this.#statements.get.get(keyRowOf(key))
    if (before === undefined) return
    this.group(() => {
      this.#remove(before)
      this.#statements.pruneChunkList.run(before)
      this.#statements.insertDrop.run({ ...keyRowOf(key), seq: ++this.#lastSeq })
    })
  }

  /** Drops a shared file from the catalog, if it has one, and keeps scans from taking it up again. */
  unshare(name: string): void {
    this.group(() => {
      this.drop({ kind: 'shared', name })
      this.#statements.insertUnshared.run(name, ++this.#lastSeq)
    })
  }

  isUnshared(name: string): boolean {
    return this.#statements.isUnshared.get(name) !== undefined
  }

  /** The changes after a number, in order, each key once and as it is now. */
  changesSince(seq: number, limit: number): Change[] {
    return this.#statements.changes.all({ seq, limit }).map(changeOf)
  }

  /** Whether the changes since `seq` bring someone who has seen up to it up to date. */
  canResumeFrom(seq: number): boolean {
    const forgottenSeq = Number(this.#statements.catalog.get()?.forgotten_seq ?? 0)
    return seq > 0 && seq >= forgottenSeq && seq <= this.#lastSeq
  }

  /** The index has seen the changes up to `seq`: drops among them need not be remembered. */
  seenByIndex(seq: number): void {
    const newest = this.#statements.newestDrop.get(seq)?.seq
    if (newest === undefined || newest === null) return
    this.group(() => {
      this.#statements.saveForgotten.run(newest)
      this.#statements.forgetDrops.run(newest)
    })
  }

  /** Runs `work` as one transaction; listeners hear of it once, if it made changes. */
  group<T>(work: () => T): T {
    if (this.#database.inTransaction) return work()
    const seqBefore = this.#lastSeq
    const result = this.#transact(() => {
      const worked = work()
      if (this.#lastSeq !== seqBefore) this.#statements.saveLastSeq.run(this.#lastSeq)
      return worked
    })
    if (this.#lastSeq !== seqBefore) this.#tell()
    return result
  }

  /**
   * Runs `work` for each item, all in one transaction. What one item does is undone when the database
   * refuses a part of it; the others stay.
   * @returns for each what `work` returned, or why the database does not take it: DISK_FAILED
   * @throws AppError DISK_FULL, DISK_FAILED when nothing can be written
   */
  groupEach<Item, Result>(
    items: readonly Item[],
    work: (item: Item) => Result,
  ): (Result | AppError)[] {
    try {
      return this.group(() => items.map(work))
    } catch (error) {
      if (!isAboutOneValue(error)) throw error
    }
    return this.group(() => items.map((item) => this.#isolated(() => work(item))))
  }

  /** Within a transaction: either all of `work` or nothing. */
  #isolated<Result>(work: () => Result): Result | AppError {
    const totals = this.#totals.all
    try {
      return this.#database.transaction(work)()
    } catch (error) {
      if (!isAboutOneValue(error)) throw error
      this.#totals.restore(totals)
      this.#aliases.reload()
      return this.#errorOf(error)
    }
  }

  /** Calls `listener` after changes were committed and when the catalog is complete, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }

  #transact<T>(work: () => T): T {
    try {
      return this.#database.transaction(work)()
    } catch (error) {
      this.#totals.reload()
      this.#aliases.reload()
      throw error instanceof SQLite.SqliteError ? this.#errorOf(error) : error
    }
  }

  #errorOf(error: unknown): AppError {
    const path = this.#folders.catalog
    if (error instanceof SQLite.SqliteError && error.code === 'SQLITE_FULL')
      return new AppError('DISK_FULL', { path, neededBytes: 1 }, { cause: error })
    return diskError({ action: 'write the catalog', path, neededBytes: 1 }, error)
  }

  /** A file that has another path than its name may have been taken for one that is called like its path. */
  #nameFile({ kind, owner = '', diskName, name, version }: Location): void {
    if (version !== undefined) return
    const usual = nameOn(diskName)
    if (usual === name) return this.#aliases.delete({ kind, owner, disk_name: diskName })
    const mistaken = this.#statements.get.get({ kind, owner, name: usual, version: '' })
    if (mistaken?.disk_name === diskName)
      this.drop({ kind, name: usual, ...(owner !== '' && { owner }) })
    this.#aliases.set({ kind, owner, disk_name: diskName, name })
  }

  #remove(row: EntryRow): void {
    const { seq, kind, size, version } = row
    if (version === '') this.#aliases.delete(row)
    this.#statements.remove.run(Number(seq))
    this.#totals.add(kind, -1, -Number(size))
  }

  #entries(rows: EntryRow[]): Entry[] {
    return rows.map((row) => entryOf(row, this.#folders))
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }
}

/** Whether the database cannot take a value, and would take another: it is too large, or breaks a rule of the schema. */
function isAboutOneValue(error: unknown): boolean {
  const cause = error instanceof AppError ? error.cause : error
  if (cause instanceof SQLite.SqliteError)
    return /^SQLITE_(CONSTRAINT|MISMATCH|TOOBIG|RANGE)/.test(cause.code)
  // What the driver says of values that SQLite has no type for.
  return cause instanceof RangeError || cause instanceof TypeError
}
