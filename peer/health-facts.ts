/** Looks up in the parts of a running peer what its health is decided from. */
import type { Clock } from '../common/clock.ts'
import { withDeadline } from '../common/deadline.ts'
import { toAppError } from '../common/errors.ts'
import { deadlines } from '../common/limits.ts'
import type { Announcer } from './announce/announcer.ts'
import { type ReachNotice, unreachableRemedy } from './announce/reach-notice.ts'
import type { HealthFacts } from './health.ts'
import type { Share } from './share/share.ts'

export interface HealthParts {
  readonly share: Pick<Share, 'keptFolders' | 'problemCounts' | 'room'>
  readonly announcer: Pick<Announcer, 'address' | 'connection' | 'state'>
  readonly reach: Pick<ReachNotice, 'unreachable'>
  readonly clock: Clock
}

/** Never rejects: what cannot be found out is a fact, too. */
export async function healthFacts({
  share,
  announcer,
  reach,
  clock,
}: HealthParts): Promise<HealthFacts> {
  const { unreachable } = reach
  return {
    index: indexFacts(announcer),
    unreachable: unreachable && { ...unreachable, remedy: unreachableRemedy },
    keptFolders: share.keptFolders(),
    room: await roomOrError(share, clock),
    problems: share.problemCounts(),
  }
}

function indexFacts({
  state,
  connection,
  address,
}: HealthParts['announcer']): HealthFacts['index'] {
  if (connection !== undefined) return { state: 'connected' }
  if (state.name === 'refused') return { state: 'refused', address, error: state.error }
  return { state: 'connecting', address, error: 'error' in state ? state.error : undefined }
}

/** A disk that does not answer, as of a network, is one that cannot be used. */
async function roomOrError(
  share: HealthParts['share'],
  clock: Clock,
): Promise<HealthFacts['room']> {
  const deadline = { what: 'Measuring the disk', deadlineMs: deadlines.healthMs }
  try {
    return await withDeadline(deadline, clock, () => share.room())
  } catch (error) {
    return toAppError(error)
  }
}
