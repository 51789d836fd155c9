/** How often, and how fast, all folders are scanned. Pure. */

/** The part of a processor that scans may take: less where the system tells of changes by itself. */
const sharesOfCore = { watched: 0.002, unwatched: 0.02 } as const
/** The longest pause where the system tells of changes, and where scans alone find them. */
const pauseMsMax = { watched: 3_600_000, unwatched: 600_000 } as const
/** The part of a processor that a scan takes while it runs. */
const shareWhileScanning = 0.25

export interface Pace {
  /** What is asked for; never less. */
  readonly leastMs: number
  /** What the last scan took of a processor. */
  readonly costMs: number
  /** Whether the operating system tells of all changes. */
  readonly isWatched: boolean
}

/** From the end of one scan to the beginning of the next: the longer, the more a scan costs. */
export function pauseBetweenScansMs({ leastMs, costMs, isWatched }: Pace): number {
  const key = isWatched ? 'watched' : 'unwatched'
  const pauseMs = Math.min(costMs / sharesOfCore[key], pauseMsMax[key])
  return Math.ceil(Math.max(leastMs, pauseMs))
}

/** How long a scan rests after it has worked for so long. */
export function restMs(workedMs: number): number {
  return workedMs * (1 / shareWhileScanning - 1)
}
