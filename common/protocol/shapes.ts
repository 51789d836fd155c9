/** What messages carry: fields that belong together and have a name. Wire schemas and their types. */
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

export const copyKinds = ['shared', 'downloaded', 'replicated'] as const
export const CopyKind = described(
  Type.Union([Type.Literal('shared'), Type.Literal('downloaded'), Type.Literal('replicated')]),
  'Why the peer has it: it shares it, a user asked for it, or the index did',
)
export type CopyKind = Static<typeof CopyKind>

export const PeerState = described(
  Type.Union([
    Type.Literal('live'),
    Type.Literal('suspect'),
    Type.Literal('unreachable'),
    Type.Literal('dead'),
  ]),
  'Suspect: its connection or its heartbeats are missing, or its address was not dialled yet. Unreachable: the index cannot connect to its address; its copies do not count and it is no source. Dead: silent for long, or it left',
)
export type PeerState = Static<typeof PeerState>

const SourceKind = described(
  Type.Union([...CopyKind.anyOf, Type.Literal('partial')]),
  'The kind of its copy; `partial` when it is still downloading and has some chunks',
)
export const Source = Type.Object({ peerId: PeerId, host: Host, port: Port, kind: SourceKind })
/** A peer that can serve a content, or chunks of it, now. */
export type Source = Static<typeof Source>

/** What identifies and verifies a content. */
export const ChunkRoot = described(Sha256, 'The chunk root of the content')
const contentFields = { sha256: Sha256, size: ContentBytes, chunkRoot: ChunkRoot }
export const Content = Type.Object(contentFields)
export type Content = Static<typeof Content>

export const FoundContent = Type.Object({
  ...contentFields,
  sources: Type.Array(Source, {
    maxItems: limits.sourcesPerContentMax,
    description: 'Who serves it, live peers first',
  }),
})
/** One content and who serves it, live sources first. */
export type FoundContent = Static<typeof FoundContent>

export const LiveCopies = described(Count, 'Live peers that have the content')
export const FoundName = Type.Object({
  name: Name,
  sha256: Sha256,
  size: ContentBytes,
  copies: LiveCopies,
})
/** One row of a search: a name with one of its contents. */
export type FoundName = Static<typeof FoundName>

export const MatchedFile = Type.Object({
  name: Name,
  ...contentFields,
  sources: Type.Array(Source, {
    maxItems: limits.sourcesPerTaskMax,
    description: 'Who serves it, best first: a few of them',
  }),
})
/** One row of a match: a name, the content to take first, and who serves it. */
export type MatchedFile = Static<typeof MatchedFile>

/** Of a content that was asked for with others: how many bytes of it follow, or why none do. */
export const ReadOutcome = Type.Union([
  Type.Object({ size: described(ContentBytes, 'Bytes of it that follow: all it has') }),
  Type.Object({
    error: described(ErrorCodeText, 'The code of the error: none of its bytes follow'),
    reason: Type.Optional(
      Type.String({
        maxLength: limits.taskReasonCharactersMax,
        description: 'What the operating system says, such as EACCES',
      }),
    ),
  }),
])
export type ReadOutcome = Static<typeof ReadOutcome>

const Owner = described(PeerId, 'The peer whose file it is')
const copyKey = {
  kind: CopyKind,
  name: Name,
  owner: Type.Optional(
    described(PeerId, 'Whose file it is a copy of; there exactly when `kind` is `replicated`'),
  ),
  version: Type.Optional(
    described(
      Sha256,
      'Of a replicated copy that its peer keeps beside a copy of other content of the same file: its own content’s hash',
    ),
  ),
}
export const CopyKey = Type.Object(copyKey)
export type CopyKey = Static<typeof CopyKey>

const ChangeNumber = described(Sequence, 'The number of the change, above all before it')
export const Change = Type.Union([
  Type.Object({
    op: Type.Literal('put', { description: 'The peer has this copy; it replaces one of that key' }),
    seq: ChangeNumber,
    ...copyKey,
    ...contentFields,
    modifiedMs: described(Millis, 'When the file was modified, in milliseconds since 1970'),
  }),
  Type.Object({
    op: Type.Literal('drop', { description: 'The peer has this copy no more' }),
    seq: ChangeNumber,
    ...copyKey,
  }),
  Type.Object({
    op: Type.Literal('unshare', {
      description: 'The peer took its own file of this name out of the cluster',
    }),
    seq: ChangeNumber,
    name: Name,
  }),
])
/** One numbered change of a peer's catalog. */
export type Change = Static<typeof Change>

export const FreeBytes = described(Bytes, 'Room on the disk of the peer')
export const DiskBytes = described(
  Bytes,
  'The size of that disk: of a small one, less is kept free. Absent when it is not known',
)
export const PeerInfo = Type.Object({
  peerId: PeerId,
  host: Host,
  port: Port,
  zone: Type.Optional(Zone),
  state: PeerState,
  copies: described(Count, 'Copies that it has'),
  bytes: described(Bytes, 'What they take together'),
  freeBytes: FreeBytes,
  silentMs: described(Millis, 'Milliseconds since the peer was last heard'),
  unreachable: Type.Optional(
    Type.String({ maxLength: 500, description: 'Why it is not reached, if it is unreachable' }),
  ),
})
export type PeerInfo = Static<typeof PeerInfo>

export const Task = Type.Union([
  Type.Object({
    kind: Type.Literal('replicate', { description: 'Fetch this content and keep it' }),
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
/** What the index asks of a peer: keep a copy of this, or drop that replicated copy. */
export type Task = Static<typeof Task>

export const TaskProgress = Type.Object({
  taskId: TaskId,
  bytes: described(
    Bytes,
    'Bytes that came; of small copies, those of all that run are told with one',
  ),
  isStoring: Type.Optional(
    Type.Boolean({ description: 'Whether it reads from no source: it copies, checks or stores' }),
  ),
})
/** How far a copy is that a peer makes. */
export type TaskProgress = Static<typeof TaskProgress>

export const ReplicaVersion = Type.Object({ owner: Owner, name: Name, sha256: Sha256 })
/** Replicated copies of one content of a file. */
export type ReplicaVersion = Static<typeof ReplicaVersion>

export const FileVersion = Type.Object({
  owner: Owner,
  ...contentFields,
  modifiedMs: described(Millis, 'When the file was modified, in milliseconds since 1970'),
  state: Type.Union([Type.Literal('current'), Type.Literal('replaced')], {
    description: 'Replaced: its owner has other content under the name by now',
  }),
  copies: LiveCopies,
  keptUntilMs: Type.Optional(
    described(
      Millis,
      'Of a replaced version: until when its copies stay, in milliseconds since 1970; absent while the current one lacks copies',
    ),
  ),
})
/** A content that a file of one owner has, or had and still has copies. */
export type FileVersion = Static<typeof FileVersion>

export const TaskOutcome = Type.Object({
  taskId: TaskId,
  error: Type.Optional(described(ErrorCodeText, 'The code of the error, if it failed')),
  reason: Type.Optional(
    Type.String({
      maxLength: limits.taskReasonCharactersMax,
      description:
        'One line for people that says why it failed, with the code and the path of the operating system where there are any',
    }),
  ),
})
export type TaskOutcome = Static<typeof TaskOutcome>

export const ClusterStatus = Type.Object({
  peers: Type.Object({
    live: Count,
    suspect: Count,
    unreachable: Type.Optional(Count),
    dead: Count,
  }),
  contents: described(Count, 'Wanted contents'),
  atFactor: described(Count, 'Those with as many live copies as they should have'),
  belowFactor: described(Count, 'Those with fewer'),
  tasks: Type.Object({ waiting: Count, running: Count }),
  paused: Type.Optional(
    Type.String({ maxLength: 200, description: 'Why nothing is copied just now, if so' }),
  ),
  degraded: Type.Optional(
    Type.String({
      maxLength: 300,
      description: 'Why the index cannot record anything just now, if so; it answers questions',
    }),
  ),
})
export type ClusterStatus = Static<typeof ClusterStatus>

export const Factor = described(Count, 'Copies that the content should have')
export const ExplainedContent = Type.Object({
  sha256: Sha256,
  size: ContentBytes,
  factor: Factor,
  wanted: Type.Boolean({ description: 'Whether somebody shares it, and nobody unshared it since' }),
  copies: Type.Array(
    Type.Object({ peerId: PeerId, kind: CopyKind, name: Name, state: PeerState }),
    { maxItems: limits.sourcesPerContentMax },
  ),
  missing: Type.Array(Type.String({ maxLength: 500 }), {
    maxItems: 20,
    description: 'Why copies lack, as sentences without a full stop; empty when none do',
  }),
})
export type ExplainedContent = Static<typeof ExplainedContent>
