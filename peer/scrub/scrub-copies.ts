/** What scrubbing needs of the share. */
import type { Amount } from './scrub-pace.ts'

export interface ReadableCopy {
  /** The number of its entry in the catalog. */
  readonly seq: number
  readonly path: string
  readonly name: string
  readonly folder: 'shared' | 'downloaded' | 'replicated'
  readonly owner?: string
}

export type CopyVerdict = 'good' | 'bad' | 'changed' | 'away' | 'refused'

export interface ReadOptions {
  readonly signal: AbortSignal
  /** Chunks before it were read before. */
  readonly fromChunk?: number
  /** Called with the bytes just read and the number of chunks read so far; the next are read when it resolves. */
  readonly pace: (bytes: number, chunks: number) => Promise<void>
}

export interface ScrubCopies {
  /** Resolves when the catalog has all copies; rejects when the peer stops. */
  readonly ready: Promise<void>
  /** The number of the newest entry. */
  readonly lastSeq: number
  /** Of all copies. */
  readonly amount: Amount
  /** The first copy after a number and up to another. */
  next(afterSeq: number, lastSeq: number): ReadableCopy | undefined
  /** Reads a copy; what is wrong with it has been recorded and reported when it resolves. */
  read(copy: Pick<ReadableCopy, 'path'>, options: ReadOptions): Promise<CopyVerdict>
}
