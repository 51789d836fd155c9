/** Messages about replaced versions of files: a part of the table in messages.ts. */
import Type from 'typebox'
import { limits } from '../limits.ts'
import { Cursor, described, Name } from './fields.ts'
import type { MessageRow } from './message-row.ts'
import { rights } from './rights.ts'
import { FileVersion, ReplicaVersion } from './shapes.ts'

export const versionMessages = {
  versions: {
    summary:
      'Lists the contents of a name: each owner’s current one and the replaced ones that are kept, newest first.',
    from: ['peer', 'client'],
    to: ['index'],
    by: rights.reading,
    request: Type.Object({
      name: Name,
      limit: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: limits.versionsListedMax,
          description: 'Maximum number of rows in the page. Default: as many as possible',
        }),
      ),
      after: Type.Optional(described(Cursor, 'The `next` of the previous page')),
    }),
    reply: Type.Object({
      versions: Type.Array(FileVersion, { maxItems: limits.versionsListedMax }),
      next: Type.Optional(
        described(Cursor, 'Present if more follow: the `after` of the next page'),
      ),
    }),
    bulk: false,
  },
  'confirm-drops': {
    summary:
      'Asks whether replicated copies may still be removed. The peer sends it immediately before removing them, and removes none without confirmation.',
    from: ['peer'],
    to: ['index', 'peer'],
    by: rights.sharing,
    isLong: true,
    request: Type.Object({
      copies: Type.Array(ReplicaVersion, { minItems: 1, maxItems: limits.tasksPerRequestMax }),
    }),
    reply: Type.Object({
      confirmed: Type.Array(Type.Boolean({ description: 'One per copy, in the same order' }), {
        maxItems: limits.tasksPerRequestMax,
      }),
    }),
    bulk: false,
  },
} as const satisfies Record<string, MessageRow>
