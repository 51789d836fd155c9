/** How often, and how fast, all folders are scanned. Pure. */

/** The share of a processor that scans may take: less if the system reports changes. */
const sharesOfCore = { watched: 0.002, unwatched: 0.02 } as const
/** The longest pause if the system reports changes, and if only scans find them. */
const pauseMsMax = { watched: 3_600_000, unwatched: 600_000 } as const
/** The share of a processor that a running scan takes. */
const shareWhileScanning = 0.25

export interface Pace {
  /** The configured pause; never less. */
  readonly leastMs: number
  /** Processor time of the last scan. */
  readonly costMs: number
  /** Whether the operating system reports all changes. */
  readonly isWatched: boolean
}

/** The pause from the end of one scan to the start of the next; grows with the cost of a scan. */
export function pauseBetweenScansMs({ leastMs, costMs, isWatched }: Pace): number {
  const key = isWatched ? 'watched' : 'unwatched'
  const pauseMs = Math.min(costMs / sharesOfCore[key], pauseMsMax[key])
  return Math.ceil(Math.max(leastMs, pauseMs))
}

/** How long a scan rests after working for the given time. */
export function restMs(workedMs: number): number {
  return workedMs * (1 / shareWhileScanning - 1)
}
