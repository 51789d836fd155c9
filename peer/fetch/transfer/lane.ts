import { AppError, hasCode } from '../../../common/errors.ts'
import { limits } from '../../../common/limits.ts'
import type { ChunkSource, ChunksHeld } from '../source/chunk-source.ts'

/** A chunk that a source was asked for. */
export interface Ask {
  chunk: number
  /** Whether the source still has the choice: which chunk it is shows when its bytes come. */
  isOpen: boolean
  readonly bytes: number
  readonly atMs: number
  readonly stop: AbortController
  /** Whether its bytes come; until then it stands in line. */
  hasBegun: boolean
}

/** A source at work. */
export interface Lane {
  readonly source: ChunkSource
  /** What it was asked for, in that order. */
  readonly asks: Set<Ask>
  readonly reads: Set<Promise<void>>
  chunksHeld: ChunksHeld
  /** It is busy, and is asked for nothing until then. */
  restsUntilMs: number
  /** Since when it has given nothing but excuses. */
  excusedSinceMs: number | undefined
  /** Good chunks that it gave. */
  given: number
  /** Chunks that it chose although they were here. */
  repeats: number
  /** Once aborted it is asked for nothing more: others are faster. */
  readonly retired: AbortSignal
  /** Why it is asked for nothing more. */
  failure: Error | undefined
}

/** One that has just begun. */
export function laneOf(source: ChunkSource, chunksHeld: ChunksHeld, retired: AbortSignal): Lane {
  return {
    source,
    chunksHeld,
    asks: new Set(),
    reads: new Set(),
    given: 0,
    repeats: 0,
    restsUntilMs: 0,
    excusedSinceMs: undefined,
    retired,
    failure: undefined,
  }
}

/** It chose a chunk that was here: if it does so on purpose, it is asked for nothing more. */
export function onRepeated(lane: Lane, chunk: number): void {
  lane.repeats += 1
  if (lane.repeats <= limits.repeatsMax + lane.given / 4) return
  const reason = 'it sends again what was sent already'
  const details = { source: lane.source.label, what: `chunk ${chunk}`, reason }
  lane.failure ??= new AppError('SOURCE_FAILED', details)
}

/** Whether it is there only until what it was asked for has come. */
export function isLeaving({ retired, failure }: Lane): boolean {
  return retired.aborted || failure !== undefined
}

/** What is asked for by number, or has begun to come. */
export function closedOf(asks: Iterable<Ask>): Ask[] {
  return [...asks].filter(({ isOpen }) => !isOpen)
}

/** Whether a source will soon send what it did not send now. */
export function isExcuse(error: unknown): boolean {
  const { cause } = error as Error
  return hasCode(cause, 'BUSY') || hasCode(cause, 'CHUNK_MISSING')
}
