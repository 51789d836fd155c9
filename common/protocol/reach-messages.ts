/** Messages about whether a peer can be reached: a part of the table in messages.ts. */
import Type from 'typebox'
import { described, Host, PeerId, Port } from './fields.ts'
import type { MessageRow } from './message-row.ts'
import { rights } from './rights.ts'

const Empty = Type.Object({})

export const reachMessages = {
  unreached: {
    summary:
      'Reports that connecting to a peer failed. The index dials that peer itself and trusts only the result.',
    from: ['peer'],
    to: ['index'],
    by: rights.sharing,
    request: Type.Object({ peerId: described(PeerId, 'The peer that could not be reached') }),
    reply: Empty,
    bulk: false,
  },
  reached: {
    summary:
      'Tells a peer whether the index can connect to its registered address: after each registration and whenever the result changes.',
    from: ['index'],
    to: ['peer'],
    by: rights.index,
    request: Type.Object({
      host: Host,
      port: Port,
      reason: Type.Optional(
        Type.String({ maxLength: 500, description: 'Why not; absent if it was reached' }),
      ),
    }),
    reply: Empty,
    bulk: false,
  },
  probe: {
    summary:
      'Asks a registered peer whether it is still alive, because another process sent a hello with its id.',
    from: ['index'],
    to: ['peer'],
    by: rights.index,
    request: Empty,
    reply: Empty,
    bulk: false,
  },
} as const satisfies Record<string, MessageRow>
