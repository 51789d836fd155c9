/** The part of the table of messages that peers answer to those who fetch from them. */
import Type from 'typebox'
import { limits } from '../limits.ts'
import { ContentBytes, Count, described, Purpose, Sha256 } from './fields.ts'
import type { MessageRow } from './message-row.ts'
import { ChunkRoot, ReadOutcome } from './shapes.ts'

export const peerMessages = {
  'chunk-list': {
    summary:
      'Asks for a content’s chunk list. The bytes are the chunks’ SHA-256 in order, 32 bytes each.',
    from: ['peer', 'client'],
    to: ['peer'],
    request: Type.Object({ sha256: Sha256, for: Type.Optional(Purpose) }),
    reply: Type.Object({ size: ContentBytes, chunkRoot: ChunkRoot }),
    bulk: true,
  },
  chunks: {
    summary:
      'Asks which chunks of a content the peer has: chunk i is bit 7 - i % 8 of byte i / 8 of the base64 bitmap.',
    from: ['peer', 'client'],
    to: ['peer'],
    request: Type.Object({
      sha256: Sha256,
      beyond: Type.Optional(
        described(
          Count,
          'Answer when the peer has more chunks than this, or after a while. Whoever asks again and again so is told of each chunk soon after it came',
        ),
      ),
    }),
    reply: Type.Object({
      size: ContentBytes,
      count: Type.Integer({
        minimum: 1,
        maximum: limits.chunksMax,
        description: 'Chunks that the content has',
      }),
      bitmap: Type.Optional(
        Type.String({ maxLength: 2_732, description: 'Absent when the peer has them all' }),
      ),
    }),
    bulk: false,
  },
  read: {
    summary:
      'Asks for the bytes of consecutive chunks of a content, or of whichever of several chunks the peer prefers to send.',
    from: ['peer', 'client'],
    to: ['peer'],
    request: Type.Object({
      sha256: Sha256,
      chunk: Type.Integer({
        minimum: 0,
        maximum: limits.chunksMax - 1,
        description: 'The first chunk',
      }),
      count: Type.Integer({
        minimum: 1,
        maximum: limits.chunksPerReadMax,
        description: 'How many chunks; all must exist',
      }),
      or: Type.Optional(
        Type.Array(Type.Integer({ minimum: 0, maximum: limits.chunksMax - 1 }), {
          maxItems: limits.chunksOfferedMax,
          description:
            'Other chunks, any of which is as welcome; with a `count` of 1. The peer sends the one that it has sent the fewest times.',
        }),
      ),
      for: Type.Optional(Purpose),
    }),
    reply: Type.Object({
      chunk: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: limits.chunksMax - 1,
          description: 'Which chunk follows; absent when it is `chunk`',
        }),
      ),
    }),
    bulk: true,
  },
  'read-many': {
    summary:
      'Asks for many contents of one chunk at once, whole. The bytes are those of each that has a `size`, one after another.',
    from: ['peer', 'client'],
    to: ['peer'],
    request: Type.Object({
      sha256s: Type.Array(Sha256, {
        minItems: 1,
        maxItems: limits.contentsPerReadMax,
        description: `Which; what is beyond ${limits.contentsReadBytesMax} bytes together is \`TOO_LARGE\``,
      }),
      for: Type.Optional(Purpose),
    }),
    reply: Type.Object({
      contents: Type.Array(ReadOutcome, {
        maxItems: limits.contentsPerReadMax,
        description: 'One for each of `sha256s`, in their order',
      }),
    }),
    bulk: true,
  },
} as const satisfies Record<string, MessageRow>
