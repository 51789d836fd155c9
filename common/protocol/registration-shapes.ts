/** What a peer says of itself and its catalog, to an index or to a mesh: a part of the table in messages.ts. */
import Type, { type Static } from 'typebox'
import { limits } from '../limits.ts'
import { described, Epoch, Host, Port, Sequence } from './fields.ts'
import { IsSecure, NeedsToken } from './http-shapes.ts'
import { Change } from './shapes.ts'

export const Continues = Type.Object(
  {
    epoch: described(Epoch, 'The epoch of the previous run'),
    lastSeq: described(Sequence, 'The last change of that run in the catalog when this run began'),
  },
  { description: 'The run whose catalog this one continues, if any' },
)

export const HttpServer = Type.Object(
  {
    host: Type.Optional(described(Host, 'The address that it listens on; absent: all addresses')),
    port: Port,
    needsToken: NeedsToken,
    isSecure: IsSecure,
  },
  { description: 'The HTTP server of the peer, if it has one' },
)

export const Announcement = Type.Object({
  epoch: Epoch,
  begin: Type.Optional(
    Type.Boolean({
      description: 'Starts a full inventory',
    }),
  ),
  end: Type.Optional(
    Type.Boolean({
      description: 'Ends a full inventory: the index drops everything not announced since `begin`',
    }),
  ),
  previousSeq: described(Sequence, 'The `lastSeq` of the previous announcement; 0 with `begin`'),
  lastSeq: described(Sequence, 'The number of the last change after this announcement'),
  changes: Type.Array(Change, { maxItems: limits.announceChangesMax }),
})
/** Numbered changes of a peer's catalog, in order. */
export type Announcement = Static<typeof Announcement>
