import type { SourceProgress } from '../fetch/source/source-progress.ts'

/** One run of a download. It owns its state; how far it is can be read at any time. */
export interface DownloadRun {
  /** Bytes that are verified or in place. */
  readonly bytes: number
  /** Those of them that this run copied from other files of this peer instead of receiving them. */
  readonly reusedBytes: number
  /** Undefined until it is known. */
  readonly size: number | undefined
  readonly bytesPerSecond: number
  /** Sources at work. */
  readonly sources: readonly SourceProgress[]
  /** Why nothing arrives, if nothing does. */
  readonly waitingFor: string | undefined
  /** Whether a source sends. */
  readonly isFed: boolean
}

export interface RunOptions {
  /** Whether to wait for sources when there are none. */
  readonly waits: boolean
  /** Whether to wait for an unreachable index before it is known what to fetch. */
  readonly waitsForIndex: boolean
  readonly signal: AbortSignal
  /** Called when it is known what to fetch, and whenever the run may be further. */
  readonly onChanged: () => void
}
