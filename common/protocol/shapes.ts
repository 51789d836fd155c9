/** The objects that messages carry: wire schemas and their types. */
import Type, { type Static } from 'typebox'
import { limits } from '../limits.ts'
import {
  Bytes,
  ContentBytes,
  Count,
  described,
  ErrorCodeText,
  Host,
  Millis,
  Name,
  PeerId,
  Port,
  Sequence,
  Sha256,
  TaskId,
  Zone,
} from './fields.ts'
import { HttpAddress } from './http-shapes.ts'
import { placeStatus } from './place-shapes.ts'
import { PeerNotes, peerNotes } from './plan-shapes.ts'

export const copyKinds = ['shared', 'downloaded', 'replicated'] as const
export const CopyKind = described(
  Type.Union([Type.Literal('shared'), Type.Literal('downloaded'), Type.Literal('replicated')]),
  'Why the peer has it: it shares it, a user downloaded it, or the index asked for it',
)
export type CopyKind = Static<typeof CopyKind>

export const PeerState = described(
  Type.Union([
    Type.Literal('live'),
    Type.Literal('suspect'),
    Type.Literal('unreachable'),
    Type.Literal('dead'),
  ]),
  'Suspect: connection or heartbeats are missing, or its address has not been dialled yet. Unreachable: the index cannot connect to its address; its copies do not count, and it is not a source. Dead: silent for too long, or it left',
)
export type PeerState = Static<typeof PeerState>

const SourceKind = described(
  Type.Union([...CopyKind.anyOf, Type.Literal('partial'), Type.Literal('program')]),
  'The kind of its copy; `partial` if it is still downloading and has some chunks; `program` if it is a program of the mesh instead of a peer; the file is then read over HTTP at this address. An index returns none',
)
export const Source = Type.Object({ peerId: PeerId, host: Host, port: Port, kind: SourceKind })
/** A peer that can serve a content, or chunks of it. */
export type Source = Static<typeof Source>

export const FoundSource = Type.Object({
  ...Source.properties,
  http: Type.Optional(HttpAddress),
  zone: Type.Optional(Zone),
  isSuspect: Type.Optional(
    Type.Literal(true, {
      description: 'The peer is suspect or was accused of wrong bytes, or its copy is in doubt',
    }),
  ),
})
/** A source as a lookup lists it. */
export type FoundSource = Static<typeof FoundSource>

/** What identifies and verifies a content. */
export const ChunkRoot = described(Sha256, 'The chunk root of the content')
const contentFields = { sha256: Sha256, size: ContentBytes, chunkRoot: ChunkRoot }
export const Content = Type.Object(contentFields)
export type Content = Static<typeof Content>

export const FoundContent = Type.Object({
  ...contentFields,
  modifiedMs: Type.Optional(
    described(Millis, 'When the file was modified, in milliseconds since 1970; absent if unknown'),
  ),
  sources: Type.Array(FoundSource, {
    maxItems: limits.sourcesPerContentMax,
    description: 'Its sources, live peers first',
  }),
})
/** A content and its sources, live ones first. */
export type FoundContent = Static<typeof FoundContent>

const LiveCopies = described(Count, 'Live peers that have the content')
export const FoundName = Type.Object({
  name: Name,
  sha256: Sha256,
  size: ContentBytes,
  modifiedMs: FoundContent.properties.modifiedMs,
  copies: LiveCopies,
})
/** One row of a search: a name with one of its contents. */
export type FoundName = Static<typeof FoundName>

export const MatchedFile = Type.Object({
  name: Name,
  ...contentFields,
  modifiedMs: FoundContent.properties.modifiedMs,
  sources: Type.Array(Source, {
    maxItems: limits.sourcesPerTaskMax,
    description: 'Some of its sources, best first',
  }),
})
/** One row of a match: a name, its preferred content, and some sources. */
export type MatchedFile = Static<typeof MatchedFile>

/** For one requested content: how many bytes follow, or why none do. */
export const ReadOutcome = Type.Union([
  Type.Object({ size: described(ContentBytes, 'Bytes that follow: the whole content') }),
  Type.Object({
    error: described(ErrorCodeText, 'The error code: no bytes follow'),
    reason: Type.Optional(
      Type.String({
        maxLength: limits.taskReasonCharactersMax,
        description: 'The error of the operating system, such as EACCES',
      }),
    ),
  }),
])
export type ReadOutcome = Static<typeof ReadOutcome>

const Owner = described(PeerId, 'The owner of the file')
const copyKey = {
  kind: CopyKind,
  name: Name,
  owner: Type.Optional(
    described(PeerId, 'The owner of the file; present if and only if `kind` is `replicated`'),
  ),
  version: Type.Optional(
    described(
      Sha256,
      'The hash of its content, for a replicated copy that is kept beside a copy with different content of the same file',
    ),
  ),
}
export const CopyKey = Type.Object(copyKey)
export type CopyKey = Static<typeof CopyKey>

const ChangeNumber = described(Sequence, 'The number of the change, higher than all before it')
export const Change = Type.Union([
  Type.Object({
    op: Type.Literal('put', {
      description: 'The peer has this copy; it replaces the one with the same key',
    }),
    seq: ChangeNumber,
    ...copyKey,
    ...contentFields,
    modifiedMs: described(Millis, 'When the file was modified, in milliseconds since 1970'),
    damaged: Type.Optional(
      Type.Boolean({
        description:
          'The bytes on its disk are no longer this content, but the file still stands for it: the copy is not served and does not count, but the content is still needed',
      }),
    ),
  }),
  Type.Object({
    op: Type.Literal('drop', { description: 'The peer no longer has this copy' }),
    seq: ChangeNumber,
    ...copyKey,
  }),
  Type.Object({
    op: Type.Literal('unshare', {
      description: 'The peer removed its own file of this name from the cluster',
    }),
    seq: ChangeNumber,
    name: Name,
  }),
  Type.Object({
    op: Type.Literal('remove', {
      description: 'The peer’s own file of this name is no longer in its shared folder',
    }),
    seq: ChangeNumber,
    name: Name,
    reason: Type.Union(
      [Type.Literal('deleted'), Type.Literal('renamed'), Type.Literal('withdrawn')],
      {
        description:
          'Deleted: its content is kept in the trash. Renamed: it now has the name `renamedTo`. Withdrawn: it is ignored from now on, and nothing is kept',
      },
    ),
    removedMs: described(Millis, 'When, in milliseconds since 1970'),
    renamedTo: Type.Optional(described(Name, 'Present if and only if it was renamed')),
  }),
])
/** One numbered change of a peer's catalog. */
export type Change = Static<typeof Change>

export const FreeBytes = described(Bytes, 'Free space on the peer’s disk')
export const DiskBytes = described(
  Bytes,
  'The size of that disk; on a small disk less space is kept free. Absent if unknown',
)
export const CapacityBytes = described(
  Bytes,
  'The most bytes of replicated copies that the peer keeps for the cluster. Absent: as many as its disk holds',
)
const ByteRate = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
/** How busy a peer is. */
export const loadFields = {
  uploadBytesPerSecond: Type.Optional(
    described(ByteRate, 'Content bytes that it sends to other peers'),
  ),
  downloadBytesPerSecond: Type.Optional(
    described(ByteRate, 'Content bytes that it receives from other peers'),
  ),
}
export const PeerInfo = Type.Object({
  peerId: PeerId,
  host: Host,
  port: Port,
  http: Type.Optional(HttpAddress),
  zone: Type.Optional(Zone),
  state: PeerState,
  copies: described(Count, 'Number of its copies'),
  bytes: described(Bytes, 'Their total size'),
  replicaBytes: Type.Optional(described(Bytes, 'The size of the replicated ones')),
  freeBytes: FreeBytes,
  diskBytes: Type.Optional(DiskBytes),
  capacityBytes: Type.Optional(CapacityBytes),
  ...loadFields,
  silentMs: described(Millis, 'Milliseconds since the last message from the peer'),
  unreachable: Type.Optional(
    Type.String({ maxLength: 500, description: 'Why connecting fails, if it is unreachable' }),
  ),
  ...peerNotes,
})
export type PeerInfo = Static<typeof PeerInfo>

export const Task = Type.Union([
  Type.Object({
    kind: Type.Literal('replicate', { description: 'Fetch and keep this content' }),
    taskId: TaskId,
    name: Name,
    owner: Owner,
    content: Content,
    sources: Type.Array(Source, { minItems: 1, maxItems: limits.sourcesPerContentMax }),
  }),
  Type.Object({
    kind: Type.Literal('drop', { description: 'Remove this replicated copy' }),
    taskId: TaskId,
    name: Name,
    owner: Owner,
    sha256: Sha256,
  }),
])
/** What the index asks of a peer: keep a copy, or drop a replicated copy. */
export type Task = Static<typeof Task>

export const TaskProgress = Type.Object({
  taskId: TaskId,
  bytes: described(
    Bytes,
    "Bytes received, or copied from the peer's own files; small copies report the total of all that are running with one of them",
  ),
  isStoring: Type.Optional(
    Type.Boolean({
      description: 'Whether it no longer reads from a source but copies, verifies or stores',
    }),
  ),
})
/** Progress of a running copy. */
export type TaskProgress = Static<typeof TaskProgress>

export const ReplicaVersion = Type.Object({ owner: Owner, name: Name, sha256: Sha256 })
/** Replicated copies of one content of a file. */
export type ReplicaVersion = Static<typeof ReplicaVersion>

export const FileVersion = Type.Object({
  owner: Owner,
  ...contentFields,
  modifiedMs: described(Millis, 'When the file was modified, in milliseconds since 1970'),
  state: Type.Union([Type.Literal('current'), Type.Literal('replaced')], {
    description: 'Replaced: its owner now has different content under the name',
  }),
  copies: LiveCopies,
  keptUntilMs: Type.Optional(
    described(
      Millis,
      'For a replaced version: until when its copies are kept, in milliseconds since 1970; absent while the current one lacks copies',
    ),
  ),
})
/** A content of one owner's file: the current one, or a replaced one that still has copies. */
export type FileVersion = Static<typeof FileVersion>

export const TaskOutcome = Type.Object({
  taskId: TaskId,
  error: Type.Optional(described(ErrorCodeText, 'The error code, if it failed')),
  reason: Type.Optional(
    Type.String({
      maxLength: limits.taskReasonCharactersMax,
      description:
        'One line that says why it failed, with the error code and path of the operating system, if any',
    }),
  ),
})
export type TaskOutcome = Static<typeof TaskOutcome>

const Rate = Type.Number({ minimum: 0 })
const RepairStatus = Type.Object(
  {
    lacking: Type.Object(
      {
        lost: described(Count, 'Contents without any copy: a peer must return'),
        lastCopy: described(Count, 'Contents with one copy'),
        draining: described(Count, 'Contents with copies on draining peers'),
        others: described(Count, 'Others with fewer copies than they should have'),
      },
      { description: 'By urgency' },
    ),
    missingBytes: described(Bytes, 'Bytes of all missing copies'),
    oldestMs: Type.Optional(described(Millis, 'How long the first of them has lacked copies')),
    filesPerSecond: described(Rate, 'Copies per second, over the last half minute'),
    bytesPerSecond: described(Rate, 'Their bytes per second'),
    leftMs: Type.Optional(described(Millis, 'How long the rest takes at this speed')),
    now: Type.Array(
      Type.Object({
        name: Name,
        target: described(PeerId, 'The peer that makes the copy'),
        source: Type.Optional(described(PeerId, 'The peer that it reads from first')),
        size: ContentBytes,
        forMs: described(Millis, 'Since when, as a duration'),
      }),
      { maxItems: 5, description: 'Copies in progress, those that have taken longest' },
    ),
  },
  { description: 'Present while contents lack copies or are copied' },
)
export const ClusterStatus = Type.Object({
  peers: Type.Object({
    live: Count,
    suspect: Count,
    unreachable: Type.Optional(Count),
    dead: Count,
  }),
  contents: described(Count, 'Wanted contents'),
  atFactor: described(Count, 'Those with enough live copies'),
  belowFactor: described(Count, 'Those with fewer'),
  tasks: Type.Object({ waiting: Count, running: Count }),
  trash: Type.Optional(
    Type.Object(
      { files: Count, bytes: Bytes },
      { description: 'Deleted files that can be restored; their contents are counted above' },
    ),
  ),
  aboveFactor: Type.Optional(
    described(Count, 'Contents at their factor with replicas beyond it, which are dropped later'),
  ),
  repair: Type.Optional(RepairStatus),
  wantMorePeers: Type.Optional(
    described(
      Count,
      'Contents below their factor that need more copies than there are peers, not counting dead and draining ones',
    ),
  ),
  ...placeStatus,
  unproven: Type.Optional(
    Type.Object(
      {
        copies: described(Count, 'Copies that their peers have not proven'),
        peers: described(Count, 'These peers'),
        distrusted: described(Count, 'Those of them with so many that none of their copies counts'),
      },
      { description: 'Present while some copies do not count because of it' },
    ),
  ),
  paused: Type.Optional(
    Type.String({ maxLength: 200, description: 'Why copying is paused, if it is' }),
  ),
  brake: Type.Optional(
    Type.Object(
      {
        cause: Type.Union([Type.Literal('start'), Type.Literal('peers-lost')]),
        forMs: described(Millis, 'How long it has been on'),
        leftMs: described(Millis, 'Time until it is released at the latest'),
      },
      {
        description:
          'Present while nothing is copied or dropped: the index has just started, or over a third of the peers were lost together',
      },
    ),
  ),
  peerNotes: Type.Optional(
    Type.Array(PeerNotes, {
      maxItems: limits.peerNotesMax,
      description: 'The first peers in an unusual state; `peers` has all',
    }),
  ),
  degraded: Type.Optional(
    Type.String({
      maxLength: 300,
      description: 'Why the index cannot write its database, if so; it still answers queries',
    }),
  ),
  isInsecure: Type.Optional(
    Type.Literal(true, { description: 'Present if other machines reach the index without TLS' }),
  ),
})
export type ClusterStatus = Static<typeof ClusterStatus>
