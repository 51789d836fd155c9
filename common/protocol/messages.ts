/**
 * The table of the protocol: who may send which message to whom, and its schemas. Types, validators,
 * the handlers' completeness and PROTOCOL.md are derived from it.
 */
import Type, { type Static } from 'typebox'
import type { ProvenIdentity } from '../identity/cluster-role.ts'
import { deadlines, limits } from '../limits.ts'
import { changeMessages } from './change-messages.ts'
import { clusterMessages } from './cluster-messages.ts'
import { contentMessages } from './content-messages.ts'
import { doubtMessages } from './doubt-messages.ts'
import { eventMessages } from './event-messages.ts'
import { ExplainedContent } from './explained-content.ts'
import {
  Count,
  Cursor,
  described,
  Epoch,
  Host,
  IdentityHash,
  Name,
  PeerId,
  Port,
  Purpose,
  Sequence,
  Sha256,
  Zone,
} from './fields.ts'
import { folderMessages } from './folder-messages.ts'
import { historyMessages } from './history-messages.ts'
import { IntentState, intentMessages, OtherIntent } from './intent-messages.ts'
import { meshMessages } from './mesh-messages.ts'
import type { MessageRow, Role } from './message-row.ts'
import { peerMessages } from './peer-messages.ts'
import { planMessages } from './plan-messages.ts'
import { proofMessages } from './proof-messages.ts'
import { queryMessages } from './query-messages.ts'
import { reachMessages } from './reach-messages.ts'
import { Announcement, Continues, HttpServer } from './registration-shapes.ts'
import { rights } from './rights.ts'
import {
  CapacityBytes,
  ClusterStatus,
  Content,
  DiskBytes,
  FoundContent,
  FoundName,
  FreeBytes,
  loadFields,
  MatchedFile,
  PeerInfo,
} from './shapes.ts'
import { taskMessages } from './task-messages.ts'
import { trashMessages } from './trash-messages.ts'
import { versionMessages } from './version-messages.ts'

export type { Event } from './event-messages.ts'
/** The types of what messages carry. */
export type { ExplainedContent } from './explained-content.ts'
export type { FolderEntry } from './folder-messages.ts'
export type { HttpAddress } from './http-shapes.ts'
export type { IntentRecord, IntentState } from './intent-messages.ts'
export type { PeerNotes } from './plan-shapes.ts'
export type {
  Change,
  Content,
  CopyKey,
  CopyKind,
  FileVersion,
  FoundContent,
  FoundName,
  FoundSource,
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

const TrustNumber = Type.Integer({
  minimum: 1,
  description: 'In a secured cluster: the version of the trust document that the sender has',
})

const rowsMax = (maximum: number) =>
  Type.Integer({ minimum: 1, maximum, description: 'Maximum number of rows in the page' })
const RowsMax = rowsMax(limits.pageRowsMax)
const After = Type.Optional(described(Cursor, 'The `next` of the previous page'))

export const messages = {
  hello: {
    summary:
      'Opens a connection: both sides identify themselves. A peer that sends it to an index registers itself.',
    from: ['peer', 'client'],
    to: ['index', 'peer'],
    by: rights.greeting,
    request: Type.Object({
      protocol: Protocol,
      role: Type.Union([Type.Literal('peer'), Type.Literal('client')]),
      peerId: Type.Optional(described(PeerId, 'The id of the peer that sends the hello')),
      trust: Type.Optional(TrustNumber),
      registration: Type.Optional(
        Type.Object(
          {
            epoch: Epoch,
            continues: Type.Optional(Continues),
            identity: Type.Optional(
              described(
                IdentityHash,
                'The id is bound to it at its first registration; later registrations without it are refused',
              ),
            ),
            host: Type.Optional(
              described(
                Host,
                'Where peers reach this one; by default the address that the index sees',
              ),
            ),
            port: Port,
            http: Type.Optional(HttpServer),
            zone: Type.Optional(Zone),
            freeBytes: FreeBytes,
            diskBytes: Type.Optional(DiskBytes),
            capacityBytes: Type.Optional(CapacityBytes),
            intent: Type.Optional(
              described(IntentState, 'The decisions that the peer stores, if any'),
            ),
            otherIntent: Type.Optional(OtherIntent),
            hasAnnounced: Type.Optional(
              Type.Boolean({
                description:
                  'Whether an index has acknowledged changes of this run. If so, an index that does not know the peer has lost its inventory, and waits before it makes copies',
              }),
            ),
          },
          { description: 'Present if and only if a peer registers at an index' },
        ),
      ),
    }),
    reply: Type.Object({
      protocol: Protocol,
      role: Type.Union([Type.Literal('index'), Type.Literal('peer')]),
      peerId: Type.Optional(described(PeerId, 'The id of the peer that answers')),
      trust: Type.Optional(TrustNumber),
      registered: Type.Optional(
        Type.Object(
          {
            seenSeq: described(
              Sequence,
              'The last change announced by this run or the one it continues that the index has; 0 if it can prove none',
            ),
            heartbeatMs: Type.Integer({
              minimum: deadlines.heartbeatMinMs,
              maximum: deadlines.heartbeatMaxMs,
              description: 'Interval of heartbeats, in milliseconds',
            }),
          },
          { description: 'Present if and only if a peer was registered' },
        ),
      ),
    }),
    bulk: false,
  },
  announce: {
    summary:
      'Sends the index numbered changes of the peer’s catalog, in order. Numbers may be skipped: superseded changes are not sent.',
    from: ['peer'],
    to: ['index'],
    by: rights.sharing,
    isLong: true,
    request: Announcement,
    reply: Type.Object({ seenSeq: described(Sequence, 'The `lastSeq` of the request') }),
    bulk: false,
  },
  heartbeat: {
    summary: 'Reports that the peer is alive, its room for copies, and how busy it is.',
    from: ['peer'],
    to: ['index'],
    by: rights.sharing,
    request: Type.Object({
      freeBytes: FreeBytes,
      diskBytes: Type.Optional(DiskBytes),
      capacityBytes: Type.Optional(CapacityBytes),
      ...loadFields,
      intent: Type.Optional(
        described(
          IntentState,
          'In a mesh: the decisions that the member’s own index has made or received',
        ),
      ),
      otherIntent: Type.Optional(OtherIntent),
    }),
    reply: Empty,
    bulk: false,
  },
  leave: {
    summary:
      'Reports that the peer is about to stop: it is no longer a source. Most peers return, so its copies count until it has been silent long enough to be dead.',
    from: ['peer'],
    to: ['index'],
    by: rights.sharing,
    request: Type.Object({
      forGood: Type.Optional(
        Type.Boolean({
          description: 'Whether it will not return: its files are copied elsewhere immediately',
        }),
      ),
    }),
    reply: Empty,
    bulk: false,
  },
  lookup: {
    summary:
      'Finds the contents of a name and their sources: current ones first, then those with the most copies, then the newest.',
    from: ['peer', 'client'],
    to: ['index'],
    by: rights.reading,
    request: Type.Object({
      name: Name,
      sha256: Type.Optional(
        described(Sha256, 'Include this content even if it is a replaced version that is kept'),
      ),
    }),
    reply: Type.Object({
      contents: Type.Array(FoundContent, { maxItems: limits.contentsPerNameMax }),
    }),
    isQuick: true,
    bulk: false,
  },
  search: {
    summary:
      'Finds names by a case-insensitive substring, or by a glob (*, ?, [..], **) that matches the whole name. An empty query lists all names.',
    from: ['peer', 'client'],
    to: ['index'],
    by: rights.reading,
    isReplyLong: true,
    request: Type.Object({
      query: Type.String({ maxLength: limits.queryBytesMax }),
      limit: RowsMax,
      after: After,
    }),
    reply: Type.Object({
      files: Type.Array(FoundName, { maxItems: limits.pageRowsMax }),
      next: Type.Optional(
        described(Cursor, 'Present if more follow: the `after` of the next page'),
      ),
    }),
    bulk: false,
  },
  match: {
    summary:
      'Lists the files in a folder, or those whose names match a glob (`*`, `?`, `[..]`, `**`), with what a download of each needs. A name matches itself.',
    from: ['peer', 'client'],
    to: ['index'],
    by: rights.reading,
    isReplyLong: true,
    request: Type.Object({
      pattern: Type.String({
        minLength: 1,
        maxLength: limits.queryBytesMax,
        description: 'A glob, or a folder: `photos` means `photos/**`',
      }),
      limit: rowsMax(limits.matchedFilesMax),
      after: After,
      withModified: Type.Optional(
        Type.Boolean({ description: 'Whether to say when each file was modified' }),
      ),
    }),
    reply: Type.Object({
      files: Type.Array(MatchedFile, { maxItems: limits.matchedFilesMax }),
      next: Type.Optional(
        described(Cursor, 'Present if more may follow: the `after` of the next page'),
      ),
    }),
    bulk: false,
  },
  peers: {
    summary: 'Lists the registry, sorted by peer id.',
    from: ['peer', 'client'],
    to: ['index'],
    by: rights.reading,
    isReplyLong: true,
    request: Type.Object({
      limit: RowsMax,
      after: Type.Optional(described(PeerId, 'The `next` of the previous page')),
    }),
    reply: Type.Object({
      peers: Type.Array(PeerInfo, { maxItems: limits.pageRowsMax }),
      next: Type.Optional(
        described(PeerId, 'Present if more follow: the `after` of the next page'),
      ),
    }),
    bulk: false,
  },
  status: {
    summary: 'Returns the state of the cluster: peers, contents at and below their factor, tasks.',
    from: ['peer', 'client'],
    to: ['index'],
    by: rights.reading,
    request: Empty,
    reply: ClusterStatus,
    bulk: false,
  },
  why: {
    summary: 'Explains where each copy of a name’s contents is and why copies are missing.',
    from: ['peer', 'client'],
    to: ['index'],
    by: rights.reading,
    request: Type.Object({ name: Name }),
    reply: Type.Object({
      contents: Type.Array(ExplainedContent, { maxItems: limits.contentsPerNameMax }),
      replacedVersions: Type.Optional(
        described(Count, 'Replaced versions that are kept, if any; `versions` lists them'),
      ),
    }),
    bulk: false,
  },
  unshare: {
    summary:
      'Removes a file from the cluster; durable once answered. Allowed to its owner and, with `force`, to any peer.',
    from: ['peer'],
    to: ['index'],
    by: rights.sharing,
    request: Type.Object({
      name: Name,
      owner: Type.Optional(
        described(
          PeerId,
          'The owner; by default the sender, or with `force` each owner if the sender has no such file',
        ),
      ),
      force: Type.Optional(
        Type.Boolean({ description: 'Whether to remove files of other peers as well' }),
      ),
    }),
    reply: Type.Object({
      owners: Type.Array(PeerId, {
        maxItems: limits.ownersPerNameMax,
        description: 'Whose files were removed',
      }),
    }),
    bulk: false,
  },
  share: {
    summary: 'Undoes an earlier `unshare` of the peer’s own file.',
    from: ['peer'],
    to: ['index'],
    by: rights.sharing,
    request: Type.Object({ name: Name }),
    reply: Empty,
    bulk: false,
  },
  fetching: {
    summary:
      'Reports which multi-chunk contents the peer is downloading, replacing the previous list: it serves the chunks it has. Forgotten when the connection ends.',
    from: ['peer'],
    to: ['index'],
    by: rights.sharing,
    request: Type.Object({
      contents: Type.Array(Content, { maxItems: limits.unfinishedNamedMax }),
    }),
    reply: Empty,
    bulk: false,
  },
  ...reachMessages,
  ...planMessages,
  ...taskMessages,
  ...doubtMessages,
  ...proofMessages,
  ...versionMessages,
  ...intentMessages,
  ...eventMessages,
  ...changeMessages,
  ...contentMessages,
  ...trashMessages,
  ...folderMessages,
  ...peerMessages,
  ...historyMessages,
  ...clusterMessages,
  ...meshMessages,
  ...queryMessages,
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

/** Whether the cluster role of the other side, if one is proven, allows it to send the message. */
export function maySend(type: MessageType, proven: ProvenIdentity | undefined): boolean {
  const row: MessageRow = messages[type]
  return proven === undefined || row.by.includes(proven.role)
}
