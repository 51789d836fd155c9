/** Collects from the parts of a running peer the facts that its health is computed from. */
import type { Clock } from '../common/clock.ts'
import { withDeadline } from '../common/deadline.ts'
import { toAppError } from '../common/errors.ts'
import type { AskedIndex } from './announce/asked-index.ts'
import { type ReachNotice, unreachableRemedy } from './announce/reach-notice.ts'
import type { HealthFacts } from './health.ts'
import type { History } from './history/history.ts'
import type { Share } from './share/share.ts'

/** Until `/healthz` has measured the disk: half of a container health check's timeout, 3 s. */
export const healthMs = 1_500

export interface HealthParts {
  readonly share: Pick<Share, 'keptFolders' | 'problemCounts' | 'room'>
  readonly announcer: Pick<AskedIndex, 'absence' | 'address' | 'connection' | 'state'>
  readonly reach: Pick<ReachNotice, 'unreachable'>
  readonly history: Pick<History, 'fault'>
  readonly clock: Clock
}

/** Collects the facts at each call; never rejects, because a failure to measure is a fact, too. */
export function healthLooker(parts: HealthParts): () => Promise<HealthFacts> {
  const { share, announcer, reach, history, clock } = parts
  // One at a time: a call that hangs on an unresponsive disk occupies a thread of the process.
  let measuring: ReturnType<typeof share.room> | undefined
  const room = async (): ReturnType<typeof share.room> => {
    measuring ??= share.room().finally(() => (measuring = undefined))
    return await measuring
  }
  return async () => {
    const { unreachable } = reach
    return {
      index: indexFacts(announcer),
      unreachable: unreachable && { ...unreachable, remedy: unreachableRemedy },
      keptFolders: share.keptFolders(),
      room: await roomOrError(room, clock),
      historyFault: history.fault,
      problems: share.problemCounts(),
    }
  }
}

function indexFacts({
  state,
  connection,
  address,
  absence,
}: HealthParts['announcer']): HealthFacts['index'] {
  if (absence !== undefined)
    return { state: 'connecting', address, error: absence.error, isReplaced: true }
  if (connection !== undefined) return { state: 'connected' }
  if (state.name === 'refused') return { state: 'refused', address, error: state.error }
  return { state: 'connecting', address, error: 'error' in state ? state.error : undefined }
}

/** An unresponsive disk, such as a network disk, counts as unusable. */
async function roomOrError(
  room: HealthParts['share']['room'],
  clock: Clock,
): Promise<HealthFacts['room']> {
  const deadline = { what: 'Measuring the disk', deadlineMs: healthMs }
  try {
    return await withDeadline(deadline, clock, room)
  } catch (error) {
    return toAppError(error)
  }
}
