/** What sets a peer apart, and what the cluster would lose without it: wire schemas and their types. */
import Type, { type Static } from 'typebox'
import { limits } from '../limits.ts'
import { Bytes, Count, described, Millis, Name, PeerId } from './fields.ts'

const Unplaceable = Type.Optional(
  Type.Object(
    {
      files: Count,
      name: described(Name, 'The first of them'),
      why: Type.String({ maxLength: 500, description: 'Why no peer can take that one now' }),
    },
    { description: 'Files that lack copies and that no peer can take now, if any' },
  ),
)

const Draining = Type.Object(
  {
    forMs: described(Millis, 'How long it has been drained'),
    progress: Type.Optional(
      Type.Object(
        {
          files: described(Count, 'Its wanted files'),
          lackingFiles: described(Count, 'Those that still lack copies on other peers; 0: done'),
          lackingBytes: described(Bytes, 'Their total size'),
          leftMs: Type.Optional(described(Millis, 'Time until then at the recent rate')),
          unplaceable: Unplaceable,
        },
        { description: 'Absent until the files have been counted' },
      ),
    ),
  },
  { description: 'Present while its copies do not count and are made elsewhere' },
)

/** What sets a peer apart from others, if anything. */
export const peerNotes = {
  draining: Type.Optional(Draining),
  maintenance: Type.Optional(
    Type.Object(
      { leftMs: described(Millis, 'Time until maintenance ends') },
      { description: 'Present while the peer does not count as dead when it is silent' },
    ),
  ),
  unproven: Type.Optional(
    Type.Object(
      {
        copies: described(Count, 'Copies that it has not proven'),
        isDistrusted: Type.Boolean({
          description: 'Whether there are so many that none of its copies counts',
        }),
      },
      {
        description: 'Present while copies do not count because it has not proven that it has them',
      },
    ),
  ),
  flapping: Type.Optional(
    Type.Object(
      {
        breaks: described(Count, 'How often it recently stopped being live'),
        leftMs: described(
          Millis,
          'How much longer it must be live without a break; the full time while it is not live',
        ),
      },
      { description: 'Present while it disconnects too often to receive new copies' },
    ),
  ),
}
export const PeerNotes = Type.Object({ peerId: PeerId, ...peerNotes })
export type PeerNotes = Static<typeof PeerNotes>

const counts = {
  files: Count,
  bytes: described(Bytes, 'Their total size'),
}
const sample = {
  ...counts,
  names: Type.Array(Name, {
    maxItems: limits.safetyNamesMax,
    description: 'The names of the first of them',
  }),
}
/** Counts of the wanted files that a peer holds. */
export const PeerSafety = Type.Object({
  held: Type.Object(counts, { description: 'The wanted files that the peer holds' }),
  alone: Type.Object(sample, { description: 'Those without a live copy on another peer' }),
  lacking: Type.Object(sample, {
    description: 'Those with fewer copies than their factor on other live peers that stay',
  }),
  unplaceable: Unplaceable,
})
export type PeerSafety = Static<typeof PeerSafety>

/** Of two pages together. */
export function sumOfUnplaceable(
  a: PeerSafety['unplaceable'],
  b: PeerSafety['unplaceable'],
): PeerSafety['unplaceable'] {
  return a === undefined || b === undefined ? (a ?? b) : { ...a, files: a.files + b.files }
}
