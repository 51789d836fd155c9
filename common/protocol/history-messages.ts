/** Messages about what a peer has transferred and was asked: a part of the table in messages.ts. */
import Type, { type Static } from 'typebox'
import { limits } from '../limits.ts'
import {
  Bytes,
  Count,
  described,
  ErrorCodeText,
  Millis,
  Name,
  PeerId,
  Purpose,
  Sha256,
} from './fields.ts'
import type { MessageRow } from './message-row.ts'
import { QueryId } from './query-messages.ts'
import { rights } from './rights.ts'

const Rate = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const Party = Type.String({
  minLength: 1,
  maxLength: limits.partyCharactersMax,
  description: 'A peer id, or the address of a client that is not a peer',
})
const direction = {
  description: 'Whether the asked peer received or sent the bytes',
}
export const Direction = Type.Union([Type.Literal('in'), Type.Literal('out')], direction)
export type Direction = Static<typeof Direction>

const file = {
  name: Type.Optional(described(Name, 'The file, if it is one and its name is known')),
  folder: Type.Optional(described(Name, 'The folder that all files have in common, if several')),
  sha256: Type.Optional(described(Sha256, 'Its content, if it is one')),
  count: described(Count, 'The number of files: small ones are combined'),
}

export const RunningTransfer = Type.Object({
  direction: Direction,
  purpose: Purpose,
  peerId: described(Party, 'The other side: the source, or the requester'),
  ...file,
  size: described(Bytes, 'Total size of the contents'),
  bytes: described(Bytes, 'Bytes sent so far from this side to that'),
  bytesPerSecond: Rate,
})
/** Bytes on their way between a peer and one other. */
export type RunningTransfer = Static<typeof RunningTransfer>

const HistoryCursor = Type.String({
  pattern: '^[0-9]{1,16}-[0-9]{1,16}$',
  description: 'The time in milliseconds since 1970 and the number of a row',
})

export const PastTransfer = Type.Object({
  id: HistoryCursor,
  timeMs: described(Millis, 'When it ended, in milliseconds since 1970'),
  direction: Direction,
  purpose: Purpose,
  ...file,
  bytes: described(Bytes, 'Bytes that were sent'),
  from: Type.Array(Type.Object({ peerId: Party, bytes: Bytes }), {
    maxItems: limits.transferSourcesMax,
    description: 'Who sent them',
  }),
  to: described(Party, 'Who received them'),
  durationMs: Millis,
  bytesPerSecond: Rate,
})
/** A transfer that has ended, or several small ones together. */
export type PastTransfer = Static<typeof PastTransfer>

export const queryKinds = ['lookup', 'search', 'browse', 'mesh'] as const
export type QueryKind = (typeof queryKinds)[number]
export const callers = ['page', 'command', 'program', 'download', 'mesh'] as const
export type Caller = (typeof callers)[number]

export const PastQuery = Type.Object({
  id: HistoryCursor,
  timeMs: described(Millis, 'When it was answered, in milliseconds since 1970'),
  kind: Type.Union(
    [Type.Literal('lookup'), Type.Literal('search'), Type.Literal('browse'), Type.Literal('mesh')],
    { description: 'Mesh: each member of the mesh was asked' },
  ),
  what: Type.String({ maxLength: limits.nameBytesMax, description: 'The name, text or folder' }),
  by: Type.Union(
    [
      Type.Literal('page'),
      Type.Literal('command'),
      Type.Literal('program'),
      Type.Literal('download'),
      Type.Literal('mesh'),
    ],
    {
      description:
        'Who asked the peer: a browser, `tandem`, another program, a download, or the mesh',
    },
  ),
  queryId: Type.Optional(described(QueryId, 'Of a query in the mesh')),
  origin: Type.Optional(described(PeerId, 'Of a query in the mesh: the member that asked')),
  count: described(
    Count,
    'The number of queries that it stands for: above some rate they are only counted',
  ),
  found: Type.Optional(described(Count, 'Rows of the answer')),
  sha256: Type.Optional(described(Sha256, 'Of a lookup: the content')),
  addresses: Type.Optional(
    Type.Array(Type.String({ maxLength: limits.partyCharactersMax }), {
      maxItems: limits.queryAddressesMax,
      description:
        'Of a lookup: where the content is. Of a query in the mesh: the members that answered',
    }),
  ),
  error: Type.Optional(described(ErrorCodeText, 'The error code, if it failed')),
  durationMs: Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
})
/** A query that was made at a peer. */
export type PastQuery = Static<typeof PastQuery>

const Duration = Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
export const Sample = Type.Object({
  timeMs: described(Millis, 'The end of the interval, in milliseconds since 1970'),
  uploadBytesPerSecond: Rate,
  downloadBytesPerSecond: Rate,
  lookupsPerSecond: Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  p50Ms: Type.Optional(described(Duration, 'Half of the lookups took no longer')),
  p99Ms: Type.Optional(described(Duration, '99 % of the lookups took no longer')),
  atFactor: Type.Optional(described(Count, 'Contents with enough copies; absent without an index')),
  belowFactor: Type.Optional(described(Count, 'Contents with fewer')),
  withoutCopies: Type.Optional(described(Count, 'Those without any')),
})
/** What charts show of one interval. */
export type Sample = Static<typeof Sample>

const page = {
  limit: Type.Integer({
    minimum: 1,
    maximum: limits.pageRowsMax,
    description: 'Maximum number of rows',
  }),
  before: Type.Optional(described(HistoryCursor, 'Only earlier rows')),
}

export const historyMessages = {
  'past-transfers': {
    summary: 'Lists transfers of the peer that have ended, newest first.',
    from: ['peer'],
    to: ['peer'],
    by: rights.sharing,
    isReplyLong: true,
    request: Type.Object({ ...page, direction: Type.Optional(Direction) }),
    reply: Type.Object({
      transfers: Type.Array(PastTransfer, { maxItems: limits.pageRowsMax }),
      isMore: Type.Boolean({ description: 'Whether there are earlier ones' }),
    }),
    bulk: false,
  },
  'past-queries': {
    summary: 'Lists queries that the peer received, newest first.',
    from: ['peer'],
    to: ['peer'],
    by: rights.sharing,
    isReplyLong: true,
    request: Type.Object(page),
    reply: Type.Object({
      queries: Type.Array(PastQuery, { maxItems: limits.pageRowsMax }),
      isMore: Type.Boolean({ description: 'Whether there are earlier ones' }),
    }),
    bulk: false,
  },
} as const satisfies Record<string, MessageRow>
