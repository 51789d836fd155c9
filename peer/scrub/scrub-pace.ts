/** How fast copies are read again. Pure. */

/** The work of opening a file, as bytes: reading a million empty files takes time, too. */
const fileCostBytes = 4_096
/** A pass that is behind catches up within this part of its time at the earliest. */
const catchUpShare = 0.1
/** Scrubbing reads this part of its rate while people's files are sent or received. */
const busyShare = 1 / 16
/** People's bytes per second below which the peer does not count as busy. */
const busyBytesPerSecondMin = 64 * 1024
/** A wait between two readings is judged again after this long. */
const waitMsMax = 60_000

export interface ScrubPace {
  /** Bytes, and files, of all copies that a pass reads. */
  readonly total: Amount
  /** Those that this pass has read. */
  readonly read: Amount
  /** Since the pass began. */
  readonly passedMs: number
  /** How long a pass should take. */
  readonly passMs: number
  /** Upper bound of bytes per second; may be infinite. */
  readonly bytesPerSecondMax: number
  /** Whether the user wants the pass as fast as it may be. */
  readonly isHurried: boolean
  /** Whether people's transfers are running. */
  readonly isBusy: boolean
}

export interface Amount {
  readonly bytes: number
  readonly files: number
}

/** The work of reading them, in bytes. */
export function costOf({ bytes, files }: Amount): number {
  return bytes + files * fileCostBytes
}

/** Work per second, in bytes: so much that the pass ends in its time. */
export function scrubRate(pace: ScrubPace): number {
  const { total, read, passedMs, passMs, bytesPerSecondMax, isHurried, isBusy } = pace
  const leftMs = Math.max(passMs - passedMs, passMs * catchUpShare)
  const even = (costOf(total) * 1_000) / passMs
  const behind = (Math.max(0, costOf(total) - costOf(read)) * 1_000) / leftMs
  const rate = isHurried
    ? bytesPerSecondMax
    : Math.min(bytesPerSecondMax, Math.max(1, even, behind))
  return isBusy ? Math.min(bytesPerSecondMax, rate) * busyShare : rate
}

/** How long to wait after work of so many bytes, at most, before judging again. */
export function scrubWaitMs(owedBytes: number, rate: number): number {
  return Math.min(waitMsMax, (owedBytes * 1_000) / rate)
}

/** When a pass is expected to end, at its present rate; in milliseconds from now. */
export function scrubLeftMs({ total, read, ...pace }: ScrubPace): number {
  const owed = Math.max(0, costOf(total) - costOf(read))
  return (owed * 1_000) / scrubRate({ total, read, ...pace })
}

export function isBusyWith(bytes: number, elapsedMs: number): boolean {
  return elapsedMs > 0 && (bytes * 1_000) / elapsedMs >= busyBytesPerSecondMin
}
