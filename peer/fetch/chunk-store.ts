import type { ChunkSet } from '../../common/content/chunk-set.ts'

/** The outcome of storing a chunk. */
export interface PutChunk {
  /** Whether it has its hash; then it is stored. */
  readonly isGood: boolean
  /** Resolves when its memory may be written again; without it, that is immediately. Never rejects. */
  readonly released?: Promise<void> | undefined
}

/** Bytes of an open file. */
export interface ReadFrom {
  readonly descriptor: number
  readonly position: number
}

/** Where chunks go. */
export interface ChunkStore {
  readonly verified: ChunkSet
  /** The content's chunk list, once it is known. */
  readonly chunkList: Buffer | undefined
  /** With it, chunks are wanted in order, and none from this one on is wanted yet. */
  readonly wantedEnd?: number
  /** Called with the verified chunk list. @throws AppError DISK_FULL, DISK_FAILED */
  begin(chunkList: Buffer): Promise<void>
  /**
   * Stores a chunk if it has its hash. Its memory must not change meanwhile.
   * @throws AppError DISK_FULL, DISK_FAILED
   */
  put(chunk: number, bytes: Buffer, hash: Uint8Array): Promise<PutChunk>
  /** Calls `listener` when more chunks are wanted. */
  onWanted?(listener: () => void): void
}

/** A store that can read a chunk from another file into the memory that it is given. */
export interface CopyingStore extends ChunkStore {
  /** A chunk that cannot be read does not have its hash. @throws AppError DISK_FULL, DISK_FAILED */
  put(chunk: number, bytes: Buffer, hash: Uint8Array, from?: ReadFrom): Promise<PutChunk>
}
