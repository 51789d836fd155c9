/** What `why` says of a content: a wire schema and its type. */
import Type, { type Static } from 'typebox'
import { limits } from '../limits.ts'
import { ContentBytes, Count, described, Name, PeerId, Sha256 } from './fields.ts'
import { CopyKind, PeerState } from './shapes.ts'

const Factor = described(Count, 'The target number of copies')
export const ExplainedContent = Type.Object({
  sha256: Sha256,
  size: ContentBytes,
  factor: Factor,
  wanted: Type.Boolean({ description: 'Whether a peer shares it and has not unshared it' }),
  copies: Type.Array(
    Type.Object({
      peerId: PeerId,
      kind: CopyKind,
      name: Name,
      state: PeerState,
      damaged: Type.Optional(
        Type.Boolean({ description: 'Its bytes are no longer the content: not a copy' }),
      ),
      unproven: Type.Optional(
        Type.Boolean({ description: 'The peer has not proven that it has it: it does not count' }),
      ),
    }),
    { maxItems: limits.sourcesPerContentMax },
  ),
  missing: Type.Array(Type.String({ maxLength: 500 }), {
    maxItems: 20,
    description: 'Why copies are missing, as sentences without a full stop; empty if none are',
  }),
  surplus: Type.Optional(
    Type.String({
      maxLength: 500,
      description:
        'How many replicas are beyond the factor and what dropping them waits for, as a sentence without a full stop',
    }),
  ),
  moving: Type.Optional(
    Type.String({
      maxLength: 500,
      description: 'From which peer to which a replica moves, and why, as a sentence',
    }),
  ),
})
export type ExplainedContent = Static<typeof ExplainedContent>
