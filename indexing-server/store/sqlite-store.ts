import type { Clock } from '../../common/clock.ts'
import type { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { ReplicaVersion } from '../../common/protocol/messages.ts'
import type { Random } from '../../common/random.ts'
import {
  type Database,
  type MigrationProgress,
  openDatabase,
  usedBytesOf,
} from '../../common/sqlite.ts'
import type { RecordedEvent } from '../events/event.ts'
import { AnnouncementWriter } from './announcement-writer.ts'
import { ContentReader, type DoubtOf, type WantedCopies } from './content-reader.ts'
import { type EventPage, type EventQuery, EventTable } from './event-table.ts'
import { fileKeyText } from './file-key.ts'
import { FolderReader } from './folder-reader.ts'
import { ForgetWriter } from './forget-writer.ts'
import { GroupCommit } from './group-commit.ts'
import { HashIndex, type HashIndexOptions } from './hash-index.ts'
import { IndexRows } from './index-rows.ts'
import type { Decision, IntentKind, IntentRecord, RecordOf } from './intent-kinds.ts'
import { IntentLog, type IntentState, type NumberedRecord } from './intent-log.ts'
import { IntentWriter } from './intent-writer.ts'
import { LogFlusher } from './log-flusher.ts'
import { migrations } from './migrations.ts'
import { NameReader } from './name-reader.ts'
import { PeerKeys } from './peer-keys.ts'
import { type PeerStatements, preparePeers } from './peer-statements.ts'
import { type ProofRecords, ProofTable } from './proof-records.ts'
import { RegisteredPeers } from './registered-peers.ts'
import { ReplicaReader } from './replica-reader.ts'
import type {
  Announced,
  Announcement,
  FileKey,
  FolderPart,
  Forgotten,
  Gone,
  GoneName,
  Holdings,
  IdPage,
  IndexStore,
  ListedName,
  NamedContent,
  Namesakes,
  ObsoleteCopy,
  PeerRecord,
  Registration,
  ReplicatedCopy,
  SolePage,
  StoredContent,
  StoredCopy,
  StoredVersion,
  StrayReplica,
  Totals,
  Touched,
  TrashedFile,
  VersionPage,
} from './store.ts'
import { transactionsOn } from './transactions.ts'
import { TrashReader } from './trash-reader.ts'
import type { UnwrittenPeer } from './unwritten-peers.ts'
import { VersionReader } from './version-reader.ts'

/** SQLite's page cache: the inner pages of its trees for a million contents. */
const databaseCacheKibibytes = 8 * 1024
/**
 * Pages (of 4 KiB) between checkpoints: a page that many commits change is written once per
 * checkpoint. 128 MiB are read in a quarter of a second after a crash.
 */
const databaseLogPages = 32_768
const databasePageBytes = 4_096
/** While the database is younger than this, it may replace a lost one: peers restore decisions. */
const recoveryMs = 3_600_000
/** The same for the files of other owners: their keepers may be away for weeks. */
const youngMs = 30 * 86_400_000

export interface SqliteStoreOptions {
  /** The database file; `:memory:` for none. */
  readonly path: string
  /** How long an announcement waits to be committed together with others. */
  readonly commitDelayMs: number
  /** By default for millions of contents. */
  readonly hashIndex?: HashIndexOptions
}

export interface SqliteStoreDependencies {
  readonly clock: Clock
  readonly random: Random
  /** Called for each failed write. */
  readonly onFault?: (error: AppError) => void
  /** By default no copy is in doubt. */
  readonly doubtOf?: DoubtOf
  /** How many copies contents should have; 2 by default. */
  readonly factors?: WantedCopies
  /** Called with each step of the migration of an existing database. */
  readonly onProgress?: MigrationProgress
  /** Opens the database; tests keep a reference to it. */
  readonly open?: typeof openDatabase
}

/** {@link IndexStore} on one SQLite database that only this process uses. */
export class SqliteStore implements IndexStore {
  readonly #clock: Clock
  readonly #database: Database
  readonly #reader: ContentReader
  readonly #names: NameReader
  readonly #replicas: ReplicaReader
  readonly #versions: VersionReader
  readonly #trash: TrashReader
  readonly #folders: FolderReader
  readonly #writer: AnnouncementWriter
  readonly #events: EventTable
  readonly createdMs: number
  readonly proofs: ProofRecords
  readonly #intent: IntentLog
  readonly #decisions: IntentWriter
  readonly #forgets: ForgetWriter
  readonly #commits: GroupCommit
  /** Undefined without a file. */
  readonly #log: LogFlusher | undefined
  readonly #sql: PeerStatements
  readonly #peers: RegisteredPeers

  /** @throws AppError DATA_IN_USE, DATABASE_UNUSABLE */
  constructor(options: SqliteStoreOptions, dependencies: SqliteStoreDependencies) {
    this.#clock = dependencies.clock
    const { path } = options
    const { onFault = () => {} } = dependencies
    const open = dependencies.open ?? openDatabase
    const { onProgress = () => {} } = dependencies
    this.#database = open(path, { migrations, onProgress })
    const keys = new PeerKeys(this.#database)
    const hashes = new HashIndex(this.#database, options.hashIndex)
    const rows = new IndexRows(this.#database, { keys, hashes })
    const onRolledBack = (): void => rows.onRolledBack()
    const transaction = transactionsOn(this.#database, { path, onFault, onRolledBack })
    // For the journals of transactions within transactions.
    this.#database.pragma('temp_store = memory')
    this.#database.pragma(`cache_size = -${databaseCacheKibibytes}`)
    this.#database.pragma(`wal_autocheckpoint = ${databaseLogPages}`)
    // After a migration or a burst the log is cut back to its usual size.
    this.#database.pragma(`journal_size_limit = ${databaseLogPages * databasePageBytes}`)
    this.#reader = new ContentReader(
      this.#database,
      { keys, hashes },
      {
        doubtOf: dependencies.doubtOf ?? (() => undefined),
        factors: dependencies.factors ?? { default: 2, hasRules: false, of: () => 2 },
      },
    )
    this.#trash = new TrashReader(this.#database, { keys, contents: this.#reader })
    this.#names = new NameReader(this.#database, keys)
    this.#replicas = new ReplicaReader(this.#database, keys)
    this.#versions = new VersionReader(this.#database, { contents: this.#reader, hashes })
    this.#folders = new FolderReader(this.#database, this.#reader)
    const { clock, random } = dependencies
    this.createdMs = createdMsOf(this.#database, clock.nowMs())
    const isYoung = (): boolean => clock.nowMs() - this.createdMs < youngMs
    const intent = new IntentLog(this.#database, random)
    this.#intent = intent
    this.#writer = new AnnouncementWriter(this.#database, { rows, intent, isYoung })
    this.#decisions = new IntentWriter(intent, this.#writer)
    this.#events = new EventTable(this.#database)
    this.#forgets = new ForgetWriter(this.#database, { rows, files: this.#writer })
    this.#sql = preparePeers(this.#database)
    this.#commits = new GroupCommit(
      { delayMs: options.commitDelayMs, weightMax: limits.announceChangesSent },
      {
        clock: dependencies.clock,
        transaction,
        onCommitted: (weight) => this.#log?.onCommitted(weight),
      },
    )
    this.proofs = new ProofTable(this.#database, { commits: this.#commits })
    this.#log = path === ':memory:' ? undefined : new LogFlusher(path)
    this.#peers = new RegisteredPeers(this.#sql, { commits: this.#commits, transaction })
  }

  /** Size of the database, without free pages. */
  get usedBytes(): number {
    return usedBytesOf(this.#database)
  }

  get isRecovering(): boolean {
    return this.#clock.nowMs() - this.createdMs < recoveryMs
  }

  async peers(): Promise<readonly PeerRecord[]> {
    return this.#peers.all()
  }

  async register(registration: Registration): Promise<{ seenSeq: number; holdings: Holdings }> {
    return await this.#peers.register(registration)
  }

  async identityOf(peerId: string): Promise<string | undefined> {
    return this.#peers.identityOf(peerId)
  }

  async releaseIdentity(peerId: string, options: { onlyIfEmpty: boolean }): Promise<boolean> {
    return await this.#peers.releaseIdentity(peerId, options)
  }

  async recordGone(peerId: string, gone: Gone, heardMs: number): Promise<void> {
    await this.#peers.recordGone(peerId, gone, heardMs)
  }

  async forgetCopies(peerId: string, limit: number): Promise<Forgotten> {
    return await this.#commits.add(limit, () => this.#forgets.forgetCopies(peerId, limit))
  }

  async forgetFiles(owner: string, after: string, limit: number): Promise<Forgotten> {
    return await this.#commits.add(limit, () => this.#forgets.forgetFiles(owner, after, limit))
  }

  async forgetPeer(peerId: string, options: { readonly releasesId: boolean }): Promise<void> {
    const job = (): void => this.#forgets.forgetPeer(peerId, options)
    await this.#commits.add(1, job, { isDurable: options.releasesId })
    this.#peers.forget(peerId)
  }

  async announce(announcement: Announcement): Promise<Announced> {
    const weight = announcement.changes.length + 1
    // An unshare or a removal is intent, in an announcement too.
    const isDurable = announcement.changes.some(({ op }) => op === 'unshare' || op === 'remove')
    let unwritten: UnwrittenPeer | undefined
    const job = (): Announced => {
      unwritten = this.#peers.writeUnwritten(announcement.peerId)
      return this.#writer.announce(announcement, this.#nowMs)
    }
    const announced = await this.#commits.add(weight, job, { isDurable })
    if (unwritten !== undefined) this.#peers.onWritten(unwritten)
    return announced
  }

  async probe(): Promise<void> {
    await this.#peers.probe()
  }

  async unshare(file: FileKey): Promise<Touched> {
    return await this.decide([{ kind: 'unshared', key: fileKeyText(file), value: true }])
  }

  async share(file: FileKey): Promise<Touched> {
    return await this.decide([{ kind: 'unshared', key: fileKeyText(file), value: null }])
  }

  async decide(decisions: readonly Decision[]): Promise<Touched> {
    const job = (): Touched => this.#decisions.decide(decisions, this.#nowMs)
    return await this.#commits.add(decisions.length, job, { isDurable: true })
  }

  async mergeIntent(records: readonly IntentRecord[]): Promise<Touched> {
    const job = (): Touched => this.#decisions.merge(records, this.#nowMs)
    return await this.#commits.add(records.length, job, { isDurable: true })
  }

  async lackedIntent(records: readonly IntentRecord[]): Promise<number> {
    return records.filter((record) => this.#intent.lacks(record)).length
  }

  async intents<K extends IntentKind>(
    kind: K,
    after: string,
    limit: number,
  ): Promise<readonly RecordOf<K>[]> {
    return this.#intent.inForce(kind, after, limit)
  }

  async intentSince(revision: number, limit: number): Promise<readonly NumberedRecord[]> {
    return this.#intent.since(revision, limit)
  }

  async intentState(): Promise<IntentState> {
    return this.#intent.state
  }

  async intentSources(): Promise<ReadonlyMap<string, number>> {
    return this.#intent.sources
  }

  async recordIntentSource(logId: string, revision: number): Promise<void> {
    await this.#commits.add(1, () => this.#intent.recordSource(logId, revision))
  }

  async forkIntentLog(): Promise<void> {
    await this.#commits.add(1, () => this.#intent.fork(), { isDurable: true })
  }

  async pruneIntent(): Promise<void> {
    while ((await this.#commits.add(1, () => this.#intent.prune(this.#nowMs))) > 0);
  }

  async forgetReplaced(file: FileKey, contentIds: readonly number[]): Promise<Touched> {
    return await this.#commits.add(1, () => this.#writer.forgetReplaced(file, contentIds))
  }

  async namesakes(name: string, limit: number): Promise<Namesakes> {
    return this.#names.namesakes(name, limit)
  }

  async contents(contentIds: readonly number[]): Promise<readonly StoredContent[]> {
    return this.#reader.contents(contentIds)
  }

  async contentsNamed(name: string, limit: number): Promise<readonly NamedContent[]> {
    return this.#reader.contentsNamed(name, limit)
  }

  soleContent(name: string): NamedContent | undefined {
    return this.#reader.soleContent(name)
  }

  async soleContents(after: string, limit: number): Promise<SolePage> {
    return this.#reader.soleContents(after, limit)
  }

  async contentsHashed(sha256: string): Promise<readonly StoredContent[]> {
    return this.#reader.contentsHashed(sha256)
  }

  async modifiedTimes(rows: readonly ListedName[]): Promise<readonly (number | undefined)[]> {
    return this.#names.modifiedTimes(rows)
  }

  async copiesOf(contentId: number, limit: number): Promise<readonly StoredCopy[]> {
    return this.#reader.copiesOf(contentId, limit)
  }

  async obsoleteCopies(contentId: number, limit: number): Promise<readonly ReplicatedCopy[]> {
    return this.#replicas.obsoleteCopies(contentId, limit)
  }

  async replicasAt(
    contentId: number,
    peerId: string,
    limit: number,
  ): Promise<readonly ReplicatedCopy[]> {
    return this.#replicas.replicasAt(contentId, peerId, limit)
  }

  async replicaContentId(peerId: string, copy: ReplicaVersion): Promise<number | undefined> {
    return this.#replicas.replicaContentId(peerId, copy)
  }

  async obsoleteCopy(peerId: string, copy: ReplicaVersion): Promise<ObsoleteCopy | undefined> {
    return this.#replicas.obsoleteCopy(peerId, copy)
  }

  async versionsNamed(name: string, page: VersionPage): Promise<readonly StoredVersion[]> {
    return this.#versions.versionsNamed(name, page)
  }

  async versionsOf(file: FileKey): Promise<readonly StoredVersion[]> {
    return this.#versions.versionsOf(file)
  }

  async dueReplaced(beforeMs: number, after: FileKey, limit: number): Promise<readonly FileKey[]> {
    return this.#versions.dueReplaced(beforeMs, after, limit)
  }

  async replacedBeyond(bytes: number, count: number): Promise<readonly FileKey[]> {
    return this.#versions.replacedBeyond(bytes, count)
  }

  async trash(after: FileKey, limit: number): Promise<readonly TrashedFile[]> {
    return this.#trash.list(after, limit)
  }

  async trashNamed(name: string, limit: number): Promise<readonly TrashedFile[]> {
    return this.#trash.named(name, limit)
  }

  async oldestTrash(limit: number, beforeMs?: number): Promise<readonly TrashedFile[]> {
    return this.#trash.oldest(limit, beforeMs)
  }

  async purgeTrash(files: readonly FileKey[]): Promise<Touched> {
    const job = (): Touched => this.#writer.purge(files, this.#nowMs)
    return await this.#commits.add(files.length + 1, job, { isDurable: true })
  }

  async goneBeyondMs(count: number): Promise<number> {
    return this.#writer.goneBeyondMs(count)
  }

  async forgetGone(...[page]: Parameters<IndexStore['forgetGone']>): Promise<GoneName | undefined> {
    return await this.#commits.add(page.limit, () => this.#writer.forgetGone(page, this.#nowMs))
  }

  async strays(...request: Parameters<IndexStore['strays']>): Promise<readonly StrayReplica[]> {
    return this.#trash.strays(...request)
  }

  async listNames(from: ListedName, limit: number): Promise<readonly ListedName[]> {
    return this.#names.listNames(from, limit)
  }

  async rowsNamed(from: ListedName, limit: number): Promise<readonly ListedName[]> {
    return this.#names.rowsNamed(from, limit)
  }

  async listFolder(...request: Parameters<IndexStore['listFolder']>): Promise<FolderPart> {
    return this.#folders.list(...request)
  }

  async contentIds(
    of: string | undefined,
    after: string | undefined,
    limit: number,
  ): Promise<IdPage> {
    if (of === undefined) return this.#names.contentIds(after, limit)
    return this.#names.contentIdsOf(of, after, limit)
  }

  async addEvents(events: readonly RecordedEvent[]): Promise<void> {
    // They are a group already.
    await this.#commits.add(limits.announceChangesSent, () => this.#events.add(events, this.#nowMs))
  }

  async events(query: EventQuery): Promise<EventPage> {
    return this.#events.page(query)
  }

  async totals(): Promise<Totals> {
    return this.#sql.totals.get() as Totals
  }

  get #nowMs(): number {
    return Math.round(this.#clock.nowMs())
  }

  /** Commits queued jobs and closes the database. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#database.open) return
    this.#peers.queueUnwritten()
    this.#commits.flush()
    this.#database.close()
    await this.#log?.[Symbol.asyncDispose]()
  }
}

/** When the database was created, by the clock of that time; now, for a new one. */
function createdMsOf(database: Database, nowMs: number): number {
  database.prepare('update totals set created_ms = ? where created_ms = 0').run(Math.floor(nowMs))
  return database.prepare('select created_ms from totals').pluck().get() as number
}
