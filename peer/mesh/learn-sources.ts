import type { Clock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { reasonOf } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { Task } from '../../common/protocol/messages.ts'
import type { Mirrors } from './mirrors.ts'

/** For all sources of some tasks to tell what they have. */
const learnMs = 3_000

/**
 * Learns which copies the sources of tasks have, if their catalogs are not kept. Never rejects: the
 * tasks are carried out in any case.
 */
export async function learnSources(
  tasks: readonly Task[],
  {
    mirrors,
    notKept,
  }: { mirrors: Pick<Mirrors, 'learnCopies'>; notKept: Pick<ReadonlyMap<string, number>, 'has'> },
  { clock, log }: { clock: Clock; log: Log },
  signal: AbortSignal,
): Promise<void> {
  const contents = new Map<string, Set<string>>()
  for (const task of tasks) {
    if (task.kind !== 'replicate') continue
    for (const { peerId } of task.sources.filter((source) => notKept.has(source.peerId)))
      contents.set(peerId, (contents.get(peerId) ?? new Set()).add(task.content.sha256))
  }
  const deadline = { what: 'Learning what sources have', deadlineMs: learnMs, signal }
  const learn = async ([peerId, sha256s]: [string, ReadonlySet<string>]): Promise<void> => {
    const all = [...sha256s]
    try {
      await withDeadline(deadline, clock, async (inTime) => {
        for (let done = 0; done < all.length; done += limits.copiesAskedMax)
          await mirrors.learnCopies(peerId, all.slice(done, done + limits.copiesAskedMax), inTime)
      })
    } catch (error) {
      log.debug({ peerId, reason: reasonOf(error) }, 'the copies of a source are unknown')
    }
  }
  await Promise.all([...contents].map(learn))
}
