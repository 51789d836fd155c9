const firstMs = 500
/** A person who looks at the page should not wait longer for a peer that is back. */
const longestMs = 10_000

/**
 * How long to wait before the next attempt. Half of it is random: a hundred pages do not return to a
 * restarted peer at the same moment.
 * @param failures attempts that failed in a row, at least 1
 * @param fraction random, in [0, 1)
 */
export function reconnectDelayMs(failures: number, fraction: number): number {
  const full = Math.min(longestMs, firstMs * 2 ** Math.min(failures - 1, 20))
  return full / 2 + (full / 2) * fraction
}

/** The peer sends at least a comment every 15 s; a stream that is silent for longer is dead. */
export const streamSilentMs = 40_000

/** Interval of asking again while there is no stream. */
export const pollMs = 3_000

/** How long a hidden page stays connected: who looks at another tab for a moment misses nothing. */
export const hiddenMs = 30_000

/** A stream that ends sooner has failed: a peer that closes each immediately is not asked all the time. */
export const stableMs = 5_000
