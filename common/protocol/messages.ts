/**
 * THE table of the protocol: who may send what to whom, and what it looks like. Types, validators,
 * the handlers' completeness and PROTOCOL.md come from it.
 */
import Type, { type Static, type TSchema } from 'typebox'
import { limits } from '../limits.ts'
import {
  Bytes,
  ContentBytes,
  Count,
  Cursor,
  Epoch,
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

export const protocolVersion = 'tandem/1'

/** Who is at the end of a connection. A client is neither: a shell, a CI job. */
export type Role = 'peer' | 'index' | 'client'

const Empty = Type.Object({})

export const copyKinds = ['shared', 'downloaded', 'replicated'] as const
export const CopyKind = Type.Union([
  Type.Literal('shared'),
  Type.Literal('downloaded'),
  Type.Literal('replicated'),
])
export type CopyKind = Static<typeof CopyKind>

const PeerState = Type.Union([Type.Literal('live'), Type.Literal('suspect'), Type.Literal('dead')])
/** `dead` includes peers that left. */
export type PeerState = Static<typeof PeerState>

const Source = Type.Object({ peerId: PeerId, host: Host, port: Port, kind: CopyKind })
/** A peer that can serve a content now. */
export type Source = Static<typeof Source>

/** What identifies and verifies a content. */
const contentFields = { sha256: Sha256, size: ContentBytes, chunkRoot: Sha256 }
const Content = Type.Object(contentFields)
export type Content = Static<typeof Content>

const FoundContent = Type.Object({
  ...contentFields,
  sources: Type.Array(Source, { maxItems: limits.sourcesPerContentMax }),
})
/** One content and who serves it, live sources first. */
export type FoundContent = Static<typeof FoundContent>

const FoundName = Type.Object({ name: Name, sha256: Sha256, size: ContentBytes, copies: Count })
/** One row of a search: a name with one of its contents. */
export type FoundName = Static<typeof FoundName>

/** `owner` is there exactly when `kind` is replicated: whose file it is a copy of. */
const copyKey = { kind: CopyKind, name: Name, owner: Type.Optional(PeerId) }
const CopyKey = Type.Object(copyKey)
export type CopyKey = Static<typeof CopyKey>

const Change = Type.Union([
  Type.Object({
    op: Type.Literal('put'),
    seq: Sequence,
    ...copyKey,
    ...contentFields,
    modifiedMs: Millis,
  }),
  Type.Object({ op: Type.Literal('drop'), seq: Sequence, ...copyKey }),
])
/** One numbered change of a peer's catalog. */
export type Change = Static<typeof Change>

const PeerInfo = Type.Object({
  peerId: PeerId,
  host: Host,
  port: Port,
  zone: Type.Optional(Zone),
  state: PeerState,
  copies: Count,
  bytes: Bytes,
  freeBytes: Bytes,
  /** Milliseconds since the peer was last heard. */
  silentMs: Millis,
})
export type PeerInfo = Static<typeof PeerInfo>

const Task = Type.Union([
  Type.Object({
    kind: Type.Literal('replicate'),
    taskId: TaskId,
    name: Name,
    owner: PeerId,
    content: Content,
    sources: Type.Array(Source, { minItems: 1, maxItems: limits.sourcesPerContentMax }),
  }),
  Type.Object({
    kind: Type.Literal('drop'),
    taskId: TaskId,
    name: Name,
    owner: PeerId,
    sha256: Sha256,
  }),
])
/** What the index asks of a peer: keep a copy of this, or drop that replicated copy. */
export type Task = Static<typeof Task>

const TaskOutcome = Type.Object({ taskId: TaskId, error: Type.Optional(ErrorCodeText) })
export type TaskOutcome = Static<typeof TaskOutcome>

const ClusterStatus = Type.Object({
  peers: Type.Object({ live: Count, suspect: Count, dead: Count }),
  contents: Count,
  atFactor: Count,
  belowFactor: Count,
  tasks: Type.Object({ waiting: Count, running: Count }),
  /** Why nothing is copied just now, if so. */
  paused: Type.Optional(Type.String({ maxLength: 200 })),
})
export type ClusterStatus = Static<typeof ClusterStatus>

const ExplainedContent = Type.Object({
  sha256: Sha256,
  size: ContentBytes,
  factor: Count,
  wanted: Type.Boolean(),
  copies: Type.Array(
    Type.Object({ peerId: PeerId, kind: CopyKind, name: Name, state: PeerState }),
    {
      maxItems: limits.sourcesPerContentMax,
    },
  ),
  /** Why copies lack, as sentences without a full stop; empty when none do. */
  missing: Type.Array(Type.String({ maxLength: 500 }), { maxItems: 20 }),
})
export type ExplainedContent = Static<typeof ExplainedContent>

interface MessageRow {
  /** One sentence: what it asks for. */
  readonly summary: string
  readonly from: readonly Role[]
  readonly to: readonly Role[]
  readonly request: TSchema
  readonly reply: TSchema
  /** Whether the reply may be followed by raw bytes. */
  readonly bulk: boolean
}

export const messages = {
  hello: {
    summary:
      'Opens a connection: both sides say who they are; a peer that greets an index registers itself.',
    from: ['peer', 'client'],
    to: ['index', 'peer'],
    request: Type.Object({
      protocol: Type.String({ maxLength: 32 }),
      role: Type.Union([Type.Literal('peer'), Type.Literal('client')]),
      peerId: Type.Optional(PeerId),
      /** There exactly when a peer registers at an index. */
      registration: Type.Optional(
        Type.Object({
          /** Names the catalog that change numbers belong to; a new catalog has a new epoch. */
          epoch: Epoch,
          /** Where other peers reach this one; without it the index takes the address it sees. */
          host: Type.Optional(Host),
          port: Port,
          zone: Type.Optional(Zone),
          freeBytes: Bytes,
        }),
      ),
    }),
    reply: Type.Object({
      protocol: Type.String({ maxLength: 32 }),
      role: Type.Union([Type.Literal('index'), Type.Literal('peer')]),
      peerId: Type.Optional(PeerId),
      /** There exactly when a peer was registered. */
      registered: Type.Optional(
        Type.Object({
          /** The last change of this epoch that the index has; 0 when it has none. */
          seenSeq: Sequence,
          heartbeatMs: Millis,
        }),
      ),
    }),
    bulk: false,
  },
  announce: {
    summary:
      'Tells the index numbered changes of the peer’s catalog, in order. Numbers may be missing: a change that a later one made pointless is not sent.',
    from: ['peer'],
    to: ['index'],
    request: Type.Object({
      epoch: Epoch,
      /** The first announcement of a full inventory: what the index knew before is old. */
      begin: Type.Optional(Type.Boolean()),
      /** The last announcement of a full inventory: what was not announced since `begin` is gone. */
      end: Type.Optional(Type.Boolean()),
      /** The `lastSeq` of the announcement before this one; 0 with `begin`. */
      previousSeq: Sequence,
      /** The number that the index has seen after this announcement. */
      lastSeq: Sequence,
      changes: Type.Array(Change, { maxItems: limits.announceChangesMax }),
    }),
    reply: Type.Object({ seenSeq: Sequence }),
    bulk: false,
  },
  heartbeat: {
    summary: 'Says that the peer is alive, and how much room its disk has.',
    from: ['peer'],
    to: ['index'],
    request: Type.Object({ freeBytes: Bytes }),
    reply: Empty,
    bulk: false,
  },
  leave: {
    summary: 'Says that the peer is about to stop: it is no source any more.',
    from: ['peer'],
    to: ['index'],
    request: Empty,
    reply: Empty,
    bulk: false,
  },
  lookup: {
    summary: 'Asks who has a name: all its contents, best copied and newest first.',
    from: ['peer', 'client'],
    to: ['index'],
    request: Type.Object({ name: Name }),
    reply: Type.Object({
      contents: Type.Array(FoundContent, { maxItems: limits.contentsPerNameMax }),
    }),
    bulk: false,
  },
  locate: {
    summary: 'Asks who has a content, and how many copies it has and should have.',
    from: ['peer', 'client'],
    to: ['index'],
    request: Type.Object({ sha256: Sha256 }),
    reply: Type.Object({ content: FoundContent, copies: Count, factor: Count }),
    bulk: false,
  },
  search: {
    summary:
      'Finds names: by a part of them without regard to case, or by a glob (*, ?, [..], **) over the whole name. An empty query lists all names.',
    from: ['peer', 'client'],
    to: ['index'],
    request: Type.Object({
      query: Type.String({ maxLength: limits.queryBytesMax }),
      limit: Type.Integer({ minimum: 1, maximum: limits.pageRowsMax }),
      /** Where the page before this one ended. */
      after: Type.Optional(Cursor),
    }),
    reply: Type.Object({
      files: Type.Array(FoundName, { maxItems: limits.pageRowsMax }),
      /** There when more follow: the `after` of the next page. */
      next: Type.Optional(Cursor),
    }),
    bulk: false,
  },
  peers: {
    summary: 'Lists the registry, sorted by peer id.',
    from: ['peer', 'client'],
    to: ['index'],
    request: Type.Object({
      limit: Type.Integer({ minimum: 1, maximum: limits.pageRowsMax }),
      after: Type.Optional(PeerId),
    }),
    reply: Type.Object({
      peers: Type.Array(PeerInfo, { maxItems: limits.pageRowsMax }),
      next: Type.Optional(PeerId),
    }),
    bulk: false,
  },
  stats: {
    summary: 'Asks for the index’s own counters.',
    from: ['peer', 'client'],
    to: ['index'],
    request: Empty,
    reply: Type.Object({
      uptimeMs: Millis,
      names: Count,
      contents: Count,
      copies: Count,
      bytes: Bytes,
      connections: Count,
      requests: Count,
    }),
    bulk: false,
  },
  status: {
    summary: 'Asks how the cluster is: peers, contents at and below their factor, tasks.',
    from: ['peer', 'client'],
    to: ['index'],
    request: Empty,
    reply: ClusterStatus,
    bulk: false,
  },
  why: {
    summary: 'Asks where each copy of a name’s contents is and, if copies lack, why.',
    from: ['peer', 'client'],
    to: ['index'],
    request: Type.Object({ name: Name }),
    reply: Type.Object({
      contents: Type.Array(ExplainedContent, { maxItems: limits.contentsPerNameMax }),
    }),
    bulk: false,
  },
  unshare: {
    summary:
      'Takes a file out of the cluster. On the index’s disk before it is answered. Its owner may, and anyone once the owner is dead.',
    from: ['peer'],
    to: ['index'],
    request: Type.Object({ owner: PeerId, name: Name }),
    reply: Empty,
    bulk: false,
  },
  share: {
    summary: 'Takes an earlier unshare of the peer’s own file back.',
    from: ['peer'],
    to: ['index'],
    request: Type.Object({ name: Name }),
    reply: Empty,
    bulk: false,
  },
  report: {
    summary: 'Tells the index how tasks ended. What the peer now holds is told by announce alone.',
    from: ['peer'],
    to: ['index'],
    request: Type.Object({
      outcomes: Type.Array(TaskOutcome, { minItems: 1, maxItems: limits.tasksPerRequestMax }),
    }),
    reply: Empty,
    bulk: false,
  },
  tasks: {
    summary: 'Hands tasks to a peer on the connection that the peer opened; it reports them later.',
    from: ['index'],
    to: ['peer'],
    request: Type.Object({
      tasks: Type.Array(Task, { minItems: 1, maxItems: limits.tasksPerRequestMax }),
    }),
    reply: Empty,
    bulk: false,
  },
  'chunk-list': {
    summary:
      'Asks for a content’s chunk list. The bytes are the chunks’ SHA-256 in order, 32 bytes each.',
    from: ['peer', 'client'],
    to: ['peer'],
    request: Type.Object({ sha256: Sha256 }),
    reply: Type.Object({ size: ContentBytes, chunkRoot: Sha256 }),
    bulk: true,
  },
  chunks: {
    summary:
      'Asks which chunks of a content the peer has: chunk i is bit 7 - i % 8 of byte i / 8 of the base64 bitmap.',
    from: ['peer', 'client'],
    to: ['peer'],
    request: Type.Object({ sha256: Sha256 }),
    reply: Type.Object({
      size: ContentBytes,
      count: Type.Integer({ minimum: 1, maximum: limits.chunksMax }),
      /** Absent when the peer has them all. */
      bitmap: Type.Optional(Type.String({ maxLength: 2_732 })),
    }),
    bulk: false,
  },
  read: {
    summary: 'Asks for the bytes of consecutive chunks of a content.',
    from: ['peer', 'client'],
    to: ['peer'],
    request: Type.Object({
      sha256: Sha256,
      chunk: Type.Integer({ minimum: 0, maximum: limits.chunksMax - 1 }),
      count: Type.Integer({ minimum: 1, maximum: limits.chunksPerReadMax }),
    }),
    reply: Empty,
    bulk: true,
  },
} as const satisfies Record<string, MessageRow>

export type MessageType = keyof typeof messages
export const messageTypes = Object.keys(messages) as readonly MessageType[]
export type RequestOf<T extends MessageType> = Static<(typeof messages)[T]['request']>
export type ReplyOf<T extends MessageType> = Static<(typeof messages)[T]['reply']>

export function isMessageType(type: string): type is MessageType {
  return Object.hasOwn(messages, type)
}

export function mayReceive(type: MessageType, from: Role, to: Role): boolean {
  const row: MessageRow = messages[type]
  return row.from.includes(from) && row.to.includes(to)
}
