/** Progress of a batch of copies: stateless policy. Times are monotonic milliseconds. */
import { deadlines } from '../../common/limits.ts'

/**
 * A slower batch yields if others wait: equals `limits.rateBytesPerSecondMin`, the lowest rate
 * limit of a peer.
 */
export const taskBytesPerMsMin = 50
/** A peer may take this long to hash and store a copy: the speed of a busy disk. */
export const storedBytesPerMsMin = 20_000
/** Window in which the speed of a batch is judged: twice `deadlines.bulkStallMs`. */
const taskPaceMs = 30_000

/** What is known about a batch's progress. */
export interface Pace {
  /** Bytes received, as last reported by the target, and when it last reported an increase. */
  readonly bytes: number
  readonly movedMs: number
  /** Bytes at the start of the current window. */
  readonly windowBytes: number
  readonly windowMs: number
  /** Since when the target has had all bytes of its current work and is only storing them. */
  readonly storingMs: number | undefined
}

/**
 * `stalled`: no progress for so long that it will not finish; `slow`: progress below
 * `taskBytesPerMsMin`; `unknown`: the window is too short to tell.
 */
export type PaceVerdict = 'stalled' | 'slow' | 'fine' | 'unknown'

export function startPace(nowMs: number): Pace {
  return { bytes: 0, movedMs: nowMs, windowBytes: 0, windowMs: nowMs, storingMs: undefined }
}

/**
 * Updates the pace with a report of the target: the bytes received so far, and whether it no longer
 * reads from a source.
 */
export function movePace(
  pace: Pace,
  { bytes, isStoring }: { bytes: number; isStoring: boolean },
  nowMs: number,
): Pace {
  const hasMoved = bytes > pace.bytes
  const storingMs = isStoring ? (pace.storingMs ?? nowMs) : undefined
  return {
    ...pace,
    bytes: Math.max(bytes, pace.bytes),
    movedMs: hasMoved ? nowMs : pace.movedMs,
    storingMs,
  }
}

/** @param sizeBytes of all contents of the batch */
export function judgePace(pace: Pace, sizeBytes: number, nowMs: number): PaceVerdict {
  if (pace.storingMs !== undefined) {
    const allowedMs = deadlines.taskMs + sizeBytes / storedBytesPerMsMin
    return nowMs - pace.storingMs >= allowedMs ? 'stalled' : 'fine'
  }
  if (nowMs - pace.movedMs >= deadlines.taskMs) return 'stalled'
  const windowMs = nowMs - pace.windowMs
  if (windowMs < taskPaceMs) return 'unknown'
  const isSlow = pace.bytes - pace.windowBytes < windowMs * taskBytesPerMsMin
  return isSlow ? 'slow' : 'fine'
}

/** Starts a new window, after a verdict on the previous one. */
export function nextWindow(pace: Pace, nowMs: number): Pace {
  return { ...pace, windowBytes: pace.bytes, windowMs: nowMs }
}
