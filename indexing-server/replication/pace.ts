/** How a batch of copies goes: policy, without any state of its own. Times are monotonic milliseconds. */
import { deadlines, limits } from '../../common/limits.ts'

/** What is known of a batch's progress. */
export interface Pace {
  /** Bytes that came, as the target said last, and when it said so of more than before. */
  readonly bytes: number
  readonly movedMs: number
  /** What had come when the present window began. */
  readonly windowBytes: number
  readonly windowMs: number
  /** Since when the target has had all bytes of what it works on and only stores them. */
  readonly storingMs: number | undefined
}

/**
 * `stalled`: nothing happened for so long that it will not end; `slow`: it goes on, at less than
 * `limits.taskBytesPerMsMin`; `unknown`: the window is too short to tell.
 */
export type PaceVerdict = 'stalled' | 'slow' | 'fine' | 'unknown'

export function startPace(nowMs: number): Pace {
  return { bytes: 0, movedMs: nowMs, windowBytes: 0, windowMs: nowMs, storingMs: undefined }
}

/** The pace after the target said that `bytes` have come, and whether it reads from no source just now. */
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
    const allowedMs = deadlines.taskMs + sizeBytes / limits.storedBytesPerMsMin
    return nowMs - pace.storingMs >= allowedMs ? 'stalled' : 'fine'
  }
  if (nowMs - pace.movedMs >= deadlines.taskMs) return 'stalled'
  const windowMs = nowMs - pace.windowMs
  if (windowMs < deadlines.taskPaceMs) return 'unknown'
  const isSlow = pace.bytes - pace.windowBytes < windowMs * limits.taskBytesPerMsMin
  return isSlow ? 'slow' : 'fine'
}

/** A new window begins, after a verdict on the one before. */
export function nextWindow(pace: Pace, nowMs: number): Pace {
  return { ...pace, windowBytes: pace.bytes, windowMs: nowMs }
}
