/**
 * Every bound of the system, with the reason for its number. A size that comes from outside is
 * compared with one of these before anything is allocated for it.
 */

const kibibyte = 1024
const mebibyte = 1024 * kibibyte

export const limits = {
  /** A control frame's body. Holds about 2,000 announced files or 4,000 search rows; larger things are bulk. */
  frameBodyBytesMax: mebibyte,
  /**
   * The frame of a request, unless it lists what a peer has or shall do: three times the longest, a read of 256
   * contents. What waits for its answer is in memory as JavaScript values, some 15 times as large.
   */
  requestBytesMax: 64 * kibibyte,
  /** An announcement is cut into frames of about this size, so that a slow index never holds one frame for long. */
  announceFrameBytesTarget: 256 * kibibyte,
  /** Changes in one announcement: one short transaction of the index. */
  announceChangesMax: 2_000,
  /** Announcements that a peer has unanswered: the next ones are on their way while the index writes. */
  announcementsInFlightMax: 4,
  /** Requests that one side of a connection may have unanswered; further ones wait at the sender. */
  requestsInFlightMax: 64,
  /** Connections that an index or a peer serves at once. Each costs about 20 KiB when idle. */
  connectionsMax: 4_096,
  /** Connections beyond them that are open while they are told so; others are closed without a word. */
  connectionsTurnedAwayMax: 64,
  /** Bytes that may wait in a connection's send buffer before its owner stops reading requests: two of the longest frames. */
  sendBufferBytesMax: 2 * mebibyte,
  /** What a server spends on all connections together: frames that come in, requests at work, what waits to be sent. */
  budgetBytesMax: 128 * mebibyte,
  /** Beyond it, which small requests of thousands of connections can reach, the largest holders are cut off. */
  budgetHardBytesMax: 192 * mebibyte,
  /** What each connection may hold of it whatever others hold: a small request never waits. */
  budgetOwnBytes: 16 * kibibyte,
  /** What a request that is being answered holds besides what it says: promises, signals, timers. */
  requestOverheadBytes: 6 * kibibyte,
  /** What the system and Node may read ahead of a connection that is not read from. */
  readAheadBytes: 64 * kibibyte,
  /** A longer frame is sent in parts of this size, so that its receiver is seen to take it. */
  framePartBytes: 64 * kibibyte,
  /** A receiver that takes less in a second has stalled: a read of one chunk would last four minutes. */
  sendBytesPerSecondMin: 4 * kibibyte,
  /** Frames queued behind bulk bytes: the answers and requests of two sides that keep to `requestsInFlightMax`. */
  sendQueueItemsMax: 128,

  /** A peer id is typed by people and becomes a folder name. */
  peerIdBytesMax: 64,
  /** A zone, a host name: DNS allows 253 characters. */
  hostBytesMax: 253,
  /** A name; the same bound as the design's, far below PATH_MAX (4,096). */
  nameBytesMax: 1_024,
  /** One segment of a name; NAME_MAX of ext4, XFS, APFS and NTFS. */
  nameSegmentBytesMax: 255,
  /** Names that are tried for a file where others have its own: more than anybody has of one name. */
  placesTriedMax: 10_000,
  /** Files compared with the catalog at once: keeps the four threads of Node's pool busy. */
  filesComparedAtOnce: 8,
  /** Files that are flushed at a time: they share what the file system writes for each, and take a seventh of the time. */
  filesFlushedAtOnce: 8,
  /** Files of a folder that a scan takes at a time: about 5 ms. */
  filesPerWalkPage: 512,
  /** Files up to this size are read many at a time, by a thread that does nothing else meanwhile. */
  smallHashBytesMax: 64 * kibibyte,
  /** Numbers of entries that a scan reads at a time: about 3 ms. */
  seqsPerRead: 10_000,
  /** Folders that a watcher said to look at; beyond that everything is looked at. */
  folderHintsMax: 1_000,
  /** Files known to be still written; what is beyond is found quiet by a later scan. */
  filesSettlingMax: 100_000,
  /** Paths that a watcher said to look at; what is beyond is found by the next scan. */
  changeHintsMax: 100_000,
  /** Events told together: half of what the system's queue (fs.inotify.max_queued_events) holds, beyond which it may have dropped some. */
  watchEventsTold: 8_192,
  /** Files that this peer wrote itself and is told of by the system: more than it writes before it is told. */
  ownWritesRemembered: 16_384,
  /** Files that cannot be shared, with the reason why. */
  fileProblemsMax: 1_000,
  /** Changes that a scan writes to the catalog in one transaction: about 5 ms. */
  catalogChangesPerTransaction: 256,
  /** Entries of the catalog read at a time, so that memory does not grow with it. */
  catalogRowsPerRead: 1_000,
  /** Folders that are judged as a whole: roots and what is mounted below them; more mounts count as parts of what they are in. */
  guardedFoldersMax: 64,
  /** Files that tell whether a folder is the one that it was: enough to see half of them missing. */
  filesSampled: 64,
  /** Files of one content that are offered for reading; the others are found when these are gone. */
  localCopiesMax: 16,
  /** A search pattern. */
  queryBytesMax: 1_024,
  /** Rows in one page of a search or a listing. A row is at most about 1.5 KiB of JSON unless its name is escaped. */
  pageRowsMax: 500,
  /** Files in one page of a match: with the names and sources of most clusters a third of a frame. */
  matchedFilesMax: 1_000,
  /** Contents that one name may answer. Beyond it the oldest, least copied are left out. */
  contentsPerNameMax: 100,
  /** Versions of one name that are listed, of all its owners: with the longest ids a sixth of a frame. */
  versionsListedMax: 200,
  /** Replaced versions of one file that are kept however small they are: a log that is written every second has thousands. */
  replacedVersionsMax: 100,
  /** Sources named for one content; a fetch uses a few of them. */
  sourcesPerContentMax: 50,
  /** Peers that the index dials back at a time: a blackholed address takes `dialMs`, others a few ms. */
  dialBacksAtOnce: 32,
  /** Copies in doubt that the index remembers: 200 bytes each. */
  doubtsMax: 10_000,
  /** Copies that may be in doubt because of one host at a time: a liar there takes no more out of the count. */
  doubtsPerHostMax: 32,
  /** Files that wait to be read again, and that are remembered to have been. */
  verifiedWaitingMax: 1_000,
  /** Processes that were refused a peer id, remembered per id: each start of a copy is one. */
  refusedEpochsMax: 16,
  /** Peers the registry keeps; it lives in memory. */
  peersMax: 10_000,

  /** The smallest chunk: 0.5 ms to hash, 10 ms at 100 MB/s. */
  chunkBytesMin: mebibyte,
  /** Chunks of a content: its chunk list is then at most 512 KiB. */
  chunksMax: 16_384,
  /** The largest content: chunk sizes stay below 1 GiB. */
  contentBytesMax: 2 ** 43,
  /** Chunks that one read may ask for. */
  chunksPerReadMax: 64,
  /** Small contents (one chunk) that one read may ask for: a round trip for each would be all that they wait for. */
  contentsPerReadMax: 256,
  /** Bytes of contents that such a read may ask for: it is in memory at the side that asked. */
  contentsReadBytesMax: 4 * mebibyte,
  /** What a content holds in a reply to such a read that waits to be sent: the path of its file. */
  contentWaitingBytes: 640,
  /** Small contents read at a time for a host that has used its share of `budgetBytesMax`. */
  smallReadBytesMin: 64 * kibibyte,
  /** Such reads that one page of a group has on their way: 50 ms of delay then cost 1,024 files one wait. */
  smallReadsAtOnce: 4,
  /** Pages of a group of files that are worked on at a time: one is listed while another is fetched. */
  groupPagesAtOnce: 2,
  /** Files of a group with several chunks that one page fetches at a time. */
  groupLargeAtOnce: 2,
  /** Files of a group that wait for a source, asked about one by one; with more of them the whole group is gone through again. */
  groupWaitingMax: 1_000,
  /** Names of failed files that a group remembers; a person reads no more. */
  groupFailuresNamed: 50,
  /** Bytes of a file handled at a time where nothing says otherwise. */
  diskReadBytes: mebibyte,

  /** Bytes of a file sent at a time, while as many are read: a disk is ahead of the network, and 64 uploads take 64 MiB. */
  sendPieceBytes: 512 * kibibyte,
  /** The piece for a host that has used its share of `budgetBytesMax`, as readers do that take nothing. */
  sendPieceBytesMin: 8 * kibibyte,
  /** Memory of one kind of buffers that is kept while nobody uses it. */
  idleBuffersBytesMax: 16 * mebibyte,
  /** Files that a serving peer keeps open while nobody reads them; 1,024 descriptors is a common limit. */
  idleOpenFilesMax: 64,
  /** Reads that a peer answers at once: with fewer, a receiver that is busy leaves the link idle. Systems take another MiB or so of each. */
  uploadsAtOnceMin: 4,
  /** As many as that when the receivers are slower than this peer: 10 Gbit/s to links of 100 Mbit/s. */
  uploadsAtOnceMax: 64,
  /** Reads in line at a peer: 20 s at 1 Gbit/s is more than anybody waits. */
  uploadsWaitingMax: 1_024,
  /** Reads of one peer among them: one connection's worth. */
  uploadsWaitingPerPeerMax: 64,
  /** Reads from one host among them, whatever peers it says it is: as many as of four peers. */
  uploadsWaitingPerHostMax: 256,
  /** A shorter read does not stand in line: sending it takes no longer than choosing it. */
  uploadBytesMin: 128 * kibibyte,
  /** Contents of which a serving peer knows how often it sent each chunk: 4 MiB at most. */
  contentsCountedMax: 64,
  /** Contents that a peer names as being downloaded; others are found when one of these ends. */
  unfinishedNamedMax: 64,
  /** Contents that all peers together name to the index as being downloaded, 1 KiB each; one host at most half of them. */
  fetchingNamedMax: 65_536,
  /** Chunks that have not come, from the first on, among which a download chooses the rarest. */
  swarmWindowChunks: 256,
  /** Chunks that a source may choose from when it sends one: twice as many as 8 peers have in line. */
  chunksOfferedMax: 32,
  /** Reads of which a source has the choice, before it has chosen: one in line while another begins. */
  openReadsMax: 2,
  /** With fewer than that it is asked for a certain one. */
  chunksOfferedMin: 4,
  /** Chunks that a source may choose although they came meanwhile, besides a fourth of what it gave: 2 % are usual. */
  repeatsMax: 4,

  /** Chunks that one fetch has on their way or is checking: 50 ms at 1 Gbit/s from each of two sources. */
  fetchWindowBytes: 16 * mebibyte,
  /** Chunks asked of one source at a time: 1 Gbit/s over 100 ms of delay. */
  readsPerSourceMax: 12,
  /** Chunks asked of a source that is slow, or of unknown speed: one comes, and the next is asked for. */
  readsPerSourceMin: 2,
  /** Sources that one fetch reads from at a time: more connections add no speed. */
  sourcesPerFetchMax: 8,
  /** A source this many times slower than the median of its fellows makes room for one that waits. */
  slowSourceFactor: 4,
  /** A source counts as stalled when not even this much came within `deadlines.bulkStallMs` and what its promise adds: 4 KiB/s. */
  bulkProgressBytesMin: 64 * kibibyte,
  /** A source is given time for what was asked of it at this speed: 1 MiB/s, a slow disk whose head others move. */
  promisedBytesPerMsMin: 1_024,
  /** Threads that check and write chunks, for all fetches: one of them does 1 GB/s, and its user has other things to do. */
  chunkThreadsMax: 2,
  /** Contents from this size on are written past the page cache: there they would push out what others read, and cost more than their hash. */
  directWriteBytesMin: 128 * mebibyte,
  /** Bytes that the hash over a whole content takes a thread for before others have their turn: 2 ms. */
  digestStepBytes: 4 * mebibyte,
  /** Bytes of a download that a power cut may cost besides those in flight: 0.5 s at 1 Gbit/s. */
  unsyncedBytesMax: 64 * mebibyte,
  /** The lowest rate in bytes per second that may be set: eight readers at once still get more than what counts as stalled. */
  rateBytesPerSecondMin: 50_000,
  /** Replication takes one part in so many beside people's downloads: hardly felt, and it goes on. */
  replicationShareDivisor: 16,
  /** Bytes per second that replication is sure of under a rate: two streams of each lane do not count as stalled. */
  replicationAssuredMin: 25_000,
  /** Bytes per second of replication beside people where no rate is set: they may be slow for reasons of their own. */
  replicationBesidePeopleMin: 1_000_000,
  /** Rules of a schedule: one for every half hour of a day, and some. */
  scheduleRulesMax: 64,
  /** Connections kept to other peers while nobody uses them. */
  idlePeerConnectionsMax: 64,
  /** Pages asked of the index for one page of files that this peer does not hold: 10,000 rows looked at. */
  remotePagesPerList: 20,
  /** With less room a disk counts as full: it may take some small files, and soon none. */
  diskFullBytes: 16 * mebibyte,
  /** The same for small disks: so many hundredths of one. */
  diskFullPercent: 1,
  /** Details of an error from outside; ours have at most four. */
  errorDetailsMax: 8,
  /** A text among them: the longest name twice, or a few sources and why each failed. */
  errorDetailCharactersMax: 2_048,
  /** Why a task failed, as a peer tells the index: a person reads one line; the index keeps up to 100,000 of them. */
  taskReasonCharactersMax: 200,
  /** Outcomes are added to a report up to this size: half of what a request may have. */
  reportBytesTarget: 32 * kibibyte,
  /** Sources that an error names one by one; a person reads no more. */
  sourcesNamedMax: 5,

  /** Tasks handed to one peer in one request: small files travel in company, as many as one read asks for. */
  tasksPerRequestMax: 256,
  /** No task is added to a request of this size: half a frame, and a task with the longest name takes a hundredth. */
  taskRequestBytesTarget: 512 * kibibyte,
  /** Bytes of contents in one such request, unless a single content is larger. */
  taskBatchBytesMax: 16 * mebibyte,
  /** Tasks that a peer keeps waiting. */
  tasksWaitingMax: 1_024,
  /** A batch of tasks that is slower than this makes room when others wait: `rateBytesPerSecondMin`, the lowest limit of a peer. */
  taskBytesPerMsMin: 50,
  /** A peer is given time to hash and store a copy at this speed: a disk with other things to do. */
  storedBytesPerMsMin: 20_000,
  /** Copies of which one `progress` tells. */
  progressTasksMax: 64,
  /** Owners of one name whose files are unshared together. */
  ownersPerNameMax: 64,
  /** Files that one request to a peer’s HTTP API unshares: each is a flush of the index’s disk, shared with others. */
  unsharedPerRequestMax: 256,
  /** Of them on their way to the index at a time: what comes together is flushed together. */
  unsharesAtOnce: 64,
  /** Owners of a content that placement passes over: one with more has more copies than it needs. */
  ownersPerContentMax: 64,
  /** Sources named in one task. */
  sourcesPerTaskMax: 8,
  /** Batches of one lane that read from one peer at a time: more would take its disk and network from its users. */
  streamsPerSourceMax: 2,
  /** Contents up to this size are copied beside larger ones: a photo or a song never waits for a disk image. */
  mediumCopyBytesMax: 64 * mebibyte,
  /** Failures of contents at single peers that the index remembers, about 20 MiB; the oldest are forgotten. */
  failedPairsMax: 100_000,
  /** Of one content: a registry of ten thousand peers does not fill the memory with one bad file. */
  failedPairsPerContentMax: 64,
  /** Peers where one content may be failing at a time; then the content itself waits, as it may be to blame. */
  failingPeersAtOnceMax: 16,
  /** So many targets must have failed to read a content from a source before it is the source that waits. */
  sourceAccusersMin: 2,

  /** Contents that the index reads and judges between two turns of its event loop: about 5 ms. */
  contentsPerSlice: 500,
  /** Slices judged before what they found is planned for: about 0.1 s. */
  slicesPerPass: 16,
  /** Contents that one planning pass looks at while peers are free; the others wait for the next. */
  contentsPerPass: 4_000,
  /** Names that a search reads from the database at a time: about 2 ms. */
  namesPerSlice: 2_000,
  /** What SQLite of the index keeps in memory: the inner pages of its trees for a million contents. */
  databaseCacheKibibytes: 32 * kibibyte,
  /** Pages (of 4 KiB) written before they are moved from the log into the database: fewer, larger checkpoints. */
  databaseLogPages: 8_192,
  /** Written to learn whether the database has room: as much as a usual announcement takes. */
  databaseProbeBytes: 65_536,
  /** Registrations and deaths that a full disk kept back, written together: one short transaction. */
  unwrittenPeersPerCommit: 1_000,
  /** Sources in all finished lookups that the index remembers: about 50 MiB. */
  lookupSourcesCached: 250_000,

  /** Tasks with a small content (one chunk) that a peer carries out at once: a batch of the index. */
  smallTasksAtOnce: 256,
  /** Tasks with a larger content of one lane that a peer carries out at once. */
  largeTasksAtOnce: 1,
  /** Finished downloads that a peer remembers for its HTTP API. */
  downloadsRemembered: 1_000,
  /** Downloads that nobody sends anything, beside those that run: each keeps its buffers, 16 MiB at most. */
  downloadsStarvedMax: 64,
  /** Downloads that may be let run at once: each has buffers of 16 MiB at most. */
  downloadsAtOnceMax: 64,
  /** Downloads that wait or run at once. */
  downloadsActiveMax: 10_000,

  /** A JSON body of the peer's HTTP API: a name and a hash, escaped. */
  httpBodyBytesMax: 16 * kibibyte,
  /** Connections to an HTTP server; its users are on the same machine. */
  httpConnectionsMax: 1_024,
  /** The header of a request: Node's own bound. */
  httpHeaderBytesMax: 16 * kibibyte,
  /** Requests of one connection that are not answered: who sends more at a time is cut off. */
  httpPipelinedMax: 32,
  /** Requests at work; one host alone may have half of them. Most of them wait, as for a download. */
  httpRequestsMax: 512,
  /** Replies that were sent and not read, of all connections: beyond it the largest are cut off. */
  httpUnreadBytesMax: 32 * mebibyte,
  /** A reply of it that a client reads: all peers of a full registry, or a page of names. */
  httpReplyBytesMax: 16 * mebibyte,

  /** Lines that the prompt remembers between runs: more than anybody scrolls back to. */
  historyLinesMax: 1_000,
  /** A longer line is not remembered; the longest command has one name, quoted. */
  historyLineCharactersMax: 4_096,
} as const

/** How long each kind of wait may take, in milliseconds. */
export const deadlines = {
  /** Looking at a folder: a network disk that sleeps wakes in this time; one that hangs must not hold up a copy to another. */
  folderLookMs: 5_000,
  /** TCP connect on a LAN takes well under a millisecond; two SYN retries take 3 s. */
  dialMs: 5_000,
  /** A registered peer that does not answer a probe for so long has lost its id to the one that says hello; within that one's `dialMs`. */
  probeMs: 3_000,
  /** A peer that was just dialled back is not dialled again for so long, however many say that they cannot reach it. */
  dialBackPauseMs: 5_000,
  /** How far in the future a file's time may lie by the clock of the index: clocks that are set by the network differ by less. */
  clockSkewMs: 5_000,
  /** An index whose database is younger than this may have lost one: keepers tell it whose files they keep. */
  recoveryMs: 3_600_000,
  /** A copy that its peer has just read and announced is not doubted again for so long: an accuser may lie. */
  doubtPauseMs: 600_000,
  /** A peer that has not answered for a copy in doubt is asked again after this: more than `verifyPauseMs`. */
  verifyAgainMs: 120_000,
  /** A file that was just read to see whether it is what the catalog says is not read for that again for so long. */
  verifyPauseMs: 60_000,
  /** From an accepted connection to its hello; a silent port scanner is gone after this. */
  helloMs: 5_000,
  /** A control request, unless the caller says otherwise. */
  requestMs: 10_000,
  /** A request for whose answer there is no memory is refused after this: before the other side's `requestMs`. */
  budgetWaitMs: 8_000,
  /** Between two looks at who waits for memory, and who holds it and stands still. */
  budgetCheckMs: 250,
  /** A connection that stood still for so long is ended if others wait for the memory that it holds. */
  budgetStallMs: 2_000,
  /** A receiver may take nothing for this long, and for what its bytes take at `limits.sendBytesPerSecondMin`. */
  sendStallMs: 15_000,
  /** Between two looks at whether a receiver takes anything. */
  sendCheckMs: 5_000,
  /** Of a frame that has begun to come, besides what its bytes take at `limits.sendBytesPerSecondMin`. */
  frameMs: 15_000,
  /** A connection on which nothing happened for so long makes room for a new one when there is none. */
  slotIdleMs: 1_000,
  /** A bulk reply may be this long without a single byte before it counts as stalled. */
  bulkStallMs: 15_000,
  /** Until a read's reply: the slowest source that is no stall needs so long for twice the chunks asked of it before. */
  readMs: 1_920_000,
  /** How long a peer that was caught sending wrong bytes is listed last: a bad disk is seldom mended sooner. */
  accusationMs: 3_600_000,
  /** An index that lost its disk hears of most files again within seconds; what is not listed for so long is gone. */
  contentGoneMs: 60_000,
  /** What came of a download that nobody goes on with is kept for a week. */
  partialKeptMs: 604_800_000,
  /** From one look for what is older to the next: seldom enough to cost nothing. */
  partialCleanMs: 3_600_000,
  /** Between two looks at how a fetch goes: whether a source is slow, or a last chunk is better asked of another. */
  fetchLookMs: 250,
  /** A source's speed is that of its last seconds, weighted so that what is older than this hardly counts. */
  sourceSpeedMs: 2_000,
  /** A source is given this long to get going before it is compared with others. */
  sourceTrialMs: 5_000,
  /** A source that has only some chunks, and nothing new to tell, is asked again after so long. */
  partialSourceMs: 1_000,
  /** From placing small files to flushing the marks that say so: far less than the 5 s after which ext4 has their names on disk. */
  marksDelayMs: 100,
  /** From placing small files to flushing them: Linux writes everything within 30 s, so that little is left to do. */
  flushDelayMs: 60_000,
  /** A thread that nobody calls ends; to start one takes 30 ms, to keep it 10 MiB. */
  threadIdleMs: 10_000,
  /** A question for more chunks than are known is answered after this, even when there are none. */
  chunksWaitMs: 5_000,
  /** Chunks that came within this time are told together. */
  chunksGroupMs: 20,
  /** A read in line is told that the peer is busy after this: before the other side's `bulkStallMs`. */
  uploadLineMs: 5_000,
  /** A read that has waited for so long goes before those of rarer chunks. */
  uploadOverdueMs: 2_000,
  /** How often chunks were sent is forgotten when none is asked for so long: a swarm has ended. */
  sendCountsMs: 2_000,
  /** A read that is answered within this time leaves room for more at once: 1 MiB at 60 Mbit/s. */
  uploadFastMs: 150,
  /** When reads take longer than this, fewer are answered at once. */
  uploadSlowMs: 700,
  /** A read that takes longer than this lets the next one in: its receiver is slow. */
  uploadTurnMs: 1_000,
  /** From the start of a fetch to the question who else is fetching by now: all that began together have said so. */
  swarmQuestionMs: 50,
  /** A source that says it is busy is asked again after this. */
  sourceBusyMs: 250,
  /** A source that has been busy for so long counts as failed. */
  sourceBusyMaxMs: 60_000,
  /** A file that nobody read for so long is closed; a fetch comes back for its next chunk within milliseconds. */
  openFileIdleMs: 10_000,
  /** An unused connection to another peer; shorter than that peer's `connectionIdleMs`, so that it is not closed under a request. */
  peerConnectionIdleMs: 30_000,
  /** An address that could not be dialled is not tried again for so long. */
  dialFailureMs: 2_000,
  /** An index that is away for no longer than this may just be starting again: commands wait for it. */
  indexWaitMs: 2_000,
  /** What a command waits for an index that has been away for longer: time for one more attempt. */
  indexRetryMs: 300,
  /** From the opening of a connection to the end of its HTTP headers. */
  httpHeadersMs: 10_000,
  /** Until `/healthz` has measured the disk: half of what container health checks wait, 3 s. */
  healthMs: 1_500,
  /** Between two looks for connections whose headers did not come in time. */
  httpCheckMs: 1_000,
  /** How long `push --wait` waits for the copies: longer than `settleMs`, a grace and the copying of a large file on a LAN. */
  pushCopiesMs: 300_000,
  /** Between two looks at how many copies there are. */
  pushPollMs: 200,
  /** A request to the peer's HTTP API. Longer than `requestMs`, so that the peer can say what it waited for. */
  httpRequestMs: 15_000,
  /** Names for Tab: a person who waits longer types on. */
  completionMs: 1_500,
  /** A connection on which nothing happened at all. Peers send a heartbeat far more often. */
  connectionIdleMs: 120_000,
  /** Heartbeats that come faster would keep the two sides busy with nothing else. */
  heartbeatMinMs: 10,
  /** Two of them within `connectionIdleMs`, or a healthy connection would be taken for a dead one. */
  heartbeatMaxMs: 60_000,
  /** A copy beside its place that nothing has written to for so long was left by a process that ended. */
  leftoverKeptMs: 86_400_000,
  /** For moving one file into its place, with the wait for others in its folder: a disk that takes longer is not responding. */
  folderQueueMs: 60_000,
  /** A database that another process still has open; that one may be ending just now. */
  databaseBusyMs: 2_000,
  /** After a write that failed: when the database is tried again, at first and at most. */
  databaseProbeFirstMs: 500,
  databaseProbeMaxMs: 5_000,
  /** Whether a database that nothing was written to can be written is tried no more often than this. */
  databaseProbeIdleMs: 60_000,
  /** After an announcement that the index could not write: when it is sent again, at first and at most. */
  announceAgainFirstMs: 500,
  announceAgainMaxMs: 15_000,
  /** The longest time between two looks at who is still alive. */
  livenessCheckMs: 1_000,
  /** For which a search looks at names, before everything else has its turn. */
  searchTurnMs: 5,
  /** Events of this time are planned for together, so that small contents share a batch. */
  passDelayMs: 20,
  /** From the report of a copy to its announcement, which takes milliseconds; then the copy is asked for again. */
  confirmMs: 10_000,
  /** From one look for replaced versions whose time is over to the next: as exact as a grace of an hour needs. */
  replacedCheckMs: 1_000,
  /** No peer had room; somebody may have deleted something by then. */
  noSpaceRetryMs: 15_000,
  /** After replication failed in itself, as it does when the database cannot be read. */
  replicationRetryMs: 5_000,
  /** A batch of tasks of which nothing came for so long is given up. */
  taskMs: 60_000,
  /** Over so long the speed of a batch is judged. */
  taskPaceMs: 30_000,
  /** Between two looks at how a batch goes, and between two reports of it. */
  taskLookMs: 5_000,
  /** Changes of this time are announced together: whoever saves a folder of files causes one announcement. */
  announceGroupMs: 25,
  /** After the index could not be told what is being downloaded. */
  tellAgainMs: 1_000,
  /** A peer that stops tells the index so, if the index answers at once. */
  leaveMs: 500,
  /** Orderly close: what is under way may finish for this long before the socket is destroyed. */
  closeMs: 1_000,
  /** Everything a process does between SIGTERM and its end; Docker must see it gone within 2 s. */
  shutdownMs: 1_500,
} as const
