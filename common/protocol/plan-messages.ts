/** Messages about the plans for a peer: a part of the table in messages.ts. */
import Type from 'typebox'
import { limits } from '../limits.ts'
import { described, PeerId } from './fields.ts'
import type { MessageRow } from './message-row.ts'
import { PeerSafety } from './plan-shapes.ts'
import { rights } from './rights.ts'

const Empty = Type.Object({})
/** The copies of a peer, by key; JSON may escape each character. */
const SafetyCursor = Type.String({ minLength: 1, maxLength: 8 * limits.nameBytesMax })
const OfPeer = Type.Object({ peerId: PeerId })

export const planMessages = {
  drain: {
    summary:
      'Prepares a peer to leave: its copies no longer count, so other peers make new ones. Durable once answered.',
    from: ['peer'],
    to: ['index'],
    by: rights.sharing,
    request: OfPeer,
    reply: Empty,
    bulk: false,
  },
  undrain: {
    summary: 'Lets the copies of a drained peer count again. Durable once answered.',
    from: ['peer'],
    to: ['index'],
    by: rights.sharing,
    request: OfPeer,
    reply: Type.Object({ wasDrained: Type.Boolean() }),
    bulk: false,
  },
  maintain: {
    summary:
      'Lets a peer be silent without counting as dead, from now on; replaces an earlier time. Durable once answered.',
    from: ['peer'],
    to: ['index'],
    by: rights.sharing,
    request: Type.Object({
      peerId: PeerId,
      forMs: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: limits.maintenanceMsMax,
          description: 'Duration in milliseconds; absent: maintenance ends',
        }),
      ),
    }),
    reply: Type.Object({ wasInMaintenance: Type.Boolean() }),
    bulk: false,
  },
  safety: {
    summary:
      'Counts what the cluster would lose without a peer, page by page: the counts of all pages add up.',
    from: ['peer', 'client'],
    to: ['index'],
    by: rights.reading,
    request: Type.Object({
      peerId: PeerId,
      after: Type.Optional(described(SafetyCursor, 'The `next` of the previous page')),
    }),
    reply: Type.Object({
      ...PeerSafety.properties,
      next: Type.Optional(
        described(SafetyCursor, 'Where the next page begins; absent after the last'),
      ),
    }),
    bulk: false,
  },
  'forget-peer': {
    summary:
      'Permanently removes a dead peer: its copies, its registration and its claim on its id. Its files stay as long as other peers have them. Durable once done.',
    from: ['peer'],
    to: ['index'],
    by: rights.administration,
    request: Type.Object({
      peerId: PeerId,
      force: Type.Optional(
        Type.Boolean({
          description: 'Whether to forget the peer even if files that only it has are lost',
        }),
      ),
    }),
    reply: Type.Object({
      done: Type.Boolean({ description: 'False while it continues: send the request again' }),
    }),
    bulk: false,
  },
} as const satisfies Record<string, MessageRow>
