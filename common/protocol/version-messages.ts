/** The part of the table of messages that is about replaced versions of files. */
import Type from 'typebox'
import { limits } from '../limits.ts'
import { Name } from './fields.ts'
import type { MessageRow } from './message-row.ts'
import { FileVersion, ReplicaVersion } from './shapes.ts'

export const versionMessages = {
  versions: {
    summary:
      'Lists the contents of a name, each owner’s current one and the replaced ones that are kept, newest first.',
    from: ['peer', 'client'],
    to: ['index'],
    request: Type.Object({ name: Name }),
    reply: Type.Object({
      versions: Type.Array(FileVersion, { maxItems: limits.versionsListedMax }),
    }),
    bulk: false,
  },
  'confirm-drops': {
    summary:
      'Asks, right before a peer removes replicated copies, whether they still may be removed. Without this answer none is.',
    from: ['peer'],
    to: ['index'],
    isLong: true,
    request: Type.Object({
      copies: Type.Array(ReplicaVersion, { minItems: 1, maxItems: limits.tasksPerRequestMax }),
    }),
    reply: Type.Object({
      confirmed: Type.Array(Type.Boolean({ description: 'For each copy, in the same order' }), {
        maxItems: limits.tasksPerRequestMax,
      }),
    }),
    bulk: false,
  },
} as const satisfies Record<string, MessageRow>
