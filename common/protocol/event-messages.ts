/** Messages about recorded events: a part of the table in messages.ts. */
import Type, { type Static, type TLiteral } from 'typebox'
import { limits } from '../limits.ts'
import { type EventKind, eventKindNames } from './event-kinds.ts'
import { Bytes, Count, described, Millis, Name, PeerId, Sha256 } from './fields.ts'
import type { MessageRow } from './message-row.ts'
import { rights } from './rights.ts'

type KindLiteral = TLiteral<EventKind>
const kindLiterals = eventKindNames.map((kind): KindLiteral => Type.Literal(kind))
/** A union has a type only if its members are a tuple. */
const EventKindName = Type.Union(kindLiterals as [KindLiteral], { description: 'What happened' })

export const eventCursorPattern = /^[0-9a-z]{1,12}-[0-9]{1,16}$/
export const EventCursor = Type.String({
  pattern: eventCursorPattern.source,
  description: 'The id of the event: a cursor that stays valid after restarts of the index',
})

export const Event = Type.Object({
  id: EventCursor,
  timeMs: described(Millis, 'When it happened, or the last of several, in milliseconds since 1970'),
  kind: EventKindName,
  peerId: Type.Optional(described(PeerId, 'The peer that did it, or that it happened to')),
  otherPeerId: Type.Optional(
    described(
      PeerId,
      'The other peer: the source of a copy, or the requester that received wrong bytes',
    ),
  ),
  name: Type.Optional(described(Name, 'The file, if it is about one')),
  folder: Type.Optional(described(Name, 'The folder that all files have in common, if several')),
  sha256: Type.Optional(described(Sha256, 'The content of the file, if it is about one')),
  count: described(
    Count,
    'How many events of this kind it stands for: similar ones in quick succession are combined',
  ),
  bytes: Type.Optional(described(Bytes, 'Bytes of the contents')),
  durationMs: Type.Optional(
    described(Millis, 'How long it took, or from the start of the first to the last'),
  ),
  reason: Type.Optional(
    Type.String({
      maxLength: limits.eventReasonCharactersMax,
      description: 'Why, as a phrase without a full stop',
    }),
  ),
})
/** Something that happened to copies or peers. */
export type Event = Static<typeof Event>

const eventFilter = {
  kinds: Type.Optional(
    Type.Array(EventKindName, { minItems: 1, maxItems: 64, description: 'Only these kinds' }),
  ),
  peerId: Type.Optional(described(PeerId, 'Only events with this peer in either role')),
  name: Type.Optional(
    described(Name, 'Only events of this file, or of files in this folder; summaries have none'),
  ),
  sinceMs: Type.Optional(described(Millis, 'Only events since then, in milliseconds since 1970')),
}

const EventPage = Type.Object({
  events: Type.Array(Event, { maxItems: limits.pageRowsMax }),
  next: described(EventCursor, 'Where to continue: the `after` or `before` of the next request'),
  isMore: Type.Boolean({
    description:
      'Whether more may follow now; a page may be short, even empty, although more follow',
  }),
  newest: described(EventCursor, 'The newest event of all: the `after` of a reader that follows'),
})

export const eventMessages = {
  events: {
    summary:
      'Lists what happened to copies and peers, newest first, or after a cursor in the order of recording. A cursor of another database of the index counts as its beginning.',
    from: ['peer', 'client'],
    to: ['index'],
    by: rights.reading,
    isReplyLong: true,
    request: Type.Object({
      limit: Type.Integer({
        minimum: 1,
        maximum: limits.pageRowsMax,
        description: 'Maximum number of events in the page',
      }),
      after: Type.Optional(described(EventCursor, 'Only later events, oldest first')),
      before: Type.Optional(
        described(EventCursor, 'Only earlier events, newest first; ignored with `after`'),
      ),
      ...eventFilter,
    }),
    reply: EventPage,
    bulk: false,
  },
} as const satisfies Record<string, MessageRow>
