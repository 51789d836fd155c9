import { AppError, hasCode } from '../../../common/errors.ts'
import type { ChunkSource, ChunksHeld } from '../source/chunk-source.ts'

/**
 * Already received chunks that a source may choose, besides a quarter of those it delivered: 2 %
 * are usual.
 */
const repeatsMax = 4
/** A busy source is asked again after this. */
const sourceBusyMs = 250
/** A source that was busy for this long counts as failed. */
const sourceBusyMaxMs = 60_000

/** A source from which a transfer takes chunks. Which ones it was asked for is known to the board. */
export class WorkingSource {
  readonly source: ChunkSource
  chunksHeld: ChunksHeld
  /** Why nothing more is requested from it. */
  failure: Error | undefined
  /** Aborted when others are faster: nothing more is requested from it. */
  readonly #retired: AbortSignal
  /** It is busy: nothing is requested from it before this time, in `monotonicMs`. */
  #restsUntilMs = 0
  /** Since when it has answered every request with an excuse. */
  #excusedSinceMs: number | undefined
  #goodChunks = 0
  /** Chunks that it chose although this peer had them. */
  #repeats = 0

  constructor(source: ChunkSource, chunksHeld: ChunksHeld, retired: AbortSignal) {
    this.source = source
    this.chunksHeld = chunksHeld
    this.#retired = retired
  }

  /** Whether nothing more is requested from it. */
  get isLeaving(): boolean {
    return this.#retired.aborted || this.failure !== undefined
  }

  isResting(nowMs: number): boolean {
    return nowMs < this.#restsUntilMs
  }

  onSent(): void {
    this.#excusedSinceMs = undefined
  }

  onGood(): void {
    this.#goodChunks += 1
  }

  /** A source that is only busy, or lacks the chunk, may be asked again after a rest. */
  onFailed(error: Error, nowMs: number): void {
    this.#excusedSinceMs ??= nowMs
    this.#restsUntilMs = nowMs + sourceBusyMs
    if (!isExcuse(error) || nowMs - this.#excusedSinceMs >= sourceBusyMaxMs) this.failure ??= error
  }

  /** It chose a chunk that this peer has: if it does so on purpose, nothing more is requested from it. */
  onRepeated(chunk: number): void {
    this.#repeats += 1
    if (this.#repeats <= repeatsMax + this.#goodChunks / 4) return
    const reason = 'it repeats chunks that this peer has'
    const details = { source: this.source.label, what: `chunk ${chunk}`, reason }
    this.failure ??= new AppError('SOURCE_FAILED', details)
  }
}

/** Whether a source will soon send what it did not send now. */
export function isExcuse(error: unknown): boolean {
  const { cause } = error as Error
  return hasCode(cause, 'BUSY') || hasCode(cause, 'CHUNK_MISSING')
}

/** The error for something that a source sent and that does not have its hash. */
export function mismatchOf({ label }: ChunkSource, what: string): AppError {
  return new AppError('HASH_MISMATCH', { source: label, what })
}
