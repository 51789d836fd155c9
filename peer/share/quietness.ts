/**
 * When a file that may still be being written can be read. A file that was written once is read after
 * one quiet time. One that is written again and again is read after a longer one, which grows with the
 * pauses seen between its writes, so that it is not announced half-written. All spans are multiples of
 * the quiet time that the settings ask for.
 */
import { type FileStat, isSameStat } from '../../common/content/file-stat.ts'

/** What was seen of a file that may still be being written. Times are monotonic milliseconds. */
export interface Observation {
  readonly stat: FileStat
  /** When it was first seen in this state. */
  readonly sameSinceMs: number
  /** When it was first seen changing. */
  readonly changingSinceMs: number
  /** Since when it was written without a pause as long as the quiet time. */
  readonly unpausedSinceMs: number
  /** The longest pause seen between two of its writes, 0 if none was seen. */
  readonly longestPauseMs: number
}

/** A moment, on both clocks. */
export interface Moment {
  readonly wallMs: number
  readonly monotonicMs: number
}

interface Known {
  /** What was known of the file until this look. */
  readonly before: Observation | undefined
  /** The state in which its content was recorded last. */
  readonly recorded: FileStat | undefined
}

/** A recorded file that is written this soon after its last write is still being written: people save less often. */
const rewriteFactor = 5
/** Covers pauses of 2.5 quiet times before one of them was seen. */
const leastFactor = 3
const longestFactor = 10
/** Pauses vary: the wait is longer than the longest one seen. */
const pauseFactor = 1.5
/** A file that is written for this long is read at its next pause: a log that never ends is shared, too. */
const snapshotFactor = 60
/** A file that is written for this long without a pause is no copy of its entry any more. */
const restlessFactor = 10

/** What is known of a file after another look at it. */
export function observe(
  stat: FileStat,
  { before, recorded }: Known,
  { monotonicMs }: Moment,
  quietMs: number,
): Observation {
  if (before === undefined) {
    const longestPauseMs = recorded === undefined ? 0 : rewritePauseMs(recorded, stat, quietMs)
    const sinceMs = monotonicMs
    return {
      stat,
      sameSinceMs: sinceMs,
      changingSinceMs: sinceMs,
      unpausedSinceMs: sinceMs,
      longestPauseMs,
    }
  }
  if (isSameStat(before.stat, stat)) return { ...before, stat }
  const pauseMs = monotonicMs - before.sameSinceMs
  return {
    stat,
    sameSinceMs: monotonicMs,
    changingSinceMs: before.changingSinceMs,
    unpausedSinceMs: pauseMs >= quietMs ? monotonicMs : before.unpausedSinceMs,
    longestPauseMs: Math.max(before.longestPauseMs, pauseMs),
  }
}

/** The pause before a recorded file was written again, at least the quiet time; 0 if that is a new writing. */
function rewritePauseMs(recorded: FileStat, stat: FileStat, quietMs: number): number {
  const pauseMs = Number(stat.mtimeNs - recorded.mtimeNs) / 1_000_000
  const isRewrite = pauseMs >= 0 && pauseMs <= rewriteFactor * quietMs
  return isRewrite ? Math.max(pauseMs, quietMs) : 0
}

/** How long a file must be unchanged before it is read, in milliseconds; `quietMs` if it was written once. */
export function requiredQuietMs(observation: Observation, now: Moment, quietMs: number): number {
  const { sameSinceMs, changingSinceMs, longestPauseMs } = observation
  const isRewritten = longestPauseMs >= quietMs || sameSinceMs - changingSinceMs >= quietMs
  const isOverdue = now.monotonicMs - changingSinceMs >= snapshotFactor * quietMs
  if (!isRewritten || isOverdue) return quietMs
  const wantedMs = Math.max(pauseFactor * longestPauseMs, leastFactor * quietMs)
  return Math.min(wantedMs, longestFactor * quietMs)
}

/**
 * Whether the file was not written for as long as required: by its modification time or, when that
 * lies in the future (another machine's clock, a restored archive), by what was seen.
 */
export function isQuiet(observation: Observation, now: Moment, quietMs: number): boolean {
  const { stat, sameSinceMs } = observation
  const requiredMs = requiredQuietMs(observation, now, quietMs)
  const ageMs = now.wallMs - Number(stat.mtimeNs / 1_000_000n)
  return ageMs >= requiredMs || now.monotonicMs - sameSinceMs >= requiredMs
}

/** Whether the file has been written for long without a pause. */
export function isRestless(
  { sameSinceMs, unpausedSinceMs }: Observation,
  quietMs: number,
): boolean {
  return sameSinceMs - unpausedSinceMs >= restlessFactor * quietMs
}
