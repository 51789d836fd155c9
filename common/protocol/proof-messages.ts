/** Messages by which an index finds copies that do not exist: a part of the table in messages.ts. */
import Type from 'typebox'
import { limits } from '../limits.ts'
import { described, Sha256 } from './fields.ts'
import type { MessageRow } from './message-row.ts'
import { rights } from './rights.ts'

const Chunk = Type.Integer({
  minimum: 0,
  maximum: limits.chunksMax - 1,
  description: 'Index of the chunk, from 0',
})

export const proofMessages = {
  prove: {
    summary:
      'Asks a peer to prove that it has a copy of a content: it reads the chunk from its disk, yielding to downloads. All holders get the same chunk and nonce. If a holder fails, its copy does not count until it passes.',
    from: ['index', 'peer'],
    to: ['peer'],
    by: rights.coordination,
    request: Type.Object({
      sha256: Sha256,
      chunk: Chunk,
      nonce: Type.String({
        pattern: '^[0-9a-f]{32}$',
        description: 'Random, for this question only',
      }),
    }),
    reply: Type.Object({
      proof: described(
        Sha256,
        'The SHA-256 of 16 bytes and the bytes of the chunk. They are the nonce if the index of a cluster asks; if a member of a mesh asks, the first of the SHA-256 of the nonce and the id of that member',
      ),
    }),
    bulk: false,
  },
  'show-chunk': {
    summary:
      'Requests a chunk, if proofs differ or there is nothing to compare them with. The bulk bytes are the chunk list, and then the chunk.',
    from: ['index'],
    to: ['peer'],
    by: rights.index,
    request: Type.Object({ sha256: Sha256, chunk: Chunk }),
    reply: Type.Object({}),
    bulk: true,
  },
} as const satisfies Record<string, MessageRow>
