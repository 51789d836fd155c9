/** The jobs that a chunk thread does. */
import type { ReadFrom } from '../chunk-store.ts'
import type { JournalRecord } from './chunk-journal.ts'

/**
 * A chunk as a source sent it, or the memory for one that lies in another file, and where it is written if
 * it is good. Its memory must not change before the answer.
 */
export interface UncheckedChunk {
  /** In memory that threads share; if it begins at a page, it can bypass the page cache. */
  readonly chunk: Uint8Array
  /** What the chunk list states. */
  readonly sha256: Uint8Array
  /** Stays open. */
  readonly file: WrittenFile
  readonly position: number
  /** Where the chunk is read from first; stays open. Its failures make the chunk a bad one. */
  readonly from?: ReadFrom | undefined
  /** Written after the chunk. */
  readonly record: JournalRecord | undefined
}

export interface WrittenFile {
  readonly descriptor: number
  /**
   * Of the same file, for writes that bypass the page cache; undefined where they are impossible or do
   * not pay.
   */
  readonly directDescriptor: number | undefined
}

/** The next pieces of a file that is hashed as a whole, in memory that threads share. */
export interface HashedPieces {
  readonly path: string
  readonly pieces: readonly Uint8Array[]
}

export interface FilePart {
  readonly path: string
  readonly start: number
  readonly bytes: number
}
