import { AppError } from '../../common/errors.ts'
import type { Handlers } from '../../common/protocol/handlers.ts'
import type { RequestOf, Task } from '../../common/protocol/messages.ts'
import type { TaskOrigins } from './task-origins.ts'

type GivenMessage = 'tasks' | 'cancel-tasks' | 'restore-file'

interface Dependencies {
  /** Whether members' indexes act: always in a mesh alone, otherwise while the index of the cluster is away. */
  readonly doMembersAct: () => boolean
  readonly origins: () => Pick<TaskOrigins, 'isFrom' | 'note'> | undefined
  /** Learns what is needed of the sources of tasks. Never rejects. */
  readonly learn: (tasks: readonly Task[], signal: AbortSignal) => Promise<void>
  readonly requests: Pick<Handlers<'index', 'peer', undefined>, GivenMessage>
}

/**
 * Answers what other members' indexes have this peer do. While the cluster has its index, no member may
 * have anything copied, dropped or restored: it would be the one that is asked whether a drop still holds.
 */
export function givenTaskHandlers({
  doMembersAct,
  origins,
  learn,
  requests,
}: Dependencies): Pick<Handlers<'peer', 'peer', { readonly id: string }>, GivenMessage> {
  const check = (): void => {
    if (!doMembersAct()) throw new AppError('INDEX_ACTS')
  }
  return {
    tasks: async ({ tasks }: RequestOf<'tasks'>, { id }, signal) => {
      check()
      origins()?.note(id, tasks)
      // The own index must not take a new copy for the only one, and have more of them made.
      await learn(tasks, signal)
      return await requests.tasks({ tasks }, undefined, signal)
    },
    // Those that it gave while it acted, too.
    'cancel-tasks': async ({ taskIds }, { id }, signal) => {
      const given = taskIds.filter((taskId) => origins()?.isFrom(id, taskId) === true)
      return await requests['cancel-tasks']({ taskIds: given }, undefined, signal)
    },
    'restore-file': async (file, _, signal) => {
      check()
      return await requests['restore-file'](file, undefined, signal)
    },
  }
}
