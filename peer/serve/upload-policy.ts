/** Which read is answered next, and how many at a time: policy, without state. */
import { limits } from '../../common/limits.ts'

/** Concurrent reads if receivers are slower than this peer: 10 Gbit/s to links of 100 Mbit/s. */
export const uploadsAtOnceMax = 64
/** A read that has waited this long precedes those of rarer chunks. */
export const uploadOverdueMs = 2_000
/** A faster read allows more concurrent ones: 1 MiB at 60 Mbit/s. */
export const uploadFastMs = 150
/** Slower reads reduce the number of concurrent ones. */
const uploadSlowMs = 700

/** What the policy knows of a queued read. */
export interface ReadFacts {
  /** How often its chunk was sent before, to any requester. */
  readonly chunkSends: number
  /** The number of its requester's last slot; 0 if it had none. */
  readonly lastSlot: number
  readonly waitedMs: number
  /** Whether it yields to other reads. */
  readonly isBackground?: boolean
}

/**
 * The read to answer next, or undefined if none is queued: the chunk that was sent the fewest times, so
 * that a source spreads different chunks before it repeats one; among equals, the requester that was served
 * least recently. A read in the background comes after all others. One that has waited for
 * `uploadOverdueMs` takes precedence, whatever it is.
 * @param reads oldest first
 */
export function nextRead<T extends ReadFacts>(reads: readonly T[]): T | undefined {
  const isOverdue = ({ waitedMs }: ReadFacts): boolean => waitedMs >= uploadOverdueMs
  const overdue = reads.filter(isOverdue)
  if (overdue.length > 0) return leastOf(overdue, ({ lastSlot }) => lastSlot)
  const hurried = reads.filter(({ isBackground }) => isBackground !== true)
  const candidates = hurried.length > 0 ? hurried : reads
  const fewest = Math.min(...candidates.map(({ chunkSends }) => chunkSends))
  const fresh = candidates.filter(({ chunkSends }) => chunkSends === fewest)
  return leastOf(fresh, ({ lastSlot }) => lastSlot)
}

/** The first of those with the smallest key. */
function leastOf<T>(items: readonly T[], keyOf: (item: T) => number): T | undefined {
  let least = items[0]
  for (const item of items) if (least !== undefined && keyOf(item) < keyOf(least)) least = item
  return least
}

/**
 * How many reads to answer at a time after one that took `tookMs`: few, because a chunk that arrives early
 * can be passed on early; more if reads end so fast that the receivers' links are the bottleneck, and not
 * this peer's own.
 */
export function uploadsAtOnceAfter(
  uploads: number,
  { tookMs, isAnyQueued }: { tookMs: number; isAnyQueued: boolean },
): number {
  if (tookMs < uploadFastMs && isAnyQueued) return Math.min(uploadsAtOnceMax, uploads + 1)
  if (tookMs > uploadSlowMs) return Math.max(limits.uploadsAtOnceMin, uploads - 1)
  return uploads
}
