/** Messages about tasks: a part of the table in messages.ts. */
import Type from 'typebox'
import { limits } from '../limits.ts'
import { described, Sequence, Sha256, TaskId } from './fields.ts'
import type { MessageRow } from './message-row.ts'
import { Rebalance } from './place-shapes.ts'
import { rights } from './rights.ts'
import { Task, TaskOutcome, TaskProgress } from './shapes.ts'

const Empty = Type.Object({})

export const taskMessages = {
  report: {
    summary: 'Reports how tasks ended. Only `announce` tells what the peer now holds.',
    from: ['peer'],
    to: ['index', 'peer'],
    by: rights.sharing,
    request: Type.Object({
      outcomes: Type.Array(TaskOutcome, { minItems: 1, maxItems: limits.tasksPerRequestMax }),
      lastSeq: Type.Optional(
        described(Sequence, 'In a mesh: the receiver first fetches the catalog up to this change'),
      ),
    }),
    reply: Empty,
    bulk: false,
  },
  progress: {
    summary:
      'Reports the progress of running copies, every few seconds. The index gives up a batch without progress for a minute.',
    from: ['peer'],
    to: ['index', 'peer'],
    by: rights.sharing,
    request: Type.Object({
      tasks: Type.Array(TaskProgress, { minItems: 1, maxItems: limits.progressTasksMax }),
    }),
    reply: Empty,
    bulk: false,
  },
  tasks: {
    summary:
      'Assigns tasks to a peer on the connection that the peer opened; it reports them later.',
    from: ['index', 'peer'],
    to: ['peer'],
    by: rights.coordination,
    isLong: true,
    request: Type.Object({
      tasks: Type.Array(Task, { minItems: 1, maxItems: limits.tasksPerRequestMax }),
    }),
    reply: Empty,
    bulk: false,
  },
  'cancel-tasks': {
    summary:
      'Cancels tasks that the peer has not reported: it stops them, keeps their partial data, and does not report them.',
    from: ['index', 'peer'],
    to: ['peer'],
    by: rights.coordination,
    request: Type.Object({
      taskIds: Type.Array(TaskId, { minItems: 1, maxItems: limits.tasksPerRequestMax }),
    }),
    reply: Empty,
    bulk: false,
  },
  'resume-replication': {
    summary: 'Releases the brake that `status` reports: copying and dropping resume immediately.',
    from: ['peer'],
    to: ['index'],
    by: rights.administration,
    request: Empty,
    reply: Type.Object({ released: Type.Boolean({ description: 'Whether the brake was on' }) }),
    bulk: false,
  },
  rebalance: {
    summary:
      'Shows, plans, starts or stops a rebalance: replicas move from fuller to less full peers, in the background.',
    from: ['peer'],
    to: ['index'],
    by: rights.administration,
    isReplyLong: true,
    request: Type.Object({
      action: Type.Union(
        [Type.Literal('show'), Type.Literal('plan'), Type.Literal('start'), Type.Literal('stop')],
        {
          description:
            'Start: a running one continues. Stop: copies that were made for it and are beyond the factor are dropped',
        },
      ),
    }),
    reply: Rebalance,
    bulk: false,
  },
  'confirm-copies': {
    summary:
      'Asks whether a peer still has these contents, before a replica elsewhere is dropped. It compares the size, times and inode of a file with its catalog, without reading the file. A replica that it is about to drop does not count.',
    from: ['index', 'peer'],
    to: ['peer'],
    by: rights.coordination,
    isLong: true,
    request: Type.Object({
      sha256s: Type.Array(Sha256, { minItems: 1, maxItems: limits.tasksPerRequestMax }),
    }),
    reply: Type.Object({
      confirmed: Type.Array(Type.Boolean({ description: 'One per content, in the same order' }), {
        maxItems: limits.tasksPerRequestMax,
      }),
    }),
    bulk: false,
  },
} as const satisfies Record<string, MessageRow>
