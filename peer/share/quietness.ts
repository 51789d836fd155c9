import type { FileStat } from '../../common/content/hash.ts'
import { isSameStat } from './file-stat.ts'

/** What was seen of a file that may still be being written. Times are monotonic milliseconds. */
export interface Observation {
  readonly stat: FileStat
  /** When it was first seen in this state. */
  readonly sameSinceMs: number
  /** When it was first seen changing. */
  readonly restlessSinceMs: number
}

/** A moment, on both clocks. */
export interface Moment {
  readonly wallMs: number
  readonly monotonicMs: number
}

/** What is known of a file after another look at it; `before` is what was known until then. */
export function observe(
  stat: FileStat,
  before: Observation | undefined,
  { monotonicMs }: Moment,
): Observation {
  const isSame = before !== undefined && isSameStat(before.stat, stat)
  return {
    stat,
    sameSinceMs: isSame ? before.sameSinceMs : monotonicMs,
    restlessSinceMs: before?.restlessSinceMs ?? monotonicMs,
  }
}

/**
 * Whether nobody has written the file for `quietMs`: by its modification time or, when that lies
 * in the future (another machine's clock, a restored archive), by what was seen.
 */
export function isQuiet({ stat, sameSinceMs }: Observation, now: Moment, quietMs: number): boolean {
  const ageMs = now.wallMs - Number(stat.mtimeNs / 1_000_000n)
  return ageMs >= quietMs || now.monotonicMs - sameSinceMs >= quietMs
}
