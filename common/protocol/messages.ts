/**
 * THE table of the protocol: who may send what to whom, and what it looks like. Types, validators,
 * the handlers' completeness and PROTOCOL.md come from it.
 */
import Type, { type Static } from 'typebox'
import { deadlines, limits } from '../limits.ts'
import { doubtMessages } from './doubt-messages.ts'
import {
  Bytes,
  Count,
  Cursor,
  described,
  Epoch,
  Host,
  IdentityHash,
  Millis,
  Name,
  PeerId,
  Port,
  Purpose,
  Sequence,
  Sha256,
  Zone,
} from './fields.ts'
import type { MessageRow, Role } from './message-row.ts'
import { peerMessages } from './peer-messages.ts'
import {
  Change,
  ClusterStatus,
  Content,
  DiskBytes,
  ExplainedContent,
  Factor,
  FoundContent,
  FoundName,
  FreeBytes,
  LiveCopies,
  MatchedFile,
  PeerInfo,
} from './shapes.ts'
import { taskMessages } from './task-messages.ts'
import { versionMessages } from './version-messages.ts'

/** The types of what messages carry, for those who use messages. */
export type {
  Change,
  Content,
  CopyKey,
  CopyKind,
  ExplainedContent,
  FileVersion,
  FoundContent,
  FoundName,
  MatchedFile,
  PeerInfo,
  PeerState,
  ReadOutcome,
  ReplicaVersion,
  Source,
  Task,
  TaskOutcome,
  TaskProgress,
} from './shapes.ts'

export const protocolVersion = 'tandem/1'

export type { Role }
export type Purpose = Static<typeof Purpose>

const Empty = Type.Object({})
const Protocol = Type.String({ maxLength: 32, description: `\`${protocolVersion}\`` })

const rowsMax = (maximum: number) =>
  Type.Integer({ minimum: 1, maximum, description: 'The most rows that the page may have' })
const RowsMax = rowsMax(limits.pageRowsMax)
const After = Type.Optional(described(Cursor, 'The `next` of the page before this one'))

export const messages = {
  hello: {
    summary:
      'Opens a connection: both sides say who they are; a peer that greets an index registers itself.',
    from: ['peer', 'client'],
    to: ['index', 'peer'],
    request: Type.Object({
      protocol: Protocol,
      role: Type.Union([Type.Literal('peer'), Type.Literal('client')]),
      peerId: Type.Optional(described(PeerId, 'The id of the peer that says hello')),
      registration: Type.Optional(
        Type.Object(
          {
            epoch: Epoch,
            continues: Type.Optional(
              Type.Object(
                {
                  epoch: described(Epoch, 'The epoch of the run before'),
                  lastSeq: described(
                    Sequence,
                    'The last change of that run that was in the catalog when this run began',
                  ),
                },
                { description: 'The run whose catalog this one goes on with, if it has one' },
              ),
            ),
            identity: Type.Optional(
              described(
                IdentityHash,
                'What the id is bound to when it comes for the first time, and refused without later',
              ),
            ),
            host: Type.Optional(
              described(Host, 'Where peers reach this one; without it, the address the index sees'),
            ),
            port: Port,
            zone: Type.Optional(Zone),
            freeBytes: FreeBytes,
            diskBytes: Type.Optional(DiskBytes),
          },
          { description: 'There exactly when a peer registers at an index' },
        ),
      ),
    }),
    reply: Type.Object({
      protocol: Protocol,
      role: Type.Union([Type.Literal('index'), Type.Literal('peer')]),
      peerId: Type.Optional(described(PeerId, 'The id of the peer that answers')),
      registered: Type.Optional(
        Type.Object(
          {
            seenSeq: described(
              Sequence,
              'The last change that the index has of what this run or the one before announced; 0 when it can prove none',
            ),
            heartbeatMs: Type.Integer({
              minimum: deadlines.heartbeatMinMs,
              maximum: deadlines.heartbeatMaxMs,
              description: 'How often the peer is to send a heartbeat, in milliseconds',
            }),
          },
          { description: 'There exactly when a peer was registered' },
        ),
      ),
    }),
    bulk: false,
  },
  announce: {
    summary:
      'Tells the index numbered changes of the peer’s catalog, in order. Numbers may be missing: a change that a later one made pointless is not sent.',
    from: ['peer'],
    to: ['index'],
    isLong: true,
    request: Type.Object({
      epoch: Epoch,
      begin: Type.Optional(
        Type.Boolean({
          description: 'The first of a full inventory: what the index knew before is old',
        }),
      ),
      end: Type.Optional(
        Type.Boolean({
          description: 'The last of a full inventory: what was not announced since `begin` is gone',
        }),
      ),
      previousSeq: described(
        Sequence,
        'The `lastSeq` of the announcement before this one; 0 with `begin`',
      ),
      lastSeq: described(Sequence, 'The number that the index has seen after this announcement'),
      changes: Type.Array(Change, { maxItems: limits.announceChangesMax }),
    }),
    reply: Type.Object({ seenSeq: described(Sequence, 'The `lastSeq` of the request') }),
    bulk: false,
  },
  heartbeat: {
    summary: 'Says that the peer is alive, and how much room its disk has.',
    from: ['peer'],
    to: ['index'],
    request: Type.Object({ freeBytes: FreeBytes, diskBytes: Type.Optional(DiskBytes) }),
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
    summary:
      'Asks who has a name: all its contents, current ones first, then the best copied, then the newest.',
    from: ['peer', 'client'],
    to: ['index'],
    request: Type.Object({
      name: Name,
      sha256: Type.Optional(
        described(Sha256, 'Names this content, too, if it is a replaced version that is kept'),
      ),
    }),
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
    reply: Type.Object({ content: FoundContent, copies: LiveCopies, factor: Factor }),
    bulk: false,
  },
  search: {
    summary:
      'Finds names: by a part of them without regard to case, or by a glob (*, ?, [..], **) over the whole name. An empty query lists all names.',
    from: ['peer', 'client'],
    to: ['index'],
    isReplyLong: true,
    request: Type.Object({
      query: Type.String({ maxLength: limits.queryBytesMax }),
      limit: RowsMax,
      after: After,
    }),
    reply: Type.Object({
      files: Type.Array(FoundName, { maxItems: limits.pageRowsMax }),
      next: Type.Optional(
        described(Cursor, 'There when more follow: the `after` of the next page'),
      ),
    }),
    bulk: false,
  },
  match: {
    summary:
      'Lists the files of a folder, or those whose name a glob matches (`*`, `?`, `[..]`, `**`), with what a download of each needs to begin. A name is matched by itself, too.',
    from: ['peer', 'client'],
    to: ['index'],
    isReplyLong: true,
    request: Type.Object({
      pattern: Type.String({
        minLength: 1,
        maxLength: limits.queryBytesMax,
        description: 'A glob, or a folder: `photos` means `photos/**`',
      }),
      limit: rowsMax(limits.matchedFilesMax),
      after: After,
    }),
    reply: Type.Object({
      files: Type.Array(MatchedFile, { maxItems: limits.matchedFilesMax }),
      next: Type.Optional(
        described(Cursor, 'There when more may follow: the `after` of the next page'),
      ),
    }),
    bulk: false,
  },
  peers: {
    summary: 'Lists the registry, sorted by peer id.',
    from: ['peer', 'client'],
    to: ['index'],
    isReplyLong: true,
    request: Type.Object({
      limit: RowsMax,
      after: Type.Optional(described(PeerId, 'The `next` of the page before this one')),
    }),
    reply: Type.Object({
      peers: Type.Array(PeerInfo, { maxItems: limits.pageRowsMax }),
      next: Type.Optional(
        described(PeerId, 'There when more follow: the `after` of the next page'),
      ),
    }),
    bulk: false,
  },
  stats: {
    summary: 'Asks for the index’s own counters.',
    from: ['peer', 'client'],
    to: ['index'],
    request: Empty,
    reply: Type.Object({
      uptimeMs: described(Millis, 'Milliseconds since the index started'),
      names: Count,
      contents: Count,
      copies: Count,
      bytes: described(Bytes, 'What the contents take together, each counted once'),
      connections: described(Count, 'Open now'),
      requests: described(Count, 'Answered since the index started'),
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
      replacedVersions: Type.Optional(
        described(Count, 'Replaced versions of it that are kept, if any; `versions` lists them'),
      ),
    }),
    bulk: false,
  },
  unshare: {
    summary:
      'Takes a file out of the cluster. On the index’s disk before it is answered. Its owner may, and with `force` any peer.',
    from: ['peer'],
    to: ['index'],
    request: Type.Object({
      name: Name,
      owner: Type.Optional(
        described(
          PeerId,
          'Whose file it is; without it, the peer’s own, or with `force` that of each owner if the peer has none',
        ),
      ),
      force: Type.Optional(
        Type.Boolean({ description: 'Whether a file of another peer may be taken out, too' }),
      ),
    }),
    reply: Type.Object({
      owners: Type.Array(PeerId, {
        maxItems: limits.ownersPerNameMax,
        description: 'Whose files were taken out',
      }),
    }),
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
  fetching: {
    summary:
      'Tells which contents of several chunks the peer is downloading, in place of what it told before: it serves the chunks it has. Forgotten with the connection.',
    from: ['peer'],
    to: ['index'],
    request: Type.Object({
      contents: Type.Array(Content, { maxItems: limits.unfinishedNamedMax }),
    }),
    reply: Empty,
    bulk: false,
  },
  unreached: {
    summary:
      'Tells the index that a peer could not be connected to. The index dials that peer itself, and believes only what it finds.',
    from: ['peer'],
    to: ['index'],
    request: Type.Object({ peerId: described(PeerId, 'Who could not be connected to') }),
    reply: Empty,
    bulk: false,
  },
  reached: {
    summary:
      'Tells a peer whether the index could connect to the address that it registered, after each look that changed something and after each registration.',
    from: ['index'],
    to: ['peer'],
    request: Type.Object({
      host: Host,
      port: Port,
      reason: Type.Optional(
        Type.String({ maxLength: 500, description: 'Why not; absent when it was reached' }),
      ),
    }),
    reply: Empty,
    bulk: false,
  },
  probe: {
    summary:
      'Asks a registered peer whether it is still there, because another process says hello with its id.',
    from: ['index'],
    to: ['peer'],
    request: Empty,
    reply: Empty,
    bulk: false,
  },
  ...taskMessages,
  ...doubtMessages,
  ...versionMessages,
  ...peerMessages,
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
