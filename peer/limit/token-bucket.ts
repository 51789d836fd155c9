/**
 * A token bucket: a steady rate with short bursts (J. Turner, "New directions in communications",
 * IEEE Communications Magazine 24(10), 1986). Here a taker waits until the bucket has no debt and then
 * takes everything it needs, so that requests larger than the bucket pass, only later.
 */
export interface TokenBucket {
  /** Available bytes; negative is debt. Infinite without a limit. */
  readonly bytes: number
  readonly atMs: number
}

/** The capacity of a bucket, as time at its rate: more would be a noticeable burst. */
const burstMs = 100

/** A bucket under a new rate: no savings, no debt. */
export function emptyBucket(nowMs: number): TokenBucket {
  return { bytes: 0, atMs: nowMs }
}

/** The bucket at `nowMs`, filled at `bytesPerSecond`, which may be infinite. */
export function refilled(bucket: TokenBucket, bytesPerSecond: number, nowMs: number): TokenBucket {
  if (bytesPerSecond === Number.POSITIVE_INFINITY) return { bytes: bytesPerSecond, atMs: nowMs }
  const gained = (bytesPerSecond * (nowMs - bucket.atMs)) / 1000
  const held = Math.min(bucket.bytes + gained, (bytesPerSecond * burstMs) / 1000)
  return { bytes: held, atMs: nowMs }
}

export function withdrawn({ bytes, atMs }: TokenBucket, taken: number): TokenBucket {
  return { bytes: bytes - taken, atMs }
}

/** Whole milliseconds until the bucket has no debt. */
export function debtMs({ bytes }: TokenBucket, bytesPerSecond: number): number {
  return bytes >= 0 ? 0 : Math.ceil((-1000 * bytes) / bytesPerSecond)
}
