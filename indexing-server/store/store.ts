import type {
  Content,
  CopyKind,
  ReplicaVersion,
  RequestOf,
} from '../../common/protocol/messages.ts'

/** How a peer ended: it said `leave`, or it was silent for too long. */
export type Gone = 'left' | 'dead'

export interface PeerRecord {
  readonly peerId: string
  readonly host: string
  readonly port: number
  readonly zone: string | undefined
  readonly freeBytes: number
  readonly copies: number
  readonly bytes: number
  /** Wall time of the last sign of life that was recorded. */
  readonly heardMs: number
  readonly gone: Gone | undefined
}

export type Registration = Pick<PeerRecord, 'peerId' | 'host' | 'port' | 'zone' | 'freeBytes'> & {
  readonly epoch: string
  /** The run whose changes this one goes on from, and how many of them it provably has. */
  readonly continues?: { readonly epoch: string; readonly lastSeq: number } | undefined
  /** What its id is bound to from now on, if it is not bound yet. */
  readonly identity?: string | undefined
  readonly heardMs: number
}

/** How much a peer holds. */
export interface Holdings {
  readonly copies: number
  readonly bytes: number
}

export type Announcement = RequestOf<'announce'> & { readonly peerId: string }

/** What a write changed: whatever is remembered about these is old. */
export interface Touched {
  readonly contentIds: readonly number[]
  readonly names: readonly string[]
  /** Files that got a replaced version. */
  readonly replaced: readonly FileKey[]
}

export interface Announced extends Touched {
  readonly seenSeq: number
  readonly holdings: Holdings
}

/** A peer that has a content, once for each kind of copy. */
export interface Holder {
  readonly peerId: string
  readonly kind: CopyKind
  /** Whether a requester got wrong bytes of it, and the peer has not announced it since: it does not count. */
  readonly isDoubted?: true
}

export interface FileKey {
  readonly owner: string
  readonly name: string
}

export interface ReplicatedCopy extends FileKey {
  readonly peerId: string
}

/** Everything that makes a name known, or hides it. */
export interface Namesakes {
  readonly owners: readonly string[]
  readonly unsharedBy: readonly string[]
  /** Whether somebody downloaded it while nobody has unshared it: it is found by that alone. */
  readonly isListedByDownloads: boolean
}

/** A replicated copy that its file does not need. */
export interface ObsoleteCopy {
  readonly contentId: number
  /** What the file has instead; undefined when it was unshared. */
  readonly successorId: number | undefined
}

/** A content that a file has, or had before and that is kept. */
export interface StoredVersion {
  readonly owner: string
  readonly content: StoredContent
  readonly modifiedMs: number
  /** When the index learned that the file has other content; undefined of its current one. */
  readonly replacedMs: number | undefined
}

/** A content, and what replication and lookups need to know of it. */
export interface StoredContent extends Content {
  readonly contentId: number
  readonly holders: readonly Holder[]
  /** One of the files that have it; undefined when nobody wants it. */
  readonly file: FileKey | undefined
  /** Whose files have it, each once, at most `limits.ownersPerContentMax`. */
  readonly owners: readonly string[]
}

export interface NamedContent extends StoredContent {
  /** When the file was modified, as its newest announcer says. */
  readonly modifiedMs: number
}

/** One row of the list of all names: sorted by name, then by content. */
export interface ListedName {
  readonly name: string
  readonly contentId: number
}

export interface StoredCopy extends Holder {
  readonly name: string
}

export interface Totals {
  readonly names: number
  readonly contents: number
  /** Contents that some file has. */
  readonly wanted: number
  readonly copies: number
  /** Of all contents, each once. */
  readonly bytes: number
}

/** A page of content ids and where the next one begins, if there is one. */
export interface IdPage {
  readonly contentIds: readonly number[]
  readonly next: string | undefined
}

/**
 * What the index knows, the seam for a database that several index servers share. Names and peer
 * ids must have been checked. Every method throws AppError DISK_FAILED when the database cannot be
 * written; nothing has changed then. Times may have fractions, which are rounded off.
 */
export interface IndexStore extends AsyncDisposable {
  peers(): Promise<readonly PeerRecord[]>
  /**
   * Records a peer that said hello. What was seen of its epoch is `seenSeq`; what was seen of the run
   * that it continues counts when that run's catalog provably held it, and belongs to the new epoch
   * from then on. Otherwise `seenSeq` is 0: the index needs the full inventory. An id is bound to the
   * first identity that comes with it, on disk when this resolves. While the database cannot be
   * written, a peer that it has is registered in memory, and recorded before its next announcement
   * or by {@link probe}; others are refused.
   * @throws AppError PEER_ID_BOUND when the id is bound to another identity
   */
  register(registration: Registration): Promise<{ seenSeq: number; holdings: Holdings }>
  /** What an id is bound to. */
  identityOf(peerId: string): Promise<string | undefined>
  /**
   * Forgets what an id is bound to; `onlyIfEmpty`: unless copies, files or unshared names belong to it.
   * @returns whether it was forgotten
   */
  releaseIdentity(peerId: string, options: { onlyIfEmpty: boolean }): Promise<boolean>
  /** Kept in memory, and recorded by {@link probe}, while the database cannot be written. */
  recordGone(peerId: string, gone: Gone, heardMs: number): Promise<void>
  /** Forgets a peer, unless it has copies. What it owns and what it unshared stays. */
  forgetPeer(peerId: string): Promise<void>

  /**
   * Applies an announcement of a registered peer; resolves when it is committed.
   * @throws AppError SEQUENCE_GAP when it does not continue what was seen
   */
  announce(announcement: Announcement): Promise<Announced>
  /** Takes a file out of the cluster. On disk, whatever happens to the machine, when it resolves. */
  unshare(file: FileKey): Promise<Touched>
  /** Takes an unshare back, as durably. */
  share(file: FileKey): Promise<Touched>
  /** What is known of a name: who has a file of it, who unshared theirs, each at most `limit`; whether downloads keep it listed. */
  namesakes(name: string, limit: number): Promise<Namesakes>
  /** Lets the copies of replaced versions of a file be dropped. */
  forgetReplaced(file: FileKey, contentIds: readonly number[]): Promise<Touched>

  /** The contents with these ids that still exist, in any order. */
  contents(contentIds: readonly number[]): Promise<readonly StoredContent[]>
  /** All contents of a name, newest first, at most `limit`. */
  contentsNamed(name: string, limit: number): Promise<readonly NamedContent[]>
  contentsHashed(sha256: string): Promise<readonly StoredContent[]>
  /** Copies of a content, at most `limit`. */
  copiesOf(contentId: number, limit: number): Promise<readonly StoredCopy[]>
  /** Replicated copies of a content, at most `limit`, that their file does not need: it was unshared, or has other content and the version is not kept. */
  obsoleteCopies(contentId: number, limit: number): Promise<readonly ReplicatedCopy[]>
  /** A peer's replicated copy, if it is one of those. */
  obsoleteCopy(peerId: string, copy: ReplicaVersion): Promise<ObsoleteCopy | undefined>
  /** The versions of a name, current ones first, then the last replaced, at most `limit`. */
  versionsNamed(name: string, limit: number): Promise<readonly StoredVersion[]>
  /** All versions of one file, in the same order. */
  versionsOf(file: FileKey): Promise<readonly StoredVersion[]>
  /** Files after `after`, at most `limit`, with a version that was replaced by then. */
  dueReplaced(beforeMs: number, after: FileKey, limit: number): Promise<readonly FileKey[]>
  /** Files whose replaced versions take more bytes than that, or are more than `count`. */
  replacedBeyond(bytes: number, count: number): Promise<readonly FileKey[]>
  /** Names from `from` on, without that row itself when `from` was the end of a page. */
  listNames(from: ListedName, limit: number): Promise<readonly ListedName[]>
  /** Ids of the contents of one peer (with repetitions), or of all, page by page. */
  contentIds(of: string | undefined, after: string | undefined, limit: number): Promise<IdPage>
  totals(): Promise<Totals>
  /** Tries whether the database can be written, and writes what it could not take before. */
  probe(): Promise<void>
}
