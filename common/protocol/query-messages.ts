/** Messages by which a member of a mesh finds what it does not know: a part of the table in messages.ts. */
import Type, { type Static } from 'typebox'
import { limits } from '../limits.ts'
import {
  Bytes,
  described,
  Epoch,
  Host,
  Millis,
  Name,
  PeerId,
  Port,
  Sequence,
  Sha256,
} from './fields.ts'
import type { MessageRow } from './message-row.ts'
import { rights } from './rights.ts'
import { Change } from './shapes.ts'

export const ProgramUrl = Type.String({
  pattern: '^https?://[^/?#@]{1,300}/?$',
  description: 'An HTTP server, such as http://192.0.2.9:9000',
})

const Empty = Type.Object({})

export const QueryId = Type.String({
  pattern: '^[0-9a-f]{32}$',
  description:
    'Random digits, by which each member recognizes a query that it has already received',
})

export const QueryWhat = {
  name: Type.Optional(described(Name, 'The full name of a file')),
  sha256: Type.Optional(described(Sha256, 'Its content; alone, or of the versions of a name')),
  pattern: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: limits.nameBytesMax,
      description: 'Instead of a name: a pattern with * ? [..] **',
    }),
  ),
  search: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: limits.queryBytesMax,
      description: 'Instead of a name: what `search` takes, a part of names or a pattern',
    }),
  ),
}

export const QueryFile = Type.Object({
  name: Name,
  sha256: Sha256,
  size: Bytes,
  modifiedMs: Type.Optional(
    described(Millis, 'When the file was modified, in milliseconds since 1970'),
  ),
})
/** A file that a holder says it has. */
export type QueryFile = Static<typeof QueryFile>

export const queryMessages = {
  query: {
    summary:
      'Asks for a file that the origin does not know. A holder sends `query-hit` to the origin; each member forwards a query that is new to it to some others, and replies when they have replied.',
    from: ['peer'],
    to: ['peer'],
    by: rights.sharing,
    request: Type.Object({
      queryId: QueryId,
      ...QueryWhat,
      ttl: Type.Integer({
        minimum: 0,
        maximum: limits.queryTtlMax,
        description: 'How many more times it is forwarded',
      }),
      origin: Type.Object(
        { peerId: PeerId, host: Host, port: Port },
        {
          description:
            'The member that asks. Hits go to the address that the mesh has for it, and only rarely to this one',
        },
      ),
    }),
    reply: Type.Object({
      isDone: Type.Optional(
        Type.Literal(true, {
          description:
            'Present if the receiver, and all members that got the query through it, have sent their hits; absent if some have not answered',
        }),
      ),
    }),
    bulk: false,
  },
  'query-hit': {
    summary: 'Answers a query: the sender has these files. Ignored if the receiver did not ask.',
    from: ['peer'],
    to: ['peer'],
    by: rights.sharing,
    request: Type.Object({
      queryId: QueryId,
      files: Type.Array(QueryFile, { minItems: 1, maxItems: limits.queryHitFilesMax }),
      program: Type.Optional(
        Type.Object(
          { peerId: PeerId, url: ProgramUrl },
          {
            description:
              'Present if the files are not the sender’s, but those of a program that takes part in the mesh through it, over HTTP',
          },
        ),
      ),
    }),
    reply: Empty,
    bulk: false,
  },
  'mesh-copies': {
    summary: 'Asks a member which copies it has itself of some contents.',
    from: ['peer'],
    to: ['peer'],
    by: rights.sharing,
    isReplyLong: true,
    request: Type.Object({
      sha256s: Type.Array(Sha256, { minItems: 1, maxItems: limits.copiesAskedMax }),
    }),
    reply: Type.Object({
      epoch: Epoch,
      lastSeq: described(Sequence, 'The last change of its catalog'),
      copies: Type.Array(Change, {
        maxItems: limits.copiesToldMax,
        description: 'Some copies of each content, as they were announced',
      }),
    }),
    bulk: false,
  },
} as const satisfies Record<string, MessageRow>

export type QueryMessage = keyof typeof queryMessages
