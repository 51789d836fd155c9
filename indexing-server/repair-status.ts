import type { ReplyOf } from '../common/protocol/messages.ts'
import type { Repairs } from './replication/coordinator.ts'
import { lackings } from './replication/open-needs.ts'
import type { RunningTask } from './replication/running-tasks.ts'

type Repair = NonNullable<ReplyOf<'status'>['repair']>

/** Copies in progress that the status names: those that have taken longest. */
const namedMax = 5

/** What is missing and how fast it is made; undefined if nothing is missing and nothing is copied. */
export function repairOf({ needs, meter, running }: Repairs, nowMs: number): Repair | undefined {
  const copies = [...running.copies()]
  if (needs.count === 0 && copies.length === 0) return undefined
  const { filesPerSecond, bytesPerSecond } = meter.speed
  const { missingBytes, oldestSinceMs } = needs
  const [lost, lastCopy, draining, others] = lackings.map((lacking) => needs.countOf(lacking))
  const filesLeft = needs.count - needs.countOf('lost')
  const seconds = Math.max(filesLeft / filesPerSecond, missingBytes / bytesPerSecond)
  // While nothing is copied, the speed of the last copies says nothing.
  const isEstimated = copies.length > 0 && filesPerSecond > 0 && Number.isFinite(seconds)
  return {
    lacking: {
      lost: lost ?? 0,
      lastCopy: lastCopy ?? 0,
      draining: draining ?? 0,
      others: others ?? 0,
    },
    missingBytes: Math.min(Number.MAX_SAFE_INTEGER, missingBytes),
    ...(oldestSinceMs !== undefined && { oldestMs: Math.round(nowMs - oldestSinceMs) }),
    filesPerSecond,
    bytesPerSecond,
    ...(isEstimated && { leftMs: Math.ceil(seconds * 1_000) }),
    now: copies
      .toSorted((a, b) => a.startedMs - b.startedMs)
      .slice(0, namedMax)
      .map((task) => copyOf(task, nowMs)),
  }
}

function copyOf(
  { target, task, sizeBytes, startedMs }: RunningTask,
  nowMs: number,
): Repair['now'][number] {
  const source = task.kind === 'replicate' ? task.sources[0]?.peerId : undefined
  return {
    name: task.name,
    target,
    ...(source !== undefined && { source }),
    size: sizeBytes,
    forMs: Math.max(0, Math.round(nowMs - startedMs)),
  }
}
