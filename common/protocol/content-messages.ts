/** Messages about contents without a name: a part of the table in messages.ts. */
import Type from 'typebox'
import { ContentBytes, Name, Sha256 } from './fields.ts'
import type { MessageRow } from './message-row.ts'
import { rights } from './rights.ts'

export const contentMessages = {
  'find-content': {
    summary:
      'Finds a name of a content by its SHA-256. A file that exists is preferred over a deleted one or an earlier version.',
    from: ['peer', 'client'],
    to: ['index'],
    by: rights.reading,
    request: Type.Object({ sha256: Sha256 }),
    reply: Type.Object({ name: Name, size: ContentBytes }),
    bulk: false,
  },
} as const satisfies Record<string, MessageRow>
