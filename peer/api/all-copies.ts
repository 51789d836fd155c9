import type { Clock } from '../../common/clock.ts'
import { AppError, hasCode } from '../../common/errors.ts'
import { deadlines } from '../../common/limits.ts'
import type { Finder } from '../find/finder.ts'

/** Interval of checking the number of copies. */
export const pushPollMs = 200

interface File {
  readonly name: string
  readonly sha256: string
}

/**
 * Waits until the index knows the file and all its copies; returns the number of copies.
 * @throws AppError COPIES_PENDING
 */
export async function allCopies(
  { name, sha256 }: File,
  { finder, clock }: { finder: Pick<Finder, 'why'>; clock: Clock },
  signal?: AbortSignal,
): Promise<number> {
  const { pushCopiesMs: deadlineMs } = deadlines
  const untilMs = clock.monotonicMs() + deadlineMs
  for (;;) {
    const { copies, factor } = await copiesOf({ name, sha256 }, finder, signal)
    if (copies >= factor && factor > 0) return copies
    if (clock.monotonicMs() >= untilMs)
      throw new AppError('COPIES_PENDING', { name, copies, factor, deadlineMs })
    await clock.sleep(pushPollMs, signal)
  }
}

/**
 * Copies of a file as the index knows them; none until the file is announced. Other peers may have had
 * the content before, so its copies alone do not prove that the name is known.
 */
async function copiesOf(
  { name, sha256 }: File,
  finder: Pick<Finder, 'why'>,
  signal: AbortSignal | undefined,
): Promise<{ copies: number; factor: number }> {
  try {
    const { contents } = await finder.why(name, signal)
    const content = contents.find((found) => found.sha256 === sha256)
    const copies = content?.copies ?? []
    const living = copies.filter(
      ({ state, damaged, unproven }) => state !== 'dead' && damaged !== true && unproven !== true,
    )
    const peers = new Set(living.map(({ peerId }) => peerId))
    return { copies: peers.size, factor: content?.factor ?? 0 }
  } catch (error) {
    if (hasCode(error, 'NAME_NOT_FOUND') || hasCode(error, 'FILE_DELETED'))
      return { copies: 0, factor: 0 }
    throw error
  }
}
