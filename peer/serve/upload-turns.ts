/** Who is sent something next, and to how many at once: policy, without any state of its own. */
import { deadlines, limits } from '../../common/limits.ts'

/** A read in line. */
export interface Waiter {
  /** How often its chunk was sent before, to anybody. */
  readonly chunkSends: number
  /** The number of its requester's last turn; 0 when there was none. */
  readonly lastTurn: number
  readonly waitedMs: number
}

/**
 * The read whose turn it is, or undefined when none waits: the chunk that was sent the fewest times,
 * so that a source spreads different chunks before it repeats one; then whoever was served least
 * recently. A read that has waited for `uploadOverdueMs` goes before, whatever its chunk is.
 * @param waiters in the order in which they came
 */
export function nextWaiter<T extends Waiter>(waiters: readonly T[]): T | undefined {
  const isOverdue = ({ waitedMs }: Waiter): boolean => waitedMs >= deadlines.uploadOverdueMs
  const overdue = waiters.filter(isOverdue)
  if (overdue.length > 0) return leastOf(overdue, ({ lastTurn }) => lastTurn)
  const fewest = Math.min(...waiters.map(({ chunkSends }) => chunkSends))
  const fresh = waiters.filter(({ chunkSends }) => chunkSends === fewest)
  return leastOf(fresh, ({ lastTurn }) => lastTurn)
}

/** The first of those with the smallest key. */
function leastOf<T>(items: readonly T[], keyOf: (item: T) => number): T | undefined {
  let least = items[0]
  for (const item of items) if (least !== undefined && keyOf(item) < keyOf(least)) least = item
  return least
}

/**
 * How many reads to answer at once after one that took `tookMs`. Few, because a chunk that arrives
 * early can be passed on early; but more when each is so fast that the receivers' links, and not this
 * peer's own, are what limits it.
 */
export function uploadsAtOnceAfter(
  uploads: number,
  { tookMs, isAnyWaiting }: { tookMs: number; isAnyWaiting: boolean },
): number {
  if (tookMs < deadlines.uploadFastMs && isAnyWaiting)
    return Math.min(limits.uploadsAtOnceMax, uploads + 1)
  if (tookMs > deadlines.uploadSlowMs) return Math.max(limits.uploadsAtOnceMin, uploads - 1)
  return uploads
}
