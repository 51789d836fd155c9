/** Messages about copies in doubt: a part of the table in messages.ts. */
import Type from 'typebox'
import { described, PeerId, Sha256 } from './fields.ts'
import type { MessageRow } from './message-row.ts'
import { rights } from './rights.ts'

const Empty = Type.Object({})

export const doubtMessages = {
  accuse: {
    summary:
      'Reports that a peer sent bytes with a wrong hash. The copy does not count until that peer has read it and announced it again. A peer accused from two hosts is listed last until an hour has passed without an accusation.',
    from: ['peer'],
    to: ['index'],
    by: rights.sharing,
    request: Type.Object({ peerId: described(PeerId, 'The peer that sent them'), sha256: Sha256 }),
    reply: Empty,
    bulk: false,
  },
  verify: {
    summary:
      'Tells a peer that its copies of a content are in doubt, because another peer received wrong bytes. It verifies each copy and announces it again, or announces its loss; until then they do not count.',
    from: ['index', 'peer'],
    to: ['peer'],
    by: rights.coordination,
    request: Type.Object({ sha256: Sha256 }),
    reply: Empty,
    bulk: false,
  },
} as const satisfies Record<string, MessageRow>
