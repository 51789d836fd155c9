/**
 * A token bucket: a steady rate with short bursts (J. Turner, "New directions in communications",
 * IEEE Communications Magazine 24(10), 1986). Here a taker waits until the bucket is not in debt and
 * then takes all that it needs, so that it passes what is larger than the bucket, only later.
 */
export interface TokenBucket {
  /** What may be taken now; below 0, what was taken too much. Infinite where nothing limits. */
  readonly bytes: number
  readonly atMs: number
}

/** What a bucket holds that nobody took from: more would be a burst that people notice. */
const burstMs = 100

/** Nothing saved up and nothing owed: how a bucket begins under a new rate. */
export function emptyBucket(nowMs: number): TokenBucket {
  return { bytes: 0, atMs: nowMs }
}

/** The bucket at `nowMs`, after it was filled at `bytesPerSecond` (which may be infinite) meanwhile. */
export function refilled(bucket: TokenBucket, bytesPerSecond: number, nowMs: number): TokenBucket {
  if (bytesPerSecond === Number.POSITIVE_INFINITY) return { bytes: bytesPerSecond, atMs: nowMs }
  const gained = (bytesPerSecond * (nowMs - bucket.atMs)) / 1000
  const held = Math.min(bucket.bytes + gained, (bytesPerSecond * burstMs) / 1000)
  return { bytes: held, atMs: nowMs }
}

export function withdrawn({ bytes, atMs }: TokenBucket, taken: number): TokenBucket {
  return { bytes: bytes - taken, atMs }
}

/** Whole milliseconds until the bucket is not in debt any more; 0 when it is not. */
export function debtMs({ bytes }: TokenBucket, bytesPerSecond: number): number {
  return bytes >= 0 ? 0 : Math.ceil((-1000 * bytes) / bytesPerSecond)
}
