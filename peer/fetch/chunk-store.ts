import type { ChunkSet } from '../../common/content/chunk-set.ts'
import type { CheckedChunk } from './chunk-threads.ts'

/** Where chunks go. */
export interface ChunkStore {
  readonly verified: ChunkSet
  /** The content's chunk list, once it is known. */
  readonly chunkList: Buffer | undefined
  /** With it, chunks are wanted in order, and none from this one on is wanted yet. */
  readonly wantedEnd?: number
  /** Told the verified chunk list. @throws AppError DISK_FULL, DISK_FAILED */
  begin(chunkList: Buffer): Promise<void>
  /**
   * Takes a chunk, which begins its memory, if it has its hash; resolves with memory for another.
   * @throws AppError DISK_FULL, DISK_FAILED
   */
  put(chunk: number, bytes: Buffer<ArrayBuffer>, hash: Uint8Array): Promise<CheckedChunk>
  /** Calls `listener` when more chunks are wanted. */
  onWanted?(listener: () => void): void
}
