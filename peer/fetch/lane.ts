import type { ChunkSource } from './peer-source.ts'
import type { Holdings } from './plan.ts'

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
  holdings: Holdings
  /** It is busy, and is asked for nothing until then. */
  restsUntilMs: number
  /** Since when it has given nothing but excuses. */
  excusedSinceMs: number | undefined
  /** Once aborted it is asked for nothing more: others are faster. */
  readonly retired: AbortSignal
  /** Why it is asked for nothing more. */
  failure: Error | undefined
}

/** Whether it is there only until what it was asked for has come. */
export function isLeaving({ retired, failure }: Lane): boolean {
  return retired.aborted || failure !== undefined
}

/** What is asked for by number, or has begun to come. */
export function closedOf(asks: Iterable<Ask>): Ask[] {
  return [...asks].filter(({ isOpen }) => !isOpen)
}
