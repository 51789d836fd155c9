/**
 * The files of this peer, in its three folders and the catalog; the shelf for what it fetches.
 *
 *   disk -> Scanner (scan, watch) -> Catalog -> announce, serve, list
 *   push, fetch -> Incoming/partial file -> Placer -> disk and Catalog
 */
import { BackgroundWork } from '../../common/background.ts'
import { readBootId } from '../../common/boot-id.ts'
import type { Clock } from '../../common/clock.ts'
import { AppError } from '../../common/errors.ts'
import type { Log } from '../../common/log.ts'
import type { CopyKey, CopyKind } from '../../common/protocol/messages.ts'
import type { Relabelling } from '../../common/protocol/trash-messages.ts'
import type { Random } from '../../common/random.ts'
import type { ProblemCounts } from '../problem-table.ts'
import type { KeyedContent, Shelf, SmallFile } from '../shelf.ts'
import { Catalog } from './catalog.ts'
import type { Damage } from './catalog-damage.ts'
import { CatalogKeeper, type FoldersView } from './catalog-keeper.ts'
import type { Totals } from './catalog-totals.ts'
import { CopyChecker } from './copy-checker.ts'
import { CopyReader } from './copy-reader.ts'
import type { Verdict, VerifyOptions } from './copy-verifier.ts'
import { DamagedContents } from './damaged-contents.ts'
import { DamagedFiles } from './damaged-files.ts'
import { roomIn } from './disk-room.ts'
import type { Entry } from './entry.ts'
import { Flusher } from './flusher.ts'
import { FolderGuard, type KeptFolder } from './folder-guard.ts'
import { folderLooker, type LookAtFolder } from './folder-look.ts'
import { FolderQueues } from './folder-queues.ts'
import { Folders } from './folders.ts'
import { GroupPlacer } from './group-placer.ts'
import { IgnoredFiles } from './ignored-files.ts'
import { IncomingFolder } from './incoming.ts'
import { LocalChunks } from './local-chunks.ts'
import { LocalCopier } from './local-copier.ts'
import { OwnWrites } from './own-writes.ts'
import { type Adoption, Placer } from './placer.ts'
import type { Problem } from './problems.ts'
import { type PushOptions, PushReceiver } from './push-receiver.ts'
import { ReplicaRelabeler } from './replica-relabeler.ts'
import { ReplicaRemover } from './replica-remover.ts'
import { Scanner } from './scanner.ts'
import { SharedTree, type TreeParts } from './shared-tree.ts'
import { SmallReader } from './small-reader.ts'
import { SmallWriter } from './small-writer.ts'
import { Staging, type StagingUse } from './staging.ts'
import { UnreadableFolders } from './unreadable-folders.ts'
import { Walker } from './walker.ts'
import type { WatchFolders } from './watch-folders.ts'

export interface ShareOptions {
  /** The peer's data folder, absolute. */
  readonly dataPath: string
  /** How long a file must be unchanged before it is read. */
  readonly quietMs: number
  /** From the end of one full scan to the next. */
  readonly rescanMs: number
}

export type ShareCopyReader = Pick<CopyReader, 'isReadable' | 'read'> & AsyncDisposable

interface Dependencies {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly watch?: WatchFolders
  readonly lookAtFolder?: LookAtFolder
  readonly copyReader?: ShareCopyReader
}

export class Share implements Shelf, AsyncDisposable {
  /** The good chunks of damaged files. */
  readonly damagedContents: DamagedContents
  /** Reads small files of the catalog. */
  readonly smallReader: SmallReader<Entry>
  /** The chunks of the catalog's files. */
  readonly localChunks: LocalChunks
  /** shared/ as a drive. */
  readonly tree: SharedTree
  readonly #catalog: Catalog
  readonly #folders: Folders
  readonly #work: BackgroundWork
  readonly #guard: FolderGuard
  readonly #ignored: IgnoredFiles
  readonly #scanner: Scanner
  readonly #placer: Placer
  readonly #remover: ReplicaRemover
  readonly #relabeler: ReplicaRelabeler
  readonly #checker: CopyChecker
  readonly #writer: SmallWriter
  readonly #groupPlacer: GroupPlacer
  readonly #flusher: Flusher
  readonly #incoming: IncomingFolder
  readonly #staging: Staging
  readonly #walker: Walker
  readonly #reader: ShareCopyReader
  readonly #keeper: CatalogKeeper
  readonly #copier: LocalCopier
  readonly #pushes: PushReceiver
  /** Operations that must end before the catalog is closed. */
  readonly #operations = new Set<Promise<unknown>>()
  #disposed: Promise<void> | undefined

  private constructor(
    options: ShareOptions & { bootId: string },
    folders: Folders,
    dependencies: Dependencies,
  ) {
    this.#folders = folders
    this.#catalog = new Catalog(folders, dependencies)
    const watched = { ...dependencies, catalog: this.#catalog }
    this.#work = new BackgroundWork(dependencies)
    this.#walker = new Walker(dependencies)
    this.#reader = dependencies.copyReader ?? new CopyReader(dependencies)
    this.damagedContents = new DamagedContents(watched)
    const recheck = (path: string): void => this.recheck(path)
    this.smallReader = new SmallReader({ ...watched, recheck })
    this.localChunks = new LocalChunks({ catalog: this.#catalog.withDamaged, recheck })
    this.#writer = new SmallWriter(dependencies)
    const ownWrites = new OwnWrites({ writer: this.#writer })
    const look = dependencies.lookAtFolder ?? folderLooker(dependencies)
    const unreadable = new UnreadableFolders({ ...watched, reader: this.#reader })
    const onReadable = (folder: string): void => this.#scanner.verifyDamagedBelow(folder)
    this.#guard = new FolderGuard({ ...watched, folders, look, unreadable, onReadable })
    const guard = this.#guard
    this.#staging = new Staging(folders, { ...dependencies, guard })
    const staging = this.#staging
    const { bootId } = options
    const placing = { ...dependencies, folders, catalog: this.#catalog, bootId, guard }
    const queues = new FolderQueues(dependencies)
    const damaged = new DamagedFiles({ ...watched, staging })
    this.#remover = new ReplicaRemover({ ...watched, queues })
    const remover = this.#remover
    this.#placer = new Placer({
      ...placing,
      ownWrites,
      staging,
      queues,
      damaged,
      remover,
      onUnflushed: () => this.#flusher.soon(),
      onPlaced: (path) => this.#scanner.problems.clear(path),
    })
    this.#relabeler = new ReplicaRelabeler({ ...watched, placer: this.#placer })
    const group = { placer: this.#placer, writer: this.#writer, ownWrites, staging }
    this.#groupPlacer = new GroupPlacer({ ...placing, ...group })
    this.#flusher = new Flusher({ ...placing, remover, work: this.#work })
    this.#incoming = new IncomingFolder({ ...dependencies, staging })
    this.#ignored = new IgnoredFiles(options, { ...dependencies, folders })
    this.#scanner = new Scanner(options, {
      ...dependencies,
      ignored: this.#ignored,
      folders,
      catalog: this.#catalog,
      work: this.#work,
      ownWrites,
      guard,
      walker: this.#walker,
      reader: this.#reader,
      damaged,
      queues,
    })
    this.#checker = new CopyChecker({ catalog: this.#catalog, recheck })
    const scanner = this.#scanner
    this.#keeper = new CatalogKeeper(options, { ...watched, folders, scanner })
    const copying = { incoming: this.#incoming, placer: this.#placer, recheck, scanner }
    this.#copier = new LocalCopier({ ...watched, ...copying })
    this.tree = this.#newTree({ ...placing, ...copying, staging, queues })
    this.#pushes = this.#newPushes()
  }

  #newPushes(): PushReceiver {
    return new PushReceiver({
      folders: this.#folders,
      ignored: this.#ignored,
      incoming: this.#incoming,
      adopt: (adoption) => this.adopt(adoption),
      setModified: (entry, modifiedMs) => this.tree.setModified(entry, modifiedMs),
    })
  }

  #newTree(parts: Omit<TreeParts, 'writer' | 'ignored' | 'track'>): SharedTree {
    return new SharedTree({
      ...parts,
      writer: this.#writer,
      ignored: this.#ignored,
      track: (work) => this.#track(work),
    })
  }

  /**
   * Opens the data folder, which is created if missing, and starts to scan it.
   * @throws AppError DATA_IN_USE, DATABASE_UNUSABLE, DISK_FAILED
   */
  static async start(options: ShareOptions, dependencies: Dependencies): Promise<Share> {
    const folders = new Folders(options.dataPath)
    await folders.create()
    await using opening = new AsyncDisposableStack()
    const bootId = await readBootId(dependencies.random)
    const share = opening.use(new Share({ ...options, bootId }, folders, dependencies))
    // After the catalog is open: before, the leftovers could belong to another process.
    await Promise.all([share.#incoming.clear(), share.tree.finishMoves()])
    await share.#guard.open()
    for (const failure of await share.#staging.failures())
      dependencies.log.error(failure, 'a folder of this peer cannot be written')
    await share.#flusher.recover()
    share.#work.start('keep the catalog', (signal) => share.#keeper.run(signal))
    opening.move()
    return share
  }

  /**
   * Resolves when the first scan has completed: all files that were there and quiet are in the
   * catalog.
   */
  get ready(): Promise<void> {
    return this.#keeper.ready
  }

  /** For announcing. */
  get catalog(): Pick<
    Catalog,
    | 'epoch'
    | 'continues'
    | 'lastSeq'
    | 'isComplete'
    | 'changesSince'
    | 'canResumeFrom'
    | 'seenByIndex'
    | 'onChange'
  > {
    return this.#catalog
  }

  /** Where downloaded files are; absolute. */
  get downloadedFolder(): string {
    return this.#folders.downloaded
  }

  /** A file with a content, if there is one. */
  first(sha256: string): Entry | undefined {
    return this.#catalog.first(sha256)
  }

  /** Files with a content; not all of them if there are many. */
  find(sha256: string): Entry[] {
    return this.#catalog.find(sha256)
  }

  /** Whether this peer has a file of this name and content under any key. */
  holds(name: string, sha256: string): boolean {
    return this.#catalog.holds(name, sha256)
  }

  /** Whether the file of an entry that was found before is not known to be damaged since. */
  isServed({ at, content }: Pick<Entry, 'at' | 'content'>): boolean {
    if (!this.#catalog.damage.wasFound) return true
    return this.#catalog.find(content.sha256).some((entry) => entry.at.path === at.path)
  }

  /** The hashes of a content's chunks in order, if this peer has it. */
  chunkList(sha256: string): Buffer | undefined {
    return this.#catalog.chunkList(sha256)
  }

  get(key: CopyKey): Entry | undefined {
    return this.#catalog.get(key)
  }

  /** Files of a kind, by name and then owner, after the given ones. */
  list(kind: CopyKind, limit: number, after?: { name: string; owner?: string }): Entry[] {
    return this.#catalog.list(kind, limit, after)
  }

  totals(): Readonly<Record<CopyKind, Totals>> {
    return this.#catalog.totals()
  }

  /** The data folder; absolute. */
  get dataPath(): string {
    return this.#folders.data
  }

  /** Files and folders that are not shared, and why; a limited number of them. */
  problems(): Problem[] {
    return this.#scanner.problems.list()
  }

  /** The number of all of those. */
  problemCounts(): ProblemCounts {
    return this.#scanner.problems.counts
  }

  /** Folders whose entries are kept although their files are missing, and why. */
  keptFolders(): KeptFolder[] {
    return this.#guard.list()
  }

  /**
   * Treats the files that are missing from {@link keptFolders} as deleted.
   * @returns the number of dropped entries
   * @throws AppError FOLDER_UNAVAILABLE, DISK_FAILED, STOPPING
   */
  async confirmDeletes(): Promise<number> {
    return await this.#track(async () => {
      const confirmed = await this.#guard.confirm()
      if (confirmed.size === 0) return 0
      const options = { signal: this.#work.signal, isThrottled: false, confirmed }
      return (await this.#scanner.scan(options)).dropped
    })
  }

  /** How well the catalog knows the folders now. */
  view(): FoldersView & { readonly ignored: number } {
    return { ...this.#keeper.view(), ignored: this.#ignored.count }
  }

  /** See {@link Staging.folderFor}. */
  async stagingFolder(kind: CopyKind, use: StagingUse): Promise<string> {
    return await this.#staging.folderFor(kind, use)
  }

  /** See {@link Staging.existing}. */
  async stagingFolders(use: StagingUse): Promise<string[]> {
    return await this.#staging.existing(use)
  }

  /** See {@link roomIn}, for replicas. @throws AppError DISK_FAILED, FOLDER_UNAVAILABLE */
  async room(): Promise<{ freeBytes: number; diskBytes: number }> {
    await this.#staging.ensureRoot('replicated')
    return await roomIn(this.#folders.replicated)
  }

  /**
   * The file at `path` could not be read as recorded: schedules a comparison, which reads it if it
   * looks untouched.
   */
  recheck(path: string): void {
    this.#work.start('look again at a file', async () => await this.#scanner.recheck(path))
  }

  /** See {@link Scanner.verify}. */
  verify(sha256: string): void {
    this.#scanner.verify(sha256)
  }

  /** The first entry after a number and up to another. */
  next(afterSeq: number, lastSeq: number): Entry | undefined {
    return this.#catalog.entriesBetween(afterSeq, lastSeq, 1)[0]
  }

  /** Damaged files, by number, after the given one. */
  damaged(afterSeq: number, limit: number): (Entry & { readonly damage: Damage })[] {
    const { damage } = this.#catalog
    return damage.after(afterSeq, limit).flatMap((seq) => {
      const [entry] = this.#catalog.entriesBetween(seq - 1, seq, 1)
      const found = entry && damage.of(seq, entry.content.size)
      return entry === undefined || found === undefined ? [] : [{ ...entry, damage: found }]
    })
  }

  get damagedCount(): number {
    return this.#catalog.damage.count
  }

  isDamaged({ seq }: Entry): boolean {
    return this.#catalog.damage.has(seq)
  }

  /** Calls `listener` when a file was found damaged, until the returned function is called. */
  onDamage(listener: () => void): () => void {
    let version = this.#catalog.damage.version
    return this.#catalog.onChange(() => {
      if (version === this.#catalog.damage.version) return
      version = this.#catalog.damage.version
      listener()
    })
  }

  /** See {@link CopyVerifier.setAside}. */
  async setAside(key: CopyKey): Promise<void> {
    await this.#track(() => this.#scanner.setAside(key))
  }

  /** See {@link Scanner.readCopy}. */
  async readCopy(path: string, options: VerifyOptions): Promise<Verdict> {
    return await this.#track(() => this.#scanner.readCopy(path, options))
  }

  /** See {@link CopyChecker.has}. */
  async hasCopy(sha256: string, options: { readonly mayBeReplica: boolean }): Promise<boolean> {
    return await this.#track(() => this.#checker.has(sha256, options))
  }

  /** See {@link Placer.adopt}. */
  async adopt(adoption: Adoption): Promise<Entry> {
    if (adoption.key.kind === 'shared') this.#pushes.checkIgnored(adoption.key.name)
    return await this.#track(() => this.#placer.adopt(adoption))
  }

  /** The pattern because of which a file of this name in shared/ is not shared, if there is one. */
  ignoredBy(name: string): string | undefined {
    return this.#ignored.patternFor(name)
  }

  /** See {@link GroupPlacer.adopt}. */
  async adoptGroup(files: readonly SmallFile[]): Promise<(Entry | AppError)[]> {
    const entries = await this.#track(() => this.#groupPlacer.adopt(files))
    this.#flusher.soon()
    return entries
  }

  /** See {@link GroupPlacer.areThere}. */
  async areThere(files: readonly KeyedContent[]): Promise<boolean[]> {
    return await this.#track(() => this.#groupPlacer.areThere(files))
  }

  /** See {@link SmallReader.read}. */
  async readSmall(sha256s: readonly string[]): Promise<(Uint8Array<ArrayBuffer> | undefined)[]> {
    return await this.#track(() => this.smallReader.read(sha256s))
  }

  /** See {@link PushReceiver.receive}. */
  async receive(bytes: AsyncIterable<Uint8Array>, options: PushOptions): Promise<Entry> {
    return await this.#pushes.receive(bytes, options)
  }

  /** See {@link PushReceiver.checkRoomFor}. */
  async checkRoomFor(file: { name: string; bytes: number; replace: boolean }): Promise<void> {
    await this.#pushes.checkRoomFor(file)
  }

  /** See {@link LocalCopier.copy}. */
  async copyLocal(
    sha256: string,
    key: CopyKey,
    options?: Parameters<LocalCopier['copy']>[2],
  ): Promise<Entry | undefined> {
    return await this.#track(() => this.#copier.copy(sha256, key, options))
  }

  /** See {@link ReplicaRelabeler.relabel}. */
  async relabel(copies: readonly Relabelling[]): Promise<boolean[]> {
    return await this.#track(() => this.#relabeler.relabel(copies))
  }

  /** See {@link ReplicaRemover.remove}. */
  async removeReplica(copy: { owner: string; name: string; sha256: string }): Promise<void> {
    await this.#track(() => this.#remover.remove(copy))
  }

  /**
   * Removes a name from the catalog and leaves its file, if there is one, on disk; scans skip it
   * until it is pushed again.
   * @throws AppError DISK_FULL, DISK_FAILED
   */
  unshare(name: string): void {
    this.#catalog.unshare(name)
  }

  isUnshared(name: string): boolean {
    return this.#catalog.isUnshared(name)
  }

  /** Ends the running scan and waits for files that are being placed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#dispose()
    await this.#disposed
  }

  async #dispose(): Promise<void> {
    this.#keeper.stop()
    await this.#work[Symbol.asyncDispose]()
    while (this.#operations.size > 0) await Promise.allSettled(this.#operations)
    await this.#writer[Symbol.asyncDispose]()
    await this.smallReader[Symbol.asyncDispose]()
    await this.#walker[Symbol.asyncDispose]()
    await this.#reader[Symbol.asyncDispose]()
    this.#scanner[Symbol.dispose]()
    this.#keeper.keepFile()
    this.#catalog[Symbol.dispose]()
  }

  async #track<T>(work: () => Promise<T>): Promise<T> {
    if (this.#disposed !== undefined) throw new AppError('STOPPING')
    const operation = work()
    this.#operations.add(operation)
    try {
      return await operation
    } finally {
      this.#operations.delete(operation)
    }
  }
}
