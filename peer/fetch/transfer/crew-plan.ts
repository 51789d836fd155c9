/** Which sources to use: policy, without any state of its own. */
import { limits } from '../../../common/limits.ts'

/** A new source is compared with others only after this. */
export const sourceTrialMs = 5_000

/** A source that may be used, as far as choosing goes. */
export interface Candidate {
  readonly isActive: boolean
  /** It is active and sends nothing. */
  readonly isStuck: boolean
  /** It sent something false: never again in this fetch. */
  readonly isBlamed: boolean
  /** It was replaced by another before. */
  readonly wasSlow: boolean
  /** Not before this time; it failed recently. */
  readonly usableAtMs: number
}

/**
 * The sources to start now, in the order of `candidates` but slow ones last: as many as there is work
 * for. One that is stuck does not count: another takes its place while it may recover.
 * @param candidates all sources, best first
 * @param chunksMissing the number of chunks that are not verified
 */
export function sourcesToStart<T extends Candidate>(
  candidates: readonly T[],
  { nowMs, chunksMissing }: { nowMs: number; chunksMissing: number },
): T[] {
  const usable = candidates.filter(
    ({ isActive, isBlamed, usableAtMs }) => !isActive && !isBlamed && usableAtMs <= nowMs,
  )
  const worth = Math.ceil(chunksMissing / limits.readsPerSourceMin)
  const active = candidates.filter(({ isActive }) => isActive)
  const moving = active.filter(({ isStuck }) => !isStuck)
  const room = Math.min(limits.sourcesPerFetchMax - active.length, worth - moving.length)
  const inOrder = [
    ...usable.filter(({ wasSlow }) => !wasSlow),
    ...usable.filter(({ wasSlow }) => wasSlow),
  ]
  return inOrder.slice(0, Math.max(0, room))
}

/** A source at work: since when, and how fast. */
export interface ActiveSource {
  readonly activeMs: number
  readonly bytesPerMs: number
}

/**
 * The source to replace, or undefined: the slowest, if its trial is over, it is far slower than the
 * median, and an unused source that was not slow before is available.
 */
export function sourceToReplace<T extends ActiveSource>(
  active: readonly T[],
  hasSubstitute: boolean,
): T | undefined {
  const bySpeed = active.toSorted((a, b) => a.bytesPerMs - b.bytesPerMs)
  const [slowest] = bySpeed
  const median = bySpeed[bySpeed.length >> 1]
  if (!hasSubstitute || slowest === undefined || median === undefined) return undefined
  const isSlow =
    slowest.activeMs >= sourceTrialMs &&
    slowest.bytesPerMs * limits.slowSourceFactor < median.bytesPerMs
  return isSlow ? slowest : undefined
}
