import type { ChunkSet } from '../../../common/content/chunk-set.ts'

/** The chunks that a source has; undefined means all of them. */
export type ChunksHeld = ChunkSet | undefined

/** What to request from a source. */
export interface WantedChunk {
  readonly chunk: number
  /** Chunks of the same length that are as welcome. */
  readonly or: readonly number[]
}

/** How fast a source sends, and how long its first byte takes after a request. */
export interface Pace {
  /** Undefined until bytes arrived. */
  readonly bytesPerMs: number | undefined
  readonly delayMs: number
}

/** The number of chunks of a source that are known already, and the end of the question. */
export interface ChunksHeldUpdate {
  readonly beyond: number
  readonly signal: AbortSignal
}

/** Gives chunks of one content to one fetch. */
export interface ChunkSource {
  /** Names it in errors. */
  readonly label: string
  /** With the bytes that were requested and have not arrived. */
  readonly pace: Pace & { readonly bytesOwed: number }
  /**
   * The content's chunk list as this source states it, not verified.
   * @throws AppError SOURCE_FAILED, or the signal's reason
   */
  chunkList(): Promise<Buffer>
  /**
   * The chunks that it has; undefined when it has them all. An update arrives when it has more than are
   * known, or after `deadlines.chunksWaitMs`.
   * @throws AppError SOURCE_FAILED, or the signal's reason
   */
  chunksHeld(update?: ChunksHeldUpdate): Promise<ChunksHeld>
  /**
   * Fills `into`, which is as long as the chunk, with the chunk as this source has it, not verified; or
   * with one of the others. Calls `onBegin` with its number when its first bytes arrive.
   * @throws AppError SOURCE_FAILED, or the reason of a signal
   */
  read(
    wanted: WantedChunk,
    into: Buffer,
    signal: AbortSignal,
    onBegin: (chunk: number) => void,
  ): Promise<void>
}
