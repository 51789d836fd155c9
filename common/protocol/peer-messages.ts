/** Messages that peers answer to requesters: a part of the table in messages.ts. */
import Type from 'typebox'
import { limits } from '../limits.ts'
import { ContentBytes, Count, described, Purpose, Sha256 } from './fields.ts'
import type { MessageRow } from './message-row.ts'
import { rights } from './rights.ts'
import { ChunkRoot, ReadOutcome } from './shapes.ts'

const RequestPurpose = described(
  Purpose,
  'What the bytes are for: a download by a user (the default), or replication, which yields to downloads',
)

export const peerMessages = {
  'chunk-list': {
    summary:
      'Requests a content’s chunk list. The bytes are the chunks’ SHA-256 in order, 32 bytes each.',
    from: ['peer', 'client'],
    to: ['peer'],
    by: rights.reading,
    request: Type.Object({ sha256: Sha256, for: Type.Optional(RequestPurpose) }),
    reply: Type.Object({ size: ContentBytes, chunkRoot: ChunkRoot }),
    bulk: true,
  },
  chunks: {
    summary:
      'Requests which chunks of a content the peer has: chunk i is bit 7 - i % 8 of byte i / 8 of the base64 bitmap.',
    from: ['peer', 'client'],
    to: ['peer'],
    by: rights.reading,
    request: Type.Object({
      sha256: Sha256,
      beyond: Type.Optional(
        described(
          Count,
          'Answer once the peer has more chunks than this, or after a timeout. Repeated requests (long polling) learn of each chunk soon after it arrives',
        ),
      ),
    }),
    reply: Type.Object({
      size: ContentBytes,
      count: Type.Integer({
        minimum: 1,
        maximum: limits.chunksMax,
        description: 'Number of chunks of the content',
      }),
      bitmap: Type.Optional(
        Type.String({ maxLength: 2_732, description: 'Absent if the peer has all of them' }),
      ),
    }),
    bulk: false,
  },
  read: {
    summary:
      'Requests one chunk of a content, or whichever of several chunks the peer prefers to send.',
    from: ['peer', 'client'],
    to: ['peer'],
    by: rights.reading,
    request: Type.Object({
      sha256: Sha256,
      chunk: Type.Integer({
        minimum: 0,
        maximum: limits.chunksMax - 1,
        description: 'The chunk',
      }),
      or: Type.Optional(
        Type.Array(Type.Integer({ minimum: 0, maximum: limits.chunksMax - 1 }), {
          maxItems: limits.chunksOfferedMax,
          description:
            'Alternative chunks. The peer sends the one that it has sent the fewest times.',
        }),
      ),
      for: Type.Optional(RequestPurpose),
    }),
    reply: Type.Object({
      chunk: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: limits.chunksMax - 1,
          description: 'Which chunk follows; absent if it is `chunk`',
        }),
      ),
    }),
    bulk: true,
  },
  'read-many': {
    summary:
      'Requests many single-chunk contents. The bytes are those of each that has a `size`, concatenated.',
    from: ['peer', 'client'],
    to: ['peer'],
    by: rights.reading,
    request: Type.Object({
      sha256s: Type.Array(Sha256, {
        minItems: 1,
        maxItems: limits.contentsPerReadMax,
        description: `The contents; those beyond ${limits.contentsReadBytesMax} bytes in total fail with \`TOO_LARGE\``,
      }),
      for: Type.Optional(RequestPurpose),
    }),
    reply: Type.Object({
      contents: Type.Array(ReadOutcome, {
        maxItems: limits.contentsPerReadMax,
        description: 'One per item of `sha256s`, in the same order',
      }),
    }),
    bulk: true,
  },
} as const satisfies Record<string, MessageRow>
