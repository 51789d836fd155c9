import type {
  Content,
  CopyKind,
  ReplicaVersion,
  RequestOf,
} from '../../common/protocol/messages.ts'
import type { NewEvent, RecordedEvent } from '../events/event.ts'
import type { EventPage, EventQuery } from './event-table.ts'
import type { Decision, IntentKind, IntentRecord, RecordOf } from './intent-kinds.ts'
import type { IntentState, NumberedRecord } from './intent-log.ts'
import type { ProofRecords } from './proof-records.ts'

/** How a peer ended: it sent `leave`, or it was silent for too long. */
export type Gone = 'left' | 'dead'

export interface PeerRecord {
  readonly peerId: string
  readonly host: string
  readonly port: number
  readonly zone: string | undefined
  readonly freeBytes: number
  readonly copies: number
  readonly bytes: number
  readonly replicas: number
  readonly replicaBytes: number
  /** Wall time of the last recorded sign of life. */
  readonly heardMs: number
  readonly gone: Gone | undefined
}

export type Registration = Pick<PeerRecord, 'peerId' | 'host' | 'port' | 'zone' | 'freeBytes'> & {
  readonly epoch: string
  /** The run whose changes this one continues, and how many of them it provably has. */
  readonly continues?: { readonly epoch: string; readonly lastSeq: number } | undefined
  /** The identity to bind its id to, if it is not bound yet. */
  readonly identity?: string | undefined
  readonly heardMs: number
}

/** How many copies and bytes a peer holds. */
export interface Holdings {
  readonly copies: number
  readonly bytes: number
  /** Those that it keeps for the cluster. */
  readonly replicas: number
  readonly replicaBytes: number
}

export type Announcement = RequestOf<'announce'> & { readonly peerId: string }

/** What a write changed: cached data about these is stale. */
export interface Touched {
  readonly contentIds: readonly number[]
  /** One may be among them several times. */
  readonly names: readonly string[]
  /** Files with a new replaced version. */
  readonly replaced: readonly FileKey[]
  /** Decisions that were added to the intent log. */
  readonly intent: readonly IntentRecord[]
  /** Whether replicas have become stray. */
  readonly hasStrays: boolean
  /** What owners did to their files. */
  readonly events: readonly NewEvent[]
}

export interface Announced extends Touched {
  readonly seenSeq: number
  readonly holdings: Holdings
}

/** A step of forgetting a peer. */
export interface Forgotten extends Touched {
  /** The number of copies, or files, removed. */
  readonly removed: number
  /** Where the next step begins, if more follow. */
  readonly next: string | undefined
}

/** A peer that has a content, once per kind of copy. */
export interface Holder {
  readonly peerId: string
  readonly kind: CopyKind
  /**
   * Whether a requester received wrong bytes of it and the peer has not announced it since: it does
   * not count.
   */
  readonly isDoubted?: true
  /** Whether that is because the peer has failed to prove it. */
  readonly isUnproven?: true
}

export interface FileKey {
  readonly owner: string
  readonly name: string
}

/** A name that its owner removed, and when. */
export interface GoneName extends FileKey {
  readonly goneMs: number
}

export interface ReplicatedCopy extends FileKey {
  readonly peerId: string
}

/** Everything that lists or hides a name. */
export interface Namesakes {
  readonly owners: readonly string[]
  readonly unsharedBy: readonly string[]
  /** Whether a peer downloaded it and none has unshared it: that alone keeps it listed. */
  readonly isListedByDownloads: boolean
}

/** A replicated copy that its file does not need. */
export interface ObsoleteCopy {
  readonly contentId: number
  /** The file's content instead; undefined if it was unshared. */
  readonly successorId: number | undefined
}

/** A content that a file has, or had and that is kept. */
export interface StoredVersion {
  readonly owner: string
  readonly content: StoredContent
  readonly modifiedMs: number
  /** When the index learned that the file has other content; undefined for the current one. */
  readonly replacedMs: number | undefined
}

/** Where a version is among those of its name. */
export interface VersionKey extends Pick<StoredVersion, 'owner' | 'replacedMs'> {
  readonly contentId: number
}

export interface VersionPage {
  readonly limit: number
  readonly after?: VersionKey | undefined
  /** Only versions with this content. */
  readonly sha256?: string
}

/** A deleted file whose content is kept. */
export interface TrashedFile extends FileKey {
  readonly content: StoredContent
  readonly modifiedMs: number
  /** When its owner deleted it, by the owner's clock, and when the index learned of it. */
  readonly deletedMs: number
  readonly trashedMs: number
}

/** A replicated copy that its file does not need, of a content that another file has. */
export interface StrayReplica extends FileKey {
  /** Orders those of a peer, together with `version`. */
  readonly place: number
  /** The content's hash if the peer keeps it beside a copy of other content of its file. */
  readonly version: string
  readonly sha256: string
  /** The file that has the content. */
  readonly to: FileKey
}

/** A content with what replication and lookups need. */
export interface StoredContent extends Content {
  readonly contentId: number
  readonly holders: readonly Holder[]
  /** One of the files that have it; undefined if it is not wanted. */
  readonly file: FileKey | undefined
  /** How many copies it should have: the most that one of its files wants. */
  readonly factor: number
  /** Whether it is wanted only because its files are in the trash. */
  readonly isTrashed: boolean
  /** The owners of such files, each once, at most `limits.ownersPerContentMax`. */
  readonly owners: readonly string[]
}

export interface NamedContent extends StoredContent {
  /** The file's modification time, according to its newest announcer. */
  readonly modifiedMs: number
}

/** One row of the list of all names: sorted by name, then by content. */
export interface ListedName {
  readonly name: string
  readonly contentId: number
}

/**
 * Some children of a folder, sorted by name, folders as if their names ended with `/`: a file with
 * its contents, newest first, or a folder, whose name ends with `/`.
 */
export interface FolderPart {
  readonly children: readonly {
    readonly name: string
    readonly contents?: readonly NamedContent[]
  }[]
  /** Where the next part begins; undefined at the end. */
  readonly next: string | undefined
}

export interface StoredCopy extends Holder {
  readonly name: string
  /** Its bytes are no longer the content, as its peer found: it is no holder. */
  readonly damaged?: true
}

export interface Totals {
  readonly names: number
  readonly contents: number
  /** Contents that some file has. */
  readonly wanted: number
  readonly copies: number
  /** Bytes of all contents, each counted once. */
  readonly bytes: number
  /** Files in the trash, and their bytes. */
  readonly trashFiles: number
  readonly trashBytes: number
}

/** A page of names, each with its only content, and after which name the next one begins, if any. */
export interface SolePage {
  readonly named: readonly { readonly name: string; readonly content: NamedContent }[]
  readonly next: string | undefined
}

/** A page of content ids and where the next one begins, if any. */
export interface IdPage {
  readonly contentIds: readonly number[]
  readonly next: string | undefined
}

/**
 * The persistent state of the index, and the seam for a database shared by several index servers.
 * Names and peer ids must be validated. Every method throws AppError DISK_FAILED if the database
 * cannot be written; nothing has changed then. Fractional times are rounded down.
 */
export interface IndexStore extends AsyncDisposable {
  /** What peers have proven. */
  readonly proofs: ProofRecords
  peers(): Promise<readonly PeerRecord[]>
  /**
   * Records a peer that said hello. `seenSeq` is the last change of its epoch that was seen;
   * changes of the run that it continues count if that run's catalog provably held them, and belong
   * to the new epoch from then on. Otherwise `seenSeq` is 0: the index needs the full inventory. An
   * id is bound to the first identity sent with it, durably when this resolves. While the database
   * cannot be written, a peer that it has is registered in memory, and recorded before its next
   * announcement or by {@link probe}; others are refused.
   * @throws AppError PEER_ID_BOUND if the id is bound to another identity
   */
  register(registration: Registration): Promise<{ seenSeq: number; holdings: Holdings }>
  /** The identity that an id is bound to. */
  identityOf(peerId: string): Promise<string | undefined>
  /**
   * Forgets the identity of an id; `onlyIfEmpty`: unless copies, files or unshared names belong to
   * it.
   * @returns whether it was forgotten
   */
  releaseIdentity(peerId: string, options: { onlyIfEmpty: boolean }): Promise<boolean>
  /** Kept in memory, and recorded by {@link probe}, while the database cannot be written. */
  recordGone(peerId: string, gone: Gone, heardMs: number): Promise<void>
  /** Removes at most `limit` copies of a peer that does not return; its files stay. */
  forgetCopies(peerId: string, limit: number): Promise<Forgotten>
  /**
   * Of at most `limit` files of an owner, removes those that no peer has, or that another owner
   * shares under the same name. `after` is empty, or the `next` of the step before.
   */
  forgetFiles(owner: string, after: string, limit: number): Promise<Forgotten>
  /**
   * Forgets a peer, unless it has copies. Its other files and its unshared names stay.
   * `releasesId`: durably, with its claim on its id; otherwise with that only if nothing belongs to
   * it.
   */
  forgetPeer(peerId: string, options: { readonly releasesId: boolean }): Promise<void>

  /**
   * Applies an announcement of a registered peer; resolves when it is committed.
   * @throws AppError SEQUENCE_GAP if it does not continue what was seen
   */
  announce(announcement: Announcement): Promise<Announced>
  /** Removes a file from the cluster: a decision of the kind `unshared`. */
  unshare(file: FileKey): Promise<Touched>
  /** Undoes an unshare. */
  share(file: FileKey): Promise<Touched>

  /**
   * Records decisions with all that they change, durably when it resolves.
   * @throws AppError INTENT_FULL; none of them is recorded then
   */
  decide(decisions: readonly Decision[]): Promise<Touched>
  /** Takes over those of these decisions, made elsewhere, that are later than its own. */
  mergeIntent(records: readonly IntentRecord[]): Promise<Touched>
  /** How many of these decisions, made elsewhere, {@link mergeIntent} would take over. */
  lackedIntent(records: readonly IntentRecord[]): Promise<number>
  /** Decisions of a kind that are in force, sorted by key, at most `limit` after the key `after`. */
  intents<K extends IntentKind>(
    kind: K,
    after: string,
    limit: number,
  ): Promise<readonly RecordOf<K>[]>
  /** The last decisions on each key, revoked ones too, in the order of their revisions. */
  intentSince(revision: number, limit: number): Promise<readonly NumberedRecord[]>
  intentState(): Promise<IntentState>
  /** Other logs, by id, and up to which revision their records were merged. */
  intentSources(): Promise<ReadonlyMap<string, number>>
  recordIntentSource(logId: string, revision: number): Promise<void>
  /** Names the log anew, because others have later records of the old one. */
  forkIntentLog(): Promise<void>
  /** Forgets old records beyond the bounds of their kinds, in bounded steps. */
  pruneIntent(): Promise<void>

  /**
   * What is known of a name: the owners of its files, and those who unshared theirs, each at most
   * `limit`; whether downloads keep it listed.
   */
  namesakes(name: string, limit: number): Promise<Namesakes>
  /** Allows the copies of replaced versions of a file to be dropped. */
  forgetReplaced(file: FileKey, contentIds: readonly number[]): Promise<Touched>

  /** The contents with these ids that still exist, in any order. */
  contents(contentIds: readonly number[]): Promise<readonly StoredContent[]>
  /** All contents of a name, newest first, at most `limit`. */
  contentsNamed(name: string, limit: number): Promise<readonly NamedContent[]>
  /**
   * The only content of a name that one file alone has, read immediately; undefined if it is not such a name.
   */
  soleContent(name: string): NamedContent | undefined
  /**
   * The next names after `after`, in the order of {@link listNames}, that one file alone has, each with its
   * content; of at most `limit` rows, so that a page may be empty before the end.
   */
  soleContents(after: string, limit: number): Promise<SolePage>
  contentsHashed(sha256: string): Promise<readonly StoredContent[]>
  /** When the file of each row was modified, if it still has the content. */
  modifiedTimes(rows: readonly ListedName[]): Promise<readonly (number | undefined)[]>
  /** Copies of a content, at most `limit`. */
  copiesOf(contentId: number, limit: number): Promise<readonly StoredCopy[]>
  /**
   * At most `limit` replicated copies of a content that their file does not need: it was unshared,
   * or has other content and the version is not kept.
   */
  obsoleteCopies(contentId: number, limit: number): Promise<readonly ReplicatedCopy[]>
  /** At most `limit` replicated copies of a content on one peer. */
  replicasAt(contentId: number, peerId: string, limit: number): Promise<readonly ReplicatedCopy[]>
  /** The content of a peer's replicated copy, if the peer has it. */
  replicaContentId(peerId: string, copy: ReplicaVersion): Promise<number | undefined>
  /** A peer's replicated copy, if it is one that its file does not need. */
  obsoleteCopy(peerId: string, copy: ReplicaVersion): Promise<ObsoleteCopy | undefined>
  /** The versions of a name, current ones first, then the most recently replaced. */
  versionsNamed(name: string, page: VersionPage): Promise<readonly StoredVersion[]>
  /** All versions of one file, in the same order. */
  versionsOf(file: FileKey): Promise<readonly StoredVersion[]>
  /** At most `limit` files after `after` with a version that was replaced by then. */
  dueReplaced(beforeMs: number, after: FileKey, limit: number): Promise<readonly FileKey[]>
  /** Files whose replaced versions exceed `bytes` or `count`. */
  replacedBeyond(bytes: number, count: number): Promise<readonly FileKey[]>
  /** Files in the trash by name, then owner, after `after`, at most `limit`. */
  trash(after: FileKey, limit: number): Promise<readonly TrashedFile[]>
  /** Files in the trash with a name, the most recently deleted first, at most `limit`. */
  trashNamed(name: string, limit: number): Promise<readonly TrashedFile[]>
  /** The files that have been in the trash for longest, at most `limit`; with `beforeMs` since then. */
  oldestTrash(limit: number, beforeMs?: number): Promise<readonly TrashedFile[]>
  /** Removes files from the trash for good, durably when it resolves. */
  purgeTrash(files: readonly FileKey[]): Promise<Touched>
  /** When the name before the last `count` removed ones was removed; 0 if there are no more. */
  goneBeyondMs(count: number): Promise<number>
  /**
   * Of the next `limit` names after `after` that their owners removed by then, forgets those that no
   * copy could restore.
   * @returns the last of them; undefined at the end
   */
  forgetGone(page: {
    readonly beforeMs: number
    readonly after: GoneName
    readonly limit: number
  }): Promise<GoneName | undefined>
  /**
   * At most `limit` stray replicas on a peer whose contents other files have, in the order of their
   * places, after `after`.
   */
  strays(
    peerId: string,
    limit: number,
    after?: Pick<StrayReplica, 'place' | 'version'>,
  ): Promise<readonly StrayReplica[]>
  /** Names from `from` on, without that row itself if `from` was the end of a page. */
  listNames(from: ListedName, limit: number): Promise<readonly ListedName[]>
  /** Those of the rows of {@link listNames} with the name of `from`, after `from`, at most `limit`. */
  rowsNamed(from: ListedName, limit: number): Promise<readonly ListedName[]>
  /**
   * Children of a folder, or of the top if it is empty, after the child `after`, if any. At most
   * `max.children`, and no more than `max.steps` steps are made to find them.
   */
  listFolder(
    folder: string,
    after: string,
    max: { readonly children: number; readonly steps: number },
  ): Promise<FolderPart>
  /** Ids of the contents of one peer (with repetitions), or of all, page by page. */
  contentIds(of: string | undefined, after: string | undefined, limit: number): Promise<IdPage>
  totals(): Promise<Totals>
  /** Adds events to the log, which is bounded by number and age. */
  addEvents(events: readonly RecordedEvent[]): Promise<void>
  /** One page of the log. */
  events(query: EventQuery): Promise<EventPage>
  /** Distinguishes this database from one that replaced it: when it was created. */
  readonly createdMs: number
  /** Whether it is so new that it may replace a lost one. */
  readonly isRecovering: boolean
  /** Checks whether the database can be written, and writes what it could not write before. */
  probe(): Promise<void>
}
