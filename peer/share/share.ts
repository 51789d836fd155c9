/**
 * What this peer has: its three folders, kept in a catalog.
 *
 *   disk -> Scanner (scan, watch) -> Catalog -> announce, serve, list
 *   push, fetch -> Incoming/partial file -> Placer -> disk and Catalog
 */
import { constants } from 'node:fs'
import { access, statfs } from 'node:fs/promises'
import { BackgroundWork } from '../../common/background.ts'
import { readBootId } from '../../common/boot-id.ts'
import type { Clock } from '../../common/clock.ts'
import { diskError } from '../../common/disk-error.ts'
import { AppError, hasCode, reasonOf } from '../../common/errors.ts'
import { parseName } from '../../common/ids.ts'
import type { Log } from '../../common/log.ts'
import type { CopyKey, CopyKind } from '../../common/protocol/messages.ts'
import type { Random } from '../../common/random.ts'
import type { ProblemCounts } from '../problem-table.ts'
import type { KeyedContent, Shelf, SmallFile } from '../shelf.ts'
import { Catalog, type Totals } from './catalog.ts'
import { CatalogFileWatch } from './catalog-file-watch.ts'
import type { Entry } from './entry.ts'
import { Flusher } from './flusher.ts'
import { FolderGuard, type KeptFolder } from './folder-guard.ts'
import { folderLooker, type LookAtFolder } from './folder-look.ts'
import { Folders } from './folders.ts'
import { GroupPlacer } from './group-placer.ts'
import { type Incoming, IncomingFolder, type SourceFile } from './incoming.ts'
import { OwnWrites } from './own-writes.ts'
import { type Adoption, isUntouched, Placer } from './placer.ts'
import type { Problem } from './problems.ts'
import { checkPush, freeBytesIn, noMoreThan } from './push-check.ts'
import { pauseBetweenScansMs } from './rescan-pace.ts'
import { Scanner } from './scanner.ts'
import { SmallReader } from './small-reader.ts'
import { SmallWriter } from './small-writer.ts'
import { Staging, type StagingUse } from './staging.ts'
import { Walker } from './walker.ts'
import { type WatchFolders, type WatchListener, watchFolders } from './watch-folders.ts'

export interface ShareOptions {
  /** The peer's data folder, absolute. */
  readonly dataPath: string
  /** How long a file must be unchanged before it is read. */
  readonly quietMs: number
  /** From the end of one full scan to the next. */
  readonly rescanMs: number
}

/** How well the catalog knows the folders. */
export interface FoldersView {
  /** Since the beginning of the last scan that came to its end: what the system did not tell of may be so old. */
  readonly scannedMsAgo: number
  /** From the end of one scan to the next, as it is now. */
  readonly scanEveryMs: number
  /** Why the system does not tell of all changes; undefined when it does. */
  readonly watchProblem?: string
}

interface Dependencies {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly watch?: WatchFolders
  readonly lookAtFolder?: LookAtFolder
}

export class Share implements Shelf, AsyncDisposable {
  /** Reads small files of the catalog. */
  readonly smallReader: SmallReader<Entry>
  readonly #catalog: Catalog
  readonly #options: ShareOptions
  readonly #dependencies: Dependencies
  readonly #folders: Folders
  readonly #work: BackgroundWork
  readonly #guard: FolderGuard
  readonly #scanner: Scanner
  readonly #placer: Placer
  readonly #writer: SmallWriter
  readonly #groupPlacer: GroupPlacer
  readonly #flusher: Flusher
  readonly #incoming: IncomingFolder
  readonly #staging: Staging
  readonly #walker: Walker
  /** When the last scan that came to its end began (monotonic), and how long the pause after it is. */
  #scannedMs: number
  #pauseMs: number
  #watchProblem: string | undefined
  readonly #ready = Promise.withResolvers<void>()
  /** What must end before the catalog is closed. */
  readonly #operations = new Set<Promise<unknown>>()
  #disposed: Promise<void> | undefined
  readonly #catalogFile: CatalogFileWatch

  private constructor(
    options: ShareOptions & { bootId: string },
    folders: Folders,
    dependencies: Dependencies,
  ) {
    this.#options = options
    this.#dependencies = dependencies
    this.#folders = folders
    this.#catalog = new Catalog(folders, dependencies)
    const watched = { ...dependencies, catalog: this.#catalog }
    this.#catalogFile = new CatalogFileWatch(folders.catalog, watched)
    this.#work = new BackgroundWork(dependencies)
    this.#walker = new Walker(dependencies)
    const recheck = (path: string): void => this.recheck(path)
    this.smallReader = new SmallReader({ ...watched, recheck })
    this.#scannedMs = dependencies.clock.monotonicMs()
    this.#pauseMs = options.rescanMs
    this.#writer = new SmallWriter(dependencies)
    const ownWrites = new OwnWrites({ writer: this.#writer })
    const look = dependencies.lookAtFolder ?? folderLooker(dependencies)
    this.#guard = new FolderGuard({ ...dependencies, folders, catalog: this.#catalog, look })
    const guard = this.#guard
    this.#staging = new Staging(folders, { ...dependencies, guard })
    const staging = this.#staging
    const { bootId } = options
    const placing = { ...dependencies, folders, catalog: this.#catalog, bootId, guard }
    this.#placer = new Placer({
      ...placing,
      ownWrites,
      staging,
      onUnflushed: () => this.#flusher.soon(),
    })
    const group = { placer: this.#placer, writer: this.#writer, ownWrites, staging }
    this.#groupPlacer = new GroupPlacer({ ...placing, ...group })
    this.#flusher = new Flusher({ ...placing, work: this.#work })
    this.#ready.promise.catch(() => {})
    this.#incoming = new IncomingFolder({ ...dependencies, staging })
    this.#scanner = new Scanner(options, {
      ...dependencies,
      folders,
      catalog: this.#catalog,
      work: this.#work,
      ownWrites,
      guard,
      walker: this.#walker,
    })
  }

  /**
   * Opens the data folder, created if absent, and begins to scan it.
   * @throws AppError DATA_IN_USE, DATABASE_UNUSABLE, DISK_FAILED
   */
  static async start(options: ShareOptions, dependencies: Dependencies): Promise<Share> {
    const folders = new Folders(options.dataPath)
    await folders.create()
    await using opening = new AsyncDisposableStack()
    const bootId = await readBootId(dependencies.random)
    const share = opening.use(new Share({ ...options, bootId }, folders, dependencies))
    // Not before the catalog is open: the leftovers could be another process's.
    await share.#incoming.clear()
    await share.#guard.open()
    await share.#checkFolders()
    await share.#flusher.recover()
    share.#work.start('keep the catalog', (signal) => share.#keepCatalog(signal))
    opening.move()
    return share
  }

  /** Resolves when the first scan has ended: all files that were there and quiet are in the catalog. */
  get ready(): Promise<void> {
    return this.#ready.promise
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

  /** A file that holds a content, if there is one. */
  first(sha256: string): Entry | undefined {
    return this.#catalog.first(sha256)
  }

  /** Files that hold a content; some of them, when there are many. */
  find(sha256: string): Entry[] {
    return this.#catalog.find(sha256)
  }

  /** Whether this peer has a file of this name and content, in whatever place. */
  holds(name: string, sha256: string): boolean {
    return this.#catalog.holds(name, sha256)
  }

  /** The hashes of a content's chunks in order, if this peer holds it. */
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

  /** What lies in the folders and is not shared, and why; the first of them. */
  problems(): Problem[] {
    return this.#scanner.problems.list()
  }

  /** How many of those there are. */
  problemCounts(): ProblemCounts {
    return this.#scanner.problems.counts
  }

  /** Folders whose entries are kept although their files are not there, and why. */
  keptFolders(): KeptFolder[] {
    return this.#guard.list()
  }

  /**
   * Takes the files that are missing from {@link keptFolders} for deleted.
   * @returns how many entries were dropped
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
  view(): FoldersView {
    const ageMs = this.#dependencies.clock.monotonicMs() - this.#scannedMs
    const watchProblem = this.#watchProblem
    return {
      scannedMsAgo: Math.round(ageMs),
      scanEveryMs: this.#pauseMs,
      ...(watchProblem !== undefined && { watchProblem }),
    }
  }

  /** See {@link Staging.folderFor}. @throws AppError DISK_FAILED */
  async stagingFolder(kind: CopyKind, use: StagingUse): Promise<string> {
    try {
      return await this.#staging.folderFor(kind, use)
    } catch (error) {
      throw diskError(
        { action: 'use the folder', path: this.#folders[kind], neededBytes: 0 },
        error,
      )
    }
  }

  /** See {@link Staging.existing}. */
  async stagingFolders(use: StagingUse): Promise<string[]> {
    return await this.#staging.existing(use)
  }

  /** Room for this process on the disk that replicas are put on, and the disk's size. @throws AppError DISK_FAILED */
  async room(): Promise<{ freeBytes: number; diskBytes: number }> {
    const path = this.#folders.replicated
    try {
      await this.#staging.ensureRoot('replicated')
      const { bavail, blocks, bsize } = await statfs(path)
      return { freeBytes: wholeBytes(bavail * bsize), diskBytes: wholeBytes(blocks * bsize) }
    } catch (error) {
      throw diskError({ action: 'measure the disk of', path, neededBytes: 0 }, error)
    }
  }

  /** The file at `path` could not be read as its entry says: it is looked at again soon, and read if it looks untouched. */
  recheck(path: string): void {
    this.#work.start('look again at a file', async () => await this.#scanner.recheck(path))
  }

  /** See {@link Scanner.verify}. */
  verify(sha256: string): void {
    this.#scanner.verify(sha256)
  }

  /** See {@link Placer.adopt}. */
  async adopt(adoption: Adoption): Promise<Entry> {
    return await this.#track(() => this.#placer.adopt(adoption))
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

  /**
   * Takes a stream of bytes into shared/. A name that was unshared is shared again. What can be refused
   * before the first byte is read is refused then.
   * @param options.bytesAnnounced how many bytes are expected, if that is known
   * @throws AppError NAME_INVALID, NAME_EXISTS, NAME_BLOCKED, FOLDER_UNAVAILABLE, TOO_LARGE, DISK_FULL, DISK_FAILED, STOPPING; the
   *   signal's reason; what the stream throws. Nothing is left behind then.
   */
  async receive(
    bytes: AsyncIterable<Uint8Array>,
    options: {
      name: string
      replace: boolean
      signal?: AbortSignal
      bytesAnnounced?: number | undefined
    },
  ): Promise<Entry> {
    const name = parseName(options.name)
    const { replace, bytesAnnounced } = options
    const at = this.#folders.place({ kind: 'shared', name })
    const bytesMax = await checkPush(
      { at, replace, bytesAnnounced },
      { freeBytes: () => freeBytesIn(at.root) },
    )
    const within = bytesMax === undefined ? bytes : noMoreThan(bytesMax, bytes, name)
    await using incoming = await this.#incoming.receive(within, options.signal)
    const { partialPath, content, chunkList } = incoming
    const key = { kind: 'shared', name } as const
    return await this.adopt({ key, partialPath, content, chunkList, replace })
  }

  /**
   * Puts a copy of a content that this peer holds, in whatever place, where `key` says.
   * @returns its entry, which has another name if that one is taken; undefined when this peer holds
   *   none; see {@link Placer.adopt}
   * @throws AppError NAME_INVALID, NAME_EXISTS, NAME_BLOCKED, FOLDER_UNAVAILABLE, DISK_FULL, DISK_FAILED, STOPPING
   */
  async copyLocal(sha256: string, key: CopyKey): Promise<Entry | undefined> {
    const own = this.#catalog.get(key)
    if (own?.content.sha256 === sha256 && (await isUntouched(own))) return own
    for (const entry of this.#catalog.find(sha256)) {
      const { at, content } = entry
      const isThere = await isUntouched(entry)
      await using incoming = isThere
        ? await this.#copy({ ...at, size: content.size }, key.kind)
        : undefined
      if (incoming?.content.sha256 !== sha256) {
        this.recheck(at.path)
        continue
      }
      // What was just hashed, not what the catalog believes: a chunk root may have come from others.
      const { partialPath, chunkList, content: hashed } = incoming
      return await this.adopt({ key, partialPath, content: hashed, chunkList })
    }
    return undefined
  }

  /** See {@link Placer.removeReplica}. */
  async removeReplica(copy: { owner: string; name: string; sha256: string }): Promise<void> {
    await this.#track(() => this.#placer.removeReplica(copy))
  }

  /**
   * Takes a name out of the catalog and leaves its file, if there is one, on disk; scans pass it by
   * until it is pushed again.
   * @throws AppError DISK_FULL, DISK_FAILED
   */
  unshare(name: string): void {
    this.#catalog.unshare(name)
  }

  isUnshared(name: string): boolean {
    return this.#catalog.isUnshared(name)
  }

  /** Ends the scan that is running and waits for files that are being put into place. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#dispose()
    await this.#disposed
  }

  async #dispose(): Promise<void> {
    this.#ready.reject(new AppError('STOPPING'))
    await this.#work[Symbol.asyncDispose]()
    while (this.#operations.size > 0) await Promise.allSettled(this.#operations)
    await this.#writer[Symbol.asyncDispose]()
    await this.smallReader[Symbol.asyncDispose]()
    await this.#walker[Symbol.asyncDispose]()
    this.#scanner[Symbol.dispose]()
    this.#catalogFile.keep()
    this.#catalog[Symbol.dispose]()
  }

  async #keepCatalog(signal: AbortSignal): Promise<void> {
    const { clock } = this.#dependencies
    await using watching = new AsyncDisposableStack()
    for (;;) {
      this.#catalogFile.keep()
      const costMs = await this.#scan(signal)
      const isFirst = costMs !== undefined && !this.#catalog.isComplete
      const isWatched = this.#watchProblem === undefined
      const pace = { leastMs: this.#options.rescanMs, costMs: costMs ?? 0, isWatched }
      this.#pauseMs = pauseBetweenScansMs(pace)
      const pause = clock.sleep(this.#pauseMs, signal)
      if (isFirst) {
        this.#onFirstScan()
        const { promise: isReady, resolve: onReady } = Promise.withResolvers<void>()
        watching.use(this.#watch(onReady))
        // What changed before the watcher had begun is found by a scan right then.
        await Promise.race([isReady, pause])
      } else await pause
    }
  }

  /** What is wrong with the peer's folders is said at the start, and not only when a file is to be put there. */
  async #checkFolders(): Promise<void> {
    for (const kind of ['shared', 'downloaded', 'replicated'] as const)
      try {
        await this.stagingFolder(kind, 'incoming')
        await access(this.#folders[kind], constants.R_OK | constants.W_OK | constants.X_OK)
      } catch (error) {
        const details = { folder: this.#folders[kind], reason: reasonOf(error) }
        this.#dependencies.log.error(details, 'nothing can be put into a folder of this peer')
      }
  }

  #onFirstScan(): void {
    this.#catalog.markComplete()
    this.#ready.resolve()
    const files = this.totals()
    const problems = this.problems().length
    this.#dependencies.log.info({ files, problems }, 'first scan has ended')
  }

  /** @returns what it took of a processor; undefined when it did not come to its end */
  async #scan(signal: AbortSignal): Promise<number | undefined> {
    const { clock, log } = this.#dependencies
    const startMs = clock.monotonicMs()
    try {
      const isThrottled = this.#catalog.isComplete
      const { costMs } = await this.#scanner.scan({ signal, isThrottled })
      this.#scannedMs = startMs
      return costMs
    } catch (error) {
      signal.throwIfAborted()
      log.error({ error }, 'scan failed')
      return undefined
    }
  }

  #watch(onReady: () => void): AsyncDisposable {
    const { watch = watchFolders, log, clock } = this.#dependencies
    const { shared, downloaded, replicated } = this.#folders
    const listener: WatchListener = {
      onReady,
      onChange: (path) => this.#scanner.look(path),
      onFolder: (path) => this.#scanner.lookBelow(path),
      onLimit: (reason) => (this.#watchProblem = reason),
      isKnownFile: (path) => this.#scanner.isOwnWrite(path),
    }
    return watch([shared, downloaded, replicated], listener, { log, clock })
  }

  /** A copy of a file in the incoming folder, or undefined when the file is not there any more. */
  async #copy(source: SourceFile, kind: CopyKind): Promise<Incoming | undefined> {
    try {
      return await this.#incoming.copy(source, kind)
    } catch (error) {
      if (hasCode(error, 'DISK_FULL')) throw error
      return undefined
    }
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

/** What the protocol can say of a size: some file systems claim more than there are numbers for. */
function wholeBytes(bytes: number): number {
  return Math.min(Math.max(0, Math.floor(bytes)), Number.MAX_SAFE_INTEGER)
}
