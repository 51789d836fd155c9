import type { ChunkSet } from '../../common/content/chunk-set.ts'

/** What became of a chunk. */
export interface PutChunk {
  /** Whether it has its hash, and so was kept. */
  readonly isGood: boolean
  /** Resolves when its memory may be written again; without it, that is now. Never rejects. */
  readonly released?: Promise<void> | undefined
}

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
   * Takes a chunk, in memory that nobody else writes into meanwhile, if it has its hash.
   * @throws AppError DISK_FULL, DISK_FAILED
   */
  put(chunk: number, bytes: Buffer, hash: Uint8Array): Promise<PutChunk>
  /** Calls `listener` when more chunks are wanted. */
  onWanted?(listener: () => void): void
}
