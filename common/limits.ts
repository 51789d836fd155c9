/**
 * The limits on input from outside, and the constants that several modules share, each with the reason
 * for its value. Sizes are checked before memory is allocated. A constant with a single user stands there.
 */

const kibibyte = 1024
const mebibyte = 1024 * kibibyte

export const limits = {
  /**
   * A control frame's body: about 2,000 announced files or 4,000 search rows; anything larger is
   * bulk.
   */
  frameBodyBytesMax: mebibyte,
  /**
   * A request frame, unless it lists a peer's files or tasks: three times the longest, a read of
   * 256 contents. A queued request takes about 15 times as much as JavaScript values.
   */
  requestBytesMax: 64 * kibibyte,
  /**
   * Announcements are split into frames of about this size, so that a slow index never holds one
   * frame for long.
   */
  announceFrameBytesTarget: 256 * kibibyte,
  /** Changes per announcement: one short transaction of the index. */
  announceChangesMax: 2_000,
  /** Unanswered announcements of a peer: the next ones are sent while the index writes. */
  announcementsInFlightMax: 4,
  /** Unanswered requests per side of a connection; further ones wait at the sender. */
  requestsInFlightMax: 64,
  /** Concurrent connections of an index or a peer. Each costs about 20 KiB when idle. */
  connectionsMax: 4_096,
  /** Further connections kept open to tell them so; others are closed silently. */
  connectionsTurnedAwayMax: 64,
  /**
   * Memory of a server for all connections together: incoming frames, running requests, queued
   * output.
   */
  budgetBytesMax: 128 * mebibyte,
  /**
   * Beyond it, which small requests of thousands of connections can reach, the largest holders are
   * disconnected.
   */
  budgetHardBytesMax: 192 * mebibyte,
  /** Guaranteed to each connection: a small request never waits. */
  budgetOwnBytes: 16 * kibibyte,
  /** A slower receiver has stalled: a read of one chunk would take four minutes. */
  sendBytesPerSecondMin: 4 * kibibyte,

  /** A peer id is typed by users and becomes a folder name. */
  peerIdBytesMax: 64,
  /** A zone, a host name: DNS allows 253 characters. */
  hostBytesMax: 253,
  /** A name, far below PATH_MAX (4,096). */
  nameBytesMax: 1_024,
  /** One segment of a name: NAME_MAX of ext4, XFS, APFS and NTFS. */
  nameSegmentBytesMax: 255,
  /**
   * Alternative names tried for a file whose name is in use: more than users ever have of one name.
   */
  placesTriedMax: 10_000,
  /** Files compared with the catalog concurrently: keeps the four threads of Node's pool busy. */
  filesComparedAtOnce: 8,
  /**
   * Files flushed concurrently: they share the file system's journal writes, and take a seventh of
   * the time.
   */
  filesFlushedAtOnce: 8,
  /** Files of a folder per page of a scan: about 5 ms. */
  filesPerWalkPage: 512,
  /** Files up to this size are hashed in batches, by a thread that does nothing else meanwhile. */
  smallHashBytesMax: 64 * kibibyte,
  /** Numbers of entries read at a time by a scan: about 3 ms. */
  seqsPerRead: 10_000,
  /** Folders reported by a watcher; beyond that everything is scanned. */
  folderHintsMax: 1_000,
  /** Files known to be still written; others are found quiet by a later scan. */
  filesSettlingMax: 100_000,
  /** Paths reported by a watcher; others are found by the next scan. */
  changeHintsMax: 100_000,
  /**
   * Events reported together: half of the system's queue (fs.inotify.max_queued_events), beyond
   * which it may have dropped some.
   */
  watchEventsTold: 8_192,
  /**
   * Files written by this peer whose events are still expected: more than it writes before they
   * arrive.
   */
  ownWritesRemembered: 16_384,
  /** Files that cannot be shared, with the reason. */
  fileProblemsMax: 1_000,
  /** Changes written to the catalog per transaction by a scan: about 5 ms. */
  catalogChangesPerTransaction: 256,
  /** Entries of the catalog read at a time, so that memory does not grow with it. */
  catalogRowsPerRead: 1_000,
  /**
   * Folders judged as a whole: roots and the mounts below them; further mounts count as parts of
   * their parents.
   */
  guardedFoldersMax: 64,
  /** Files that identify a folder: enough to notice that half of them are missing. */
  filesSampled: 64,
  /** Files of one content offered for reading; others are used when these are gone. */
  localCopiesMax: 16,
  /** A search pattern. */
  queryBytesMax: 1_024,
  /**
   * Rows per page of a search or listing. A row is at most about 1.5 KiB of JSON unless its name is
   * escaped.
   */
  pageRowsMax: 500,
  /** Files per page of a match: a third of a frame with the names and sources of most clusters. */
  matchedFilesMax: 1_000,
  /**
   * Contents in the reply for one name. Beyond it the oldest with the fewest copies are omitted.
   */
  contentsPerNameMax: 100,
  /** Versions listed per name, of all its owners: a sixth of a frame with the longest ids. */
  versionsListedMax: 200,
  /** Sources listed per content; a fetch uses a few of them. */
  sourcesPerContentMax: 50,
  /** Copies in doubt that the index remembers: 200 bytes each. */
  doubtsMax: 10_000,
  /** Copies that one host may doubt at a time: a liar excludes no more from the count. */
  doubtsPerHostMax: 32,
  /** Files queued to be verified, and recently verified ones remembered. */
  verifiedWaitingMax: 1_000,
  /** Refused processes remembered per peer id: each start of a copy is one. */
  refusedEpochsMax: 16,
  /** Peers in the registry, which lives in memory. */
  peersMax: 10_000,

  /** The smallest chunk: 0.5 ms to hash, 10 ms at 100 MB/s. */
  chunkBytesMin: mebibyte,
  /** Chunks per content: its chunk list is then at most 512 KiB. */
  chunksMax: 16_384,
  /** The largest content: chunk sizes stay below 1 GiB. */
  contentBytesMax: 2 ** 43,
  /** Small contents (one chunk) per read: with a round trip each, latency would dominate. */
  contentsPerReadMax: 256,
  /** Bytes of contents per such read: the requester holds them in memory. */
  contentsReadBytesMax: 4 * mebibyte,
  /** Memory per content in a queued reply to such a read: the path of its file. */
  contentWaitingBytes: 640,
  /** Small contents read at a time for a host that has used its share of `budgetBytesMax`. */
  smallReadBytesMin: 64 * kibibyte,
  /**
   * Such reads in flight per page of a group: with 50 ms of latency, 1,024 files cost one round
   * trip.
   */
  smallReadsAtOnce: 4,
  /** Pages of a group processed concurrently: one is listed while another is fetched. */
  groupPagesAtOnce: 2,
  /** Multi-chunk files of a group fetched concurrently per page. */
  groupLargeAtOnce: 2,
  /**
   * Files of a group without a source that are looked up individually; with more the whole group is
   * listed again.
   */
  groupWaitingMax: 1_000,
  /** Failed files that a group names; users read no more. */
  groupFailuresNamed: 50,
  /** Default unit of file reads. */
  diskReadBytes: mebibyte,

  /**
   * Bytes of a file sent at a time while the next piece is read: keeps the disk ahead of the
   * network, and 64 uploads take 64 MiB.
   */
  sendPieceBytes: 512 * kibibyte,
  /**
   * The same for a host that has used its share of `budgetBytesMax`, for example with stalled
   * readers.
   */
  sendPieceBytesMin: 8 * kibibyte,
  /** Unused files that a serving peer keeps open; 1,024 descriptors is a common limit. */
  idleOpenFilesMax: 64,
  /**
   * Concurrent reads served by a peer: with fewer, a busy receiver leaves the link idle. The system
   * buffers about another MiB of each.
   */
  uploadsAtOnceMin: 4,
  /** The same if receivers are slower than this peer: 10 Gbit/s to links of 100 Mbit/s. */
  uploadsAtOnceMax: 64,
  /** Reads queued at a peer: 20 s at 1 Gbit/s is more than any requester waits. */
  uploadsWaitingMax: 1_024,
  /** Reads queued per peer: those of one connection. */
  uploadsWaitingPerPeerMax: 64,
  /** Reads queued per host, whatever peer ids it claims: those of four peers. */
  uploadsWaitingPerHostMax: 256,
  /** A shorter read bypasses the queue: sending it takes no longer than choosing it. */
  uploadBytesMin: 128 * kibibyte,
  /** Contents whose chunks' send counts a serving peer keeps: at most 4 MiB. */
  contentsCountedMax: 64,
  /**
   * Contents that a peer reports as being downloaded; others are reported when one of these ends.
   */
  unfinishedNamedMax: 64,
  /**
   * Contents reported as being downloaded by all peers together, 1 KiB each; one host at most half
   * of them.
   */
  fetchingNamedMax: 65_536,
  /** Missing chunks, from the first on, among which a download chooses the rarest. */
  swarmWindowChunks: 256,
  /** Chunks that a source may choose from: twice as many as 8 peers have queued. */
  chunksOfferedMax: 32,
  /** Outstanding reads whose chunk the source chooses: one queued while another begins. */
  openReadsMax: 2,
  /** With fewer chunks to choose from, a specific one is requested. */
  chunksOfferedMin: 4,
  /**
   * Already received chunks that a source may choose, besides a quarter of those it delivered: 2 %
   * are usual.
   */
  repeatsMax: 4,

  /**
   * Chunks of one fetch in flight or being verified: 50 ms at 1 Gbit/s from each of two sources.
   */
  fetchWindowBytes: 16 * mebibyte,
  /** Chunks requested from one source at a time: 1 Gbit/s over 100 ms of latency. */
  readsPerSourceMax: 12,
  /**
   * Chunks requested from a slow source, or one of unknown speed: one arrives while the next is
   * queued.
   */
  readsPerSourceMin: 2,
  /** Concurrent sources of one fetch: more connections add no speed. */
  sourcesPerFetchMax: 8,
  /** A source this many times slower than the median yields to a waiting one. */
  slowSourceFactor: 4,
  /**
   * Fewer bytes within `deadlines.bulkStallMs`, plus what is owed, mean that a source has stalled:
   * 4 KiB/s.
   */
  bulkProgressBytesMin: 64 * kibibyte,
  /** Speed at which a source may deliver outstanding requests: 1 MiB/s, a slow busy disk. */
  promisedBytesPerMsMin: 1_024,
  /**
   * Threads that verify and write chunks, for all fetches: one of them does 1 GB/s, and users need
   * the other cores.
   */
  chunkThreadsMax: 2,
  /**
   * Contents from this size on bypass the page cache: there they would evict other data, and cost
   * more than their hash.
   */
  directWriteBytesMin: 128 * mebibyte,
  /**
   * Bytes hashed per step of the hash over a whole content, so that others can use the thread: 2
   * ms.
   */
  digestStepBytes: 4 * mebibyte,
  /** Bytes of a download that a power cut may cost besides those in flight: 0.5 s at 1 Gbit/s. */
  unsyncedBytesMax: 64 * mebibyte,
  /** The lowest rate limit: eight concurrent readers still exceed the stall threshold. */
  rateBytesPerSecondMin: 50_000,
  /** Replication gets 1/16 beside downloads: hardly noticeable, yet it makes progress. */
  replicationShareDivisor: 16,
  /**
   * Bytes per second guaranteed to replication under a limit: two streams of each lane exceed the
   * stall threshold.
   */
  replicationAssuredMin: 25_000,
  /**
   * Bytes per second of replication beside unlimited downloads, which may be slow for their own
   * reasons.
   */
  replicationBesidePeopleMin: 1_000_000,
  /** Rules of a schedule: more than one per half hour of a day. */
  scheduleRulesMax: 64,
  /** Unused connections kept to other peers. */
  idlePeerConnectionsMax: 64,
  /**
   * Pages requested from the index for one page of files that this peer does not hold: 10,000 rows.
   */
  remotePagesPerList: 20,
  /** With less free space a disk counts as full: it may take some small files, and soon none. */
  diskFullBytes: 16 * mebibyte,
  /** The same for small disks, in percent. */
  diskFullPercent: 1,
  /** Details of a received error; ours have at most four. */
  errorDetailsMax: 8,
  /** A string among them: the longest name twice, or a few sources and their failures. */
  errorDetailCharactersMax: 2_048,
  /**
   * Why a task failed, as reported to the index: one line for users; the index keeps up to 100,000
   * of them.
   */
  taskReasonCharactersMax: 200,
  /** Outcomes are added to a report up to this size: half of a request. */
  reportBytesTarget: 32 * kibibyte,
  /** Sources that an error names individually; users read no more. */
  sourcesNamedMax: 5,

  /** Tasks per request: small files are batched, as many as one read requests. */
  tasksPerRequestMax: 256,
  /** Tasks queued at a peer. */
  tasksWaitingMax: 1_024,
  /** Copies per `progress`. */
  progressTasksMax: 64,
  /** Owners of one name whose files are unshared together. */
  ownersPerNameMax: 64,
  /**
   * Files unshared by one request to a peer's HTTP API: each flushes the index's disk, shared with
   * others.
   */
  unsharedPerRequestMax: 256,
  /** Concurrent unshares among them: those that arrive together are flushed together. */
  unsharesAtOnce: 64,
  /** Owners of a content that placement excludes; a content with more has enough copies. */
  ownersPerContentMax: 64,
  /** Sources listed per task. */
  sourcesPerTaskMax: 8,

  /** Contents that the index reads and judges per turn of its event loop: about 5 ms. */
  contentsPerSlice: 500,

  /** Concurrent tasks of a peer with a small content (one chunk): a batch of the index. */
  smallTasksAtOnce: 256,
  /** Concurrent tasks of a peer per lane of larger contents. */
  largeTasksAtOnce: 1,
  /** Finished downloads that a peer's HTTP API lists. */
  downloadsRemembered: 1_000,
  /**
   * Downloads without a source, in addition to running ones: each keeps its buffers, at most 16
   * MiB.
   */
  downloadsStarvedMax: 64,
  /** Maximum of the limit on concurrent downloads: each has buffers of at most 16 MiB. */
  downloadsAtOnceMax: 64,
  /** Queued and running downloads. */
  downloadsActiveMax: 10_000,

  /** A JSON body of the peer's HTTP API: a name and a hash, escaped. */
  httpBodyBytesMax: 16 * kibibyte,
  /** Connections of an HTTP server; its users are on the same machine. */
  httpConnectionsMax: 1_024,
  /** The headers of a request: Node's own limit. */
  httpHeaderBytesMax: 16 * kibibyte,
  /** Unanswered requests of a connection: one that sends more is disconnected. */
  httpPipelinedMax: 32,
  /**
   * Running requests; a single host may have half of them. Most are waiting, for example for a
   * download.
   */
  httpRequestsMax: 512,
  /** Unread replies of all connections: beyond it the largest are disconnected. */
  httpUnreadBytesMax: 32 * mebibyte,
  /** A reply read by a client: all peers of a full registry, or a page of names. */
  httpReplyBytesMax: 16 * mebibyte,

  /** Lines of the prompt's history: more than users scroll back. */
  historyLinesMax: 1_000,
  /** A longer line is not kept; the longest command has one quoted name. */
  historyLineCharactersMax: 4_096,
} as const

/** Timeouts and intervals, in milliseconds. */
export const deadlines = {
  /**
   * Checking a folder: a sleeping network disk wakes in this time; one that hangs must not block
   * other copies.
   */
  folderLookMs: 5_000,
  /** TCP connect on a LAN takes well under a millisecond; two SYN retries take 3 s. */
  dialMs: 5_000,
  /** A file that was just verified is not verified again for this long. */
  verifyPauseMs: 60_000,
  /** From an accepted connection to its hello; a silent port scanner is gone after this. */
  helloMs: 5_000,
  /** A control request, unless the caller says otherwise. */
  requestMs: 10_000,
  /**
   * A request without memory for its answer is refused after this: before the other side's
   * `requestMs`.
   */
  budgetWaitMs: 8_000,
  /** For receiving a frame, plus its bytes' time at `limits.sendBytesPerSecondMin`. */
  frameMs: 15_000,
  /** A connection without traffic for this long is evicted for a new one if the server is full. */
  slotIdleMs: 1_000,
  /** A bulk reply without a byte for this long has stalled. */
  bulkStallMs: 15_000,
  /**
   * Until the reply to a read: the slowest source that is no stall needs this long for twice its
   * outstanding chunks.
   */
  readMs: 1_920_000,
  /**
   * An index that lost its disk learns of most files within seconds; a content unlisted for this
   * long is gone.
   */
  contentGoneMs: 60_000,
  /** Abandoned partial data is kept for a week. */
  partialKeptMs: 604_800_000,
  /** Interval of removing older partial data: rare enough to be free. */
  partialCleanMs: 3_600_000,
  /**
   * Interval of checking a fetch: whether a source is slow, or a last chunk should be requested
   * elsewhere.
   */
  fetchLookMs: 250,
  /** Time constant of a source's speed: older data hardly counts. */
  sourceSpeedMs: 2_000,
  /** A new source is compared with others only after this. */
  sourceTrialMs: 5_000,
  /** A partial source without news is asked again after this. */
  partialSourceMs: 1_000,
  /**
   * From placing small files to flushing their marks: far less than the 5 s after which ext4 has
   * their names on disk.
   */
  marksDelayMs: 100,
  /**
   * From placing small files to flushing them: Linux writes everything within 30 s, so that little
   * is left.
   */
  flushDelayMs: 60_000,
  /** A request for more chunks than known is answered after this, even if there are none. */
  chunksWaitMs: 5_000,
  /** Chunks that arrive within this time are reported together. */
  chunksGroupMs: 20,
  /** A queued read is answered with BUSY after this: before the other side's `bulkStallMs`. */
  uploadQueueMs: 5_000,
  /** A read that has waited this long precedes those of rarer chunks. */
  uploadOverdueMs: 2_000,
  /** Send counts are reset if none of a content was requested for this long: a swarm has ended. */
  sendCountsMs: 2_000,
  /** A faster read allows more concurrent ones: 1 MiB at 60 Mbit/s. */
  uploadFastMs: 150,
  /** Slower reads reduce the number of concurrent ones. */
  uploadSlowMs: 700,
  /** A slower read yields its slot to the next one: its receiver is slow. */
  uploadSlotMs: 1_000,
  /**
   * From the start of a fetch to asking for other downloaders: all that started together have
   * reported by then.
   */
  swarmQuestionMs: 50,
  /** A busy source is asked again after this. */
  sourceBusyMs: 250,
  /** A source that was busy for this long counts as failed. */
  sourceBusyMaxMs: 60_000,
  /** A file unread for this long is closed; a fetch requests its next chunk within milliseconds. */
  openFileIdleMs: 10_000,
  /**
   * An unused connection to another peer is closed; shorter than `connectionIdleMs`, so that the
   * peer does not close it under a request.
   */
  peerConnectionIdleMs: 30_000,
  /** A failed address is not dialled again for this long. */
  dialFailureMs: 2_000,
  /** An index away for less than this may be restarting: commands wait for it. */
  indexWaitMs: 2_000,
  /** How long a command waits for an index that has been away for longer: one more attempt. */
  indexRetryMs: 300,
  /** From opening a connection to the end of its HTTP headers. */
  httpHeadersMs: 10_000,
  /** Until `/healthz` has measured the disk: half of a container health check's timeout, 3 s. */
  healthMs: 1_500,
  /**
   * How long `push --wait` waits for the copies: longer than `settleMs`, a grace and copying a
   * large file on a LAN.
   */
  pushCopiesMs: 300_000,
  /** Interval of checking the number of copies. */
  pushPollMs: 200,
  /**
   * A request to the peer's HTTP API: longer than `requestMs`, so that the peer can report its own
   * timeout.
   */
  httpRequestMs: 15_000,
  /** Names for Tab: users who wait longer continue typing. */
  completionMs: 1_500,
  /** A connection without traffic. Peers send heartbeats far more often. */
  connectionIdleMs: 120_000,
  /** More frequent heartbeats would keep both sides busy with nothing else. */
  heartbeatMinMs: 10,
  /** Two of them within `connectionIdleMs`, or a healthy connection would be considered dead. */
  heartbeatMaxMs: 60_000,
  /** A staged copy that was not written for this long was left by a process that ended. */
  leftoverKeptMs: 86_400_000,
  /** For moving one file into its place: a disk that takes longer does not respond at all. */
  folderQueueMs: 60_000,
  /** First delay before resending an announcement that the index could not write. */
  announceAgainFirstMs: 500,
  /** Maximum of that delay. */
  announceAgainMaxMs: 15_000,
  /** No peer had space; files may have been deleted by then. */
  noSpaceRetryMs: 15_000,
  /** A batch of tasks without progress for this long is given up. */
  taskMs: 60_000,
  /** Interval of checking a batch, and of its progress reports. */
  taskLookMs: 5_000,
  /**
   * Changes within this time are announced together: saving a folder of files causes one
   * announcement.
   */
  announceGroupMs: 25,
  /** Delay before retrying a failed report of current downloads. */
  tellAgainMs: 1_000,
  /** A stopping peer tells the index, if the index answers within this time. */
  leaveMs: 500,
  /** Graceful close: running requests may take this long before the socket is destroyed. */
  closeMs: 1_000,
} as const
