/**
 * When a file that may still be written can be read. A file that was written once is read after the
 * quiet time of the settings. One that is written repeatedly is read after a multiple of it, which
 * grows with the pauses between its writes, so that it is not announced half-written.
 */
import { type FileStat, isSameStat } from '../../common/content/file-stat.ts'

/** Observations of a file that may still be written. Times are monotonic milliseconds. */
export interface Observation {
  readonly stat: FileStat
  /** When it was first seen in this state. */
  readonly sameSinceMs: number
  /** When it was first seen changing. */
  readonly changingSinceMs: number
  /** Since when it has been written without a pause as long as the quiet time. */
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
  /** The observations before this one. */
  readonly before: Observation | undefined
  /** The stat of its recorded content. */
  readonly recorded: FileStat | undefined
}

/**
 * A recorded file that is written again this soon is still being written: users save less often.
 */
const rewriteFactor = 5
/** Covers pauses of 2.5 quiet times before the first was observed. */
const leastFactor = 3
const longestFactor = 10
/** Pauses vary: wait longer than the longest observed. */
const pauseFactor = 1.5
/**
 * A file that has been written for this long is read at its next pause, so that endless logs are
 * shared.
 */
const snapshotFactor = 60
/** A file that has been written for this long without a pause no longer matches its entry. */
const restlessFactor = 10

/** The observations of a file after another look at it. */
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

/**
 * The pause before a recorded file was written again, at least the quiet time; 0 if the write is
 * unrelated.
 */
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
 * Whether the file was unchanged as long as required: by its modification time or, if that is in
 * the future (another machine's clock, a restored archive), by observation.
 */
export function isQuiet(observation: Observation, now: Moment, quietMs: number): boolean {
  const { stat, sameSinceMs } = observation
  const requiredMs = requiredQuietMs(observation, now, quietMs)
  const ageMs = now.wallMs - Number(stat.mtimeNs / 1_000_000n)
  return ageMs >= requiredMs || now.monotonicMs - sameSinceMs >= requiredMs
}

/** Whether the file has been written for a long time without a pause. */
export function isRestless(
  { sameSinceMs, unpausedSinceMs }: Observation,
  quietMs: number,
): boolean {
  return sameSinceMs - unpausedSinceMs >= restlessFactor * quietMs
}
