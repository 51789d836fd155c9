/** Peers that come and go: stateless policy. Times are monotonic milliseconds. */

/** A peer that breaks off too often to be given new copies. */
export interface Flapping {
  /** How often it ceased to be live within {@link flappingWindowMs} before its last return. */
  readonly breaks: number
  /** How much longer it must be live without a break; the full time while it is not live. */
  readonly leftMs: number
}

/** A restart, or a few, are no reason. */
const breaksAllowed = 3
/** More breaks change nothing: the time to stay has reached its maximum. */
export const breaksRemembered = 16

/** Multiples of `deadAfterMs`: 10 minutes and 1 hour by default. */
const firstStay = 10
const longestStay = 60

/** Breaks that are older than this, when the peer returns, no longer count. */
export function flappingWindowMs(deadAfterMs: number): number {
  return longestStay * deadAfterMs
}

/**
 * Whether a peer flaps. After more than three breaks within an hour it must be live for ten minutes
 * without another one; each further break doubles that, up to an hour.
 * @param breaksMs when it ceased to be live, oldest first
 * @param liveSinceMs since when it is live; undefined if it is not
 */
export function flappingOf(
  breaksMs: readonly number[],
  liveSinceMs: number | undefined,
  { deadAfterMs, nowMs }: { readonly deadAfterMs: number; readonly nowMs: number },
): Flapping | undefined {
  if (breaksMs.length <= breaksAllowed) return undefined
  const fromMs = (liveSinceMs ?? nowMs) - flappingWindowMs(deadAfterMs)
  const breaks = breaksMs.filter((breakMs) => breakMs > fromMs).length
  if (breaks <= breaksAllowed) return undefined
  const stay = Math.min(firstStay * 2 ** (breaks - breaksAllowed - 1), longestStay)
  const leftMs = stay * deadAfterMs - (nowMs - (liveSinceMs ?? nowMs))
  return leftMs > 0 ? { breaks, leftMs } : undefined
}
