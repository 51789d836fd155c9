/** What index and peers say about tasks: a part of the table in messages.ts. */
import Type from 'typebox'
import { limits } from '../limits.ts'
import { TaskId } from './fields.ts'
import type { MessageRow } from './message-row.ts'
import { Task, TaskOutcome, TaskProgress } from './shapes.ts'

const Empty = Type.Object({})

export const taskMessages = {
  report: {
    summary: 'Tells the index how tasks ended. What the peer now holds is told by announce alone.',
    from: ['peer'],
    to: ['index'],
    request: Type.Object({
      outcomes: Type.Array(TaskOutcome, { minItems: 1, maxItems: limits.tasksPerRequestMax }),
    }),
    reply: Empty,
    bulk: false,
  },
  progress: {
    summary:
      'Tells the index how far the copies that the peer makes are, every few seconds while it makes any. A batch without progress for a minute is given up.',
    from: ['peer'],
    to: ['index'],
    request: Type.Object({
      tasks: Type.Array(TaskProgress, { minItems: 1, maxItems: limits.progressTasksMax }),
    }),
    reply: Empty,
    bulk: false,
  },
  tasks: {
    summary: 'Hands tasks to a peer on the connection that the peer opened; it reports them later.',
    from: ['index'],
    to: ['peer'],
    isLong: true,
    request: Type.Object({
      tasks: Type.Array(Task, { minItems: 1, maxItems: limits.tasksPerRequestMax }),
    }),
    reply: Empty,
    bulk: false,
  },
  'cancel-tasks': {
    summary:
      'Takes tasks back that a peer was handed and has not reported: it ends them, keeps what came, and reports nothing of them.',
    from: ['index'],
    to: ['peer'],
    request: Type.Object({
      taskIds: Type.Array(TaskId, { minItems: 1, maxItems: limits.tasksPerRequestMax }),
    }),
    reply: Empty,
    bulk: false,
  },
} as const satisfies Record<string, MessageRow>
