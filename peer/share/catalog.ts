import type { FileStat } from '../../common/content/file-stat.ts'
import type { AppError } from '../../common/errors.ts'
import type { Change, CopyKey, CopyKind } from '../../common/protocol/messages.ts'
import { type Random, randomId } from '../../common/random.ts'
import { type Database, openDatabase } from '../../common/sqlite.ts'
import { Aliases } from './aliases.ts'
import { CatalogDamage, type Damage } from './catalog-damage.ts'
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
import { CatalogTransactions } from './catalog-transactions.ts'
import { ChunkLists } from './chunk-lists.ts'
import type { CatalogFile, Entry } from './entry.ts'
import { type Folders, type Location, nameOn } from './folders.ts'
import { type Removal, RemovedNames, removedNamesMax } from './removed-names.ts'

/** Files of one content offered for reading; others are used when these are gone. */
export const localCopiesMax = 16

type CatalogFileOnDisk = Pick<CatalogDiskFile, 'keep' | 'sync'>

interface CatalogDependencies {
  readonly random: Random
  /** For tests: removed names that are remembered; see removed-names.ts. */
  readonly removedNamesMax?: number
  /** For simulations: a database in memory, which has no file. */
  readonly openDatabase?: typeof openDatabase
  readonly fileOf?: (path: string, database: Database) => CatalogFileOnDisk
}

const diskFileOf = (path: string, database: Database): CatalogDiskFile =>
  new CatalogDiskFile(path, database)

/** Sorts after every name. */
const lastText = '\u{10ffff}'

/**
 * The files that this peer has, on disk, with numbered changes. Within a run a number is never
 * reused, but numbers are skipped. A power cut or a restored backup may undo the last ones, which
 * the next run's `epoch` and `continues` reveal (docs/decisions/0001). All methods are synchronous;
 * `group` makes many changes one transaction. Every method that changes something may throw
 * AppError DISK_FULL or DISK_FAILED, and then leaves the catalog unchanged.
 */
export class Catalog implements Disposable {
  /** Identifies this run: each start creates a new one. */
  readonly epoch: string
  /** The run whose changes this one continues, and its last change that is on disk. */
  readonly continues: { readonly epoch: string; readonly lastSeq: number } | undefined
  readonly #folders: Folders
  readonly #database: Database
  readonly #statements: Statements
  readonly #transactions: CatalogTransactions
  readonly #aliases: Aliases
  /** Read by the search for chunks; see {@link chunkList}. */
  readonly chunkLists: Pick<ChunkLists, 'with'>
  readonly #chunkLists: ChunkLists
  readonly #file: CatalogFileOnDisk
  readonly #totals: CatalogTotals
  readonly #damage: CatalogDamage
  readonly #removed: RemovedNames
  #seenSeq = 0
  #isComplete = false

  /** @throws AppError DATA_IN_USE, DATABASE_UNUSABLE */
  constructor(
    folders: Folders,
    {
      random,
      openDatabase: open = openDatabase,
      fileOf = diskFileOf,
      removedNamesMax: namesMax = removedNamesMax,
    }: CatalogDependencies,
  ) {
    this.#folders = folders
    this.#database = open(folders.catalog, { migrations: catalogMigrations })
    this.#statements = prepareStatements(this.#database)
    this.#aliases = new Aliases(this.#database)
    this.#damage = new CatalogDamage(this.#database)
    this.#chunkLists = new ChunkLists(this.#database)
    this.chunkLists = this.#chunkLists
    this.#removed = new RemovedNames(this.#database, { namesMax })
    const before = this.#statements.catalog.get()
    this.epoch = randomId(random)
    this.continues = before?.epoch ? { epoch: before.epoch, lastSeq: before.last_seq } : undefined
    if (before === undefined) this.#statements.create.run(this.epoch)
    else this.#statements.saveEpoch.run(this.epoch)
    this.#totals = new CatalogTotals(this.#statements.totals)
    this.#transactions = new CatalogTransactions({
      database: this.#database,
      path: folders.catalog,
      lastSeq: before?.last_seq ?? 0,
      saveLastSeq: this.#statements.saveLastSeq,
      totals: this.#totals,
      cached: [this.#aliases, this.#damage],
    })
    this.#file = fileOf(folders.catalog, this.#database)
  }

  /** The number of the newest change. */
  get lastSeq(): number {
    return this.#transactions.lastSeq
  }

  /** The newest change that the index has confirmed in this run. */
  get seenSeq(): number {
    return this.#seenSeq
  }

  /** Whether a scan has compared everything on disk with it since the start. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  /** The first scan has completed; notifies listeners. */
  markComplete(): void {
    this.#isComplete = true
    this.#transactions.tell()
  }

  get(key: CopyKey): Entry | undefined {
    const row = this.#statements.get.get(keyRowOf(key))
    return row && entryOf(row, this.#folders)
  }

  /**
   * A place on disk with the name that its file has in the catalog; it differs from the disk name
   * if the name could not be used as a path.
   */
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

  /** An undamaged entry with a content, if there is one; five times as fast as {@link find}. */
  first(sha256: string): Entry | undefined {
    const row = this.#statements.first.get(sha256)
    return row && entryOf(row, this.#folders)
  }

  /** Undamaged entries with a content, at most `localCopiesMax`. */
  find(sha256: string): Entry[] {
    return this.#entries(this.#statements.find.all(sha256, localCopiesMax))
  }

  /** Shared files with an inode: usually one, or its hard links. */
  sharedAt(inode: bigint): Entry[] {
    return this.#entries(this.#statements.byInode.all(BigInt.asIntN(64, inode)))
  }

  /** Entries for those who verify each chunk: damaged ones come after the others. */
  get withDamaged(): Pick<Catalog, 'chunkLists' | 'find' | 'first'> {
    const damaged = (sha256: string): Entry[] => {
      const seq = this.#damage.count === 0 ? undefined : this.#damage.with(sha256)
      return seq === undefined ? [] : this.entriesBetween(seq - 1, seq, 1)
    }
    return {
      chunkLists: this.chunkLists,
      find: (sha256) => [...this.find(sha256), ...damaged(sha256)],
      first: (sha256) => this.first(sha256) ?? damaged(sha256)[0],
    }
  }

  /** Whether an undamaged entry of any kind and owner has this name and content. */
  holds(name: string, sha256: string): boolean {
    return this.#statements.holds.get(name, sha256) !== undefined
  }

  /** The hashes of a content's chunks, if an entry has the content. */
  chunkList(sha256: string): Buffer | undefined {
    const hashes = this.#chunkLists.get(sha256)
    if (hashes !== undefined) return hashes
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

  /** The facts that a scan compares a file with; twice as fast as {@link get}. */
  known({ kind, name, owner = '', version = '' }: CopyKey): KnownFile | undefined {
    const row = this.#statements.known.get(kind, name, owner, version)
    return row && knownFileOf(row)
  }

  /** The numbers of entries, after the given one and up to another. */
  seqsBetween(afterSeq: number, lastSeq: number, limit: number): number[] {
    return this.#statements.seqsBetween.all(afterSeq, lastSeq, limit)
  }

  /** Entries below a folder of a kind, by name; `folder` is a prefix of their names, '' for all. */
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

  /** The folders that the guard judges as a whole. */
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

  /**
   * Records a file. If its key already has this content, undamaged, the entry keeps its number, unless
   * `mustAnnounce` requires a new announcement. A shared file is no longer unshared.
   */
  put(file: CatalogFile, chunkList: Uint8Array, { mustAnnounce = false } = {}): Entry {
    return this.group(() => {
      const { content, at } = file
      const before = this.#statements.get.get(keyRowOf(at))
      if (at.kind === 'shared') {
        this.#statements.clearUnshared.run(at.name)
        this.#removed.clear(at.name)
      }
      const isSame = before?.sha256 === content.sha256 && !mustAnnounce
      const isKnown = isSame && !this.#damage.has(Number(before.seq))
      const seq = isKnown ? Number(before.seq) : this.#transactions.nextSeq()
      if (before !== undefined) this.#remove(before)
      this.#nameFile(at)
      this.#statements.forgetDrop.run(keyRowOf(at))
      this.#statements.insert.run(...entryValuesOf(file, seq))
      this.#chunkLists.add(content.sha256, chunkList)
      this.#totals.add(at.kind, 1, content.size)
      if (before !== undefined && !isKnown) this.#chunkLists.prune(before)
      return { ...file, seq }
    })
  }

  /** The entries whose files are damaged. */
  get damage(): Pick<
    CatalogDamage,
    'after' | 'count' | 'has' | 'of' | 'version' | 'wasFound' | 'with'
  > {
    return this.#damage
  }

  /**
   * Records that the file of an entry is damaged, as a change, with its present stat: until it is put
   * again, it is found by its key only.
   */
  markDamaged({ at, content, seq }: Entry, stat: FileStat, damage: Damage): void {
    this.group(() => {
      const before = this.#statements.get.get(keyRowOf(at))
      if (before === undefined || Number(before.seq) !== seq) return
      this.#remove(before)
      this.#nameFile(at)
      const newSeq = this.#transactions.nextSeq()
      this.#statements.insert.run(...entryValuesOf({ at, stat, content }, newSeq))
      this.#totals.add(at.kind, 1, content.size)
      this.#damage.add(newSeq, damage)
    })
  }

  /** Records the change time of the file of an entry, which is unchanged. Announces nothing. */
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
      return this.#file.keep(this.lastSeq)
    } catch (error) {
      throw this.#transactions.errorOf(error)
    }
  }

  /** Unflushed entries after the given number, of the current boot. */
  unflushed(of: { bootId: string; afterSeq: number }, limit: number): Entry[] {
    return this.#entries(this.#statements.unflushed.all(of.bootId, of.afterSeq, limit))
  }

  /** Entries that were unflushed when an earlier boot ended. */
  unflushedBefore(of: { bootId: string; afterSeq: number }, limit: number): Entry[] {
    return this.#entries(this.#statements.unflushedBefore.all(of.bootId, of.afterSeq, limit))
  }

  /** The files of these entries are on disk. */
  flushed(entries: readonly Entry[]): void {
    this.group(() => {
      for (const { seq } of entries) this.#statements.flushed.run(seq)
    })
  }

  /** Removes an entry, if there is one, and records the drop as a change. */
  drop(key: CopyKey): void {
    const before = this.#statements.get.get(keyRowOf(key))
    if (before === undefined) return
    this.group(() => {
      this.#remove(before)
      this.#chunkLists.prune(before)
      this.#statements.insertDrop.run({ ...keyRowOf(key), seq: this.#transactions.nextSeq() })
    })
  }

  /** Removes the entry of a shared file that was deleted, renamed, or is ignored from now on. */
  remove(name: string, removal: Removal, atMs: number): void {
    const before = this.#statements.get.get(keyRowOf({ kind: 'shared', name }))
    if (before === undefined) return
    this.group(() => {
      this.#remove(before)
      this.#chunkLists.prune(before)
      this.#removed.add(
        { name, sha256: before.sha256, atMs, seq: this.#transactions.nextSeq() },
        removal,
      )
    })
  }

  /** A file has appeared: if one with its content was deleted since then, that was renamed. */
  findRenamed({ at, content }: CatalogFile, sinceMs: number): void {
    const deleted = this.#removed.deletedSince(content.sha256, sinceMs)
    if (deleted === undefined || deleted === at.name) return
    this.group(() => this.#removed.rename(deleted, at.name, this.#transactions.nextSeq()))
  }

  /** Drops a shared file, if there is one, and has scans skip its name. */
  unshare(name: string): void {
    this.group(() => {
      this.#removed.clear(name)
      this.drop({ kind: 'shared', name })
      this.#statements.insertUnshared.run(name, this.#transactions.nextSeq())
    })
  }

  isUnshared(name: string): boolean {
    return this.#statements.isUnshared.get(name) !== undefined
  }

  /** The changes after a number, in order: each key once, in its present state. */
  changesSince(seq: number, limit: number): Change[] {
    return this.#statements.changes.all({ seq, limit }).map(changeOf)
  }

  /** Whether the changes since `seq` bring an index that has those up to it up to date. */
  canResumeFrom(seq: number): boolean {
    const forgottenSeq = Number(this.#statements.catalog.get()?.forgotten_seq ?? 0)
    return seq > 0 && seq >= forgottenSeq && seq <= this.lastSeq
  }

  /** The index has the changes up to `seq`: drops, and old removals, among them can be forgotten. */
  seenByIndex(seq: number): void {
    this.#seenSeq = Math.max(this.#seenSeq, seq)
    this.group(() => {
      const newestRemoval = this.#removed.prune(seq)
      if (newestRemoval !== undefined) this.#statements.saveForgotten.run(newestRemoval)
      const newestDrop = this.#statements.newestDrop.get(seq)?.seq
      if (newestDrop === undefined || newestDrop === null) return
      this.#statements.saveForgotten.run(newestDrop)
      this.#statements.forgetDrops.run(newestDrop)
    })
  }

  /** See {@link CatalogTransactions.group}. */
  group<T>(work: () => T): T {
    return this.#transactions.group(work)
  }

  /** See {@link CatalogTransactions.groupEach}. */
  groupEach<Item, Result>(
    items: readonly Item[],
    work: (item: Item) => Result,
  ): (Result | AppError)[] {
    return this.#transactions.groupEach(items, work)
  }

  /**
   * Calls `listener` after commits and when the catalog becomes complete, until the returned
   * function is called.
   */
  onChange(listener: () => void): () => void {
    return this.#transactions.onChange(listener)
  }

  /** A file whose path differs from its name may have been recorded under its path before. */
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
    this.#damage.onRemoved(Number(seq))
    this.#totals.add(kind, -1, -Number(size))
  }

  #entries(rows: EntryRow[]): Entry[] {
    return rows.map((row) => entryOf(row, this.#folders))
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }
}
