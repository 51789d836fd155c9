/** The jobs that a chunk thread does. */
import type { JournalRecord } from './chunk-journal.ts'

/** A chunk as a source sent it, and where it goes if it is good. Nobody else writes into it before the answer. */
export interface UncheckedChunk {
  /** In memory that threads share; where that begins with a page, it can be written past the page cache. */
  readonly chunk: Uint8Array
  /** What the chunk list states. */
  readonly sha256: Uint8Array
  /** Stays open. */
  readonly file: WrittenFile
  readonly position: number
  /** Written after the chunk. */
  readonly record: JournalRecord | undefined
}

export interface WrittenFile {
  readonly descriptor: number
  /** Of the same file, for writing past the page cache; undefined where that cannot or need not be. */
  readonly directDescriptor: number | undefined
}

/** What comes next of a file that is hashed as a whole, in memory that threads share. */
export interface HashedPieces {
  readonly path: string
  readonly pieces: readonly Uint8Array[]
}

export interface FilePart {
  readonly path: string
  readonly start: number
  readonly bytes: number
}
