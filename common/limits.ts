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
  /** Changes per announcement: one short transaction of the index. */
  announceChangesMax: 2_000,
  /** As peers send them: an index applies so many in less than 10 ms, during which nothing else is answered. */
  announceChangesSent: 500,
  /** Unanswered requests per side of a connection; further ones wait at the sender. */
  requestsInFlightMax: 64,
  /** Frames of one connection that are handled before other connections have a turn. */
  framesPerTurn: 128,
  /** Unfinished costly queries of an index, such as searches; each connection has a share. */
  costlyQueriesMax: 256,
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
  /** The latest time of a file: the year 9999, after which dates have other forms. */
  modifiedMsMax: 253_402_300_799_999,
  /**
   * Alternative names tried for a file whose name is in use: more than users ever have of one name.
   */
  placesTriedMax: 10_000,
  /** Files compared with the catalog concurrently: keeps the four threads of Node's pool busy. */
  filesComparedAtOnce: 8,
  /** Files up to this size are hashed in batches, by a thread that does nothing else meanwhile. */
  smallHashBytesMax: 64 * kibibyte,
  /** Paths reported by a watcher; others are found by the next scan. */
  changeHintsMax: 100_000,
  /** Files that cannot be shared, with the reason. */
  fileProblemsMax: 1_000,
  /** Changes written to the catalog per transaction by a scan: about 5 ms. */
  catalogChangesPerTransaction: 256,
  /** Entries of the catalog read at a time, so that memory does not grow with it. */
  catalogRowsPerRead: 1_000,
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
  /**
   * Copies of one peer that are recorded as not proven, 150 bytes each. So many are no accident: none of
   * its copies counts then.
   */
  unprovenPerPeerMax: 100,
  /** Refused processes remembered per peer id: each start of a copy is one. */
  refusedEpochsMax: 16,
  /** Peers in the registry, which lives in memory. */
  peersMax: 10_000,
  /** Peers that `status` mentions. */
  peerNotesMax: 20,
  /** Names of files that the cluster lacks without a peer. */
  safetyNamesMax: 10,
  /** A peer that is away for longer is drained instead. */
  maintenanceMsMax: 24 * 3_600_000,

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
  /** Default unit of file reads. */
  diskReadBytes: mebibyte,

  /**
   * Concurrent reads served by a peer: with fewer, a busy receiver leaves the link idle. The system
   * buffers about another MiB of each.
   */
  uploadsAtOnceMin: 4,
  /** Reads queued at a peer: 20 s at 1 Gbit/s is more than any requester waits. */
  uploadsWaitingMax: 1_024,
  /** Reads queued per peer: those of one connection. */
  uploadsWaitingPerPeerMax: 64,
  /** Reads queued per host, whatever peer ids it claims: those of four peers. */
  uploadsWaitingPerHostMax: 256,
  /**
   * Contents that a peer reports as being downloaded; others are reported when one of these ends.
   */
  unfinishedNamedMax: 64,
  /**
   * Contents reported as being downloaded by all peers together, 1 KiB each; one host at most half
   * of them.
   */
  fetchingNamedMax: 65_536,
  /** Chunks that a source may choose from: twice as many as 8 peers have queued. */
  chunksOfferedMax: 32,

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
  /** The lowest rate limit: eight concurrent readers still exceed the stall threshold. */
  rateBytesPerSecondMin: 50_000,
  /** Rules of a schedule: more than one per half hour of a day. */
  scheduleRulesMax: 64,
  /** Details of a received error; ours have at most four. */
  errorDetailsMax: 8,
  /** A string among them: the longest name twice, or a few sources and their failures. */
  errorDetailCharactersMax: 2_048,
  /**
   * Why a task failed, as reported to the index: one line for users; the index keeps up to 100,000
   * of them.
   */
  taskReasonCharactersMax: 200,
  /** Why an event happened: the longest reason of a task, and an error code before it. */
  eventReasonCharactersMax: 300,
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
  /** Copies of a file: more protect no better, and each costs all of its bytes. */
  replicationFactorMax: 16,
  /** Names of one content matched against the rules, per reading; one with more gets the highest factor. */
  namesPerFactor: 64,
  /** Replication rules: every judged name is matched against all of them. */
  replicationRulesMax: 200,
  /**
   * Unshared files in the intent log, and as many that were shared again: 150 bytes each on the
   * index and on each peer. Beyond it the peers forget the oldest.
   */
  unsharedRecordsMax: 500_000,
  /** Deleted files in the intent log, as above. */
  trashRecordsMax: 200_000,
  /**
   * Names that their owners removed, which the index remembers for months: 200 bytes each. Beyond it
   * the oldest are forgotten, unless a copy could restore them.
   */
  goneNamesMax: 1_000_000,
  /** Decisions that a peer keeps for its index: those of all kinds, and the revoked ones. */
  intentRecordsMax: 1_500_000,
  /** Decisions per message between index and peer: a third of a frame with names of 200 bytes. */
  intentRecordsPerPage: 1_000,
  /** The key of a decision: a peer id, a slash and a name, or a pattern. */
  intentKeyMax: 1_100,
  /** The value of a decision, as JSON. */
  intentValueMax: 4_096,
  /** Owners of a content that placement excludes; a content with more has enough copies. */
  ownersPerContentMax: 64,
  /** Sources listed per task. */
  sourcesPerTaskMax: 8,

  /** Pairs of peers listed in the plan of a rebalance. */
  rebalanceFlowsMax: 256,

  /** Contents that the index reads and judges per turn of its event loop: about 5 ms. */
  contentsPerSlice: 500,

  /** Maximum of the limit on concurrent downloads: each has buffers of at most 16 MiB. */
  downloadsAtOnceMax: 64,
  /** Queued and running downloads. */
  downloadsActiveMax: 10_000,
  /** Rules of `follow`: each is compared with the whole index. */
  followRulesMax: 100,
  /** Newest files that a rule of `follow` keeps: as many names are held in memory. */
  followedNewestMax: 10_000,
  /** Files that a new peer fetches by itself. */
  autoFetchMax: 1_000,

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
  /**
   * WebDAV requests that are running; a single host may have half of them. A file manager sends a few at a
   * time.
   */
  davRequestsMax: 128,
  /** Requests of one other machine in ten seconds: a tenth of what a core can answer. */
  httpRequestsOfHostMax: 10_000,
  /**
   * The same on loopback: five times what a core can answer, so that only a mistake, such as a loop
   * without an end over many connections, is slowed down.
   */
  httpRequestsOfLoopbackMax: 500_000,
  /** Hosts whose requests are counted: 100 bytes each. */
  httpHostsMax: 4_096,
  /** Unread replies of all connections: beyond it the largest are disconnected. */
  httpUnreadBytesMax: 32 * mebibyte,
  /** A reply read by a client: all peers of a full registry, or a page of names. */
  httpReplyBytesMax: 16 * mebibyte,

  /** Open pages of one peer: under its share of the running requests that one host may have. */
  liveClientsMax: 200,
  /** Unread events of one page: more than the rows of 10,000 peers. */
  liveClientBytesMax: 8 * mebibyte,
  /** Unread events of all pages together; most are the same bytes in memory. */
  liveBytesMax: 64 * mebibyte,

  /** A peer id, or the address of a client, in the history. */
  partyCharactersMax: 300,
  /** Sources listed per transfer in the history, those with the most bytes. */
  transferSourcesMax: 16,
  /** Addresses listed per lookup in the history. */
  queryAddressesMax: 8,
  /** Transfers in progress that a peer lists: a frame with the longest names. */
  runningTransfersMax: 500,

  /** Members of a mesh that a peer knows, gone ones included: 1 KiB each, and 90 bytes of a digest. */
  meshMembersMax: 4_096,
  /** Records of members per gossip: 10 KiB of usual ones, and the longest fit in a request. */
  meshNewsMax: 32,
  /** Records of members in a reply: the longest fit in a frame. */
  meshRecordsMax: 512,
  /** A datagram that announces a member: 200 bytes with the longest id, and room for later fields. */
  discoveryBytesMax: 512,
  /** Contents per question which copies a member has: 17 KiB. */
  copiesAskedMax: 256,
  /** Copies in the answer: those with the longest names fit in a frame. */
  copiesToldMax: 384,
  /** Times that a query of a mesh is passed on: with 4 members each, nearly all of 4,096 hear it. */
  queryTtlMax: 7,
  /** Files that one member tells in a query hit. */
  queryHitFilesMax: 32,
  /** Programs that take part in a mesh through one peer. */
  meshProgramsMax: 64,
  /** Files that a program may tell; one that has more answers queries. With the longest names 64 MiB in all. */
  programFilesMax: 1_000,
  /** Files in one heartbeat of a program: a body has 16 KiB. */
  programFilesTold: 128,
  /** Queries that programs have been asked, and may answer. */
  programQueriesMax: 1_000,
  /** Members that a program is told of when it joins. */
  membersToldMax: 32,
  /** Groups of members that a digest tells apart: at 1,000 members a difference costs 1 KiB. */
  meshBuckets: 64,

  /** Members that are revoked: with the longest ids 400 KiB in a trust document. */
  revocationsMax: 4_096,
  /** A signed trust document, as text. */
  trustBytesMax: 512 * kibibyte,
  /** Join tokens with which processes can join: far more than people keep apart. */
  openTokensMax: 500,
  /** The same with those that have ended: a list of them has 200 KiB. */
  joinTokensMax: 1_000,
  /** How long a join token may be valid. */
  joinTokenMsMax: 3_660 * 86_400_000,
  /** Members that join with one token: all of them fit into the list of revoked ones several times. */
  membersPerTokenMax: 1_000,
  /** A certificate request or a chain of certificates, PEM. */
  certificateBytesMax: 16 * kibibyte,
  /** Connections in their handshakes: at 1 ms each a cluster of 1,000 peers is back in a second. */
  handshakesMax: 1_024,
  /** Names under which a member is reached over HTTPS. */
  certificateNamesMax: 8,

  /** Lines of the prompt's history: more than users scroll back. */
  historyLinesMax: 1_000,
} as const

/** Timeouts and intervals, in milliseconds. */
export const deadlines = {
  /**
   * Members of a mesh order what they say by their clocks. One that is a day ahead is wrong: a claim from
   * beyond could not be contradicted for long.
   */
  clockAheadMsMax: 24 * 3_600_000,
  /** A clock that is so much ahead is worth a warning: its decisions win over later ones. */
  clockAheadNoticeMs: 600_000,
  /** TCP connect on a LAN takes well under a millisecond; two SYN retries take 3 s. */
  dialMs: 5_000,
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
   * Interval of checking a fetch: whether a source is slow, or a last chunk should be requested
   * elsewhere.
   */
  fetchLookMs: 250,
  /** Time constant of a source's speed: older data hardly counts. */
  sourceSpeedMs: 2_000,
  /** A partial source without news is asked again after this. */
  partialSourceMs: 1_000,
  /** A request for more chunks than known is answered after this, even if there are none. */
  chunksWaitMs: 5_000,
  /** A request for changes of the index is answered after this, even if there are none. */
  changesWaitMs: 20_000,
  /** From opening a connection to the end of its HTTP headers. */
  httpHeadersMs: 10_000,
  /**
   * How long `push --wait` waits for the copies: longer than `settleMs`, a grace and copying a
   * large file on a LAN.
   */
  pushCopiesMs: 300_000,
  /** A connection without traffic. Peers send heartbeats far more often. */
  connectionIdleMs: 120_000,
  /** More frequent heartbeats would keep both sides busy with nothing else. */
  heartbeatMinMs: 10,
  /** Two of them within `connectionIdleMs`, or a healthy connection would be considered dead. */
  heartbeatMaxMs: 60_000,
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
  /** Graceful close: running requests may take this long before the socket is destroyed. */
  closeMs: 1_000,
} as const
