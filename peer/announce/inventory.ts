import type { Change } from '../../common/protocol/messages.ts'

/** What announcing needs of the catalog. */
export interface Inventory {
  /** Identifies the run of the peer that the change numbers belong to. */
  readonly epoch: string
  /** The previous run and its last change that was on disk at the start, if there is one. */
  readonly continues: { readonly epoch: string; readonly lastSeq: number } | undefined
  /** The number of the newest change. */
  readonly lastSeq: number
  /**
   * Whether it lists everything that this peer has: only then are missing copies announced as gone.
   */
  readonly isComplete: boolean
  /** At most `limit` changes after `seq`, in order. */
  changesSince(seq: number, limit: number): Change[]
  /** Whether the changes since `seq` bring an index that has those up to it up to date. */
  canResumeFrom(seq: number): boolean
  /** The index has the changes up to `seq`. */
  seenByIndex(seq: number): void
  /** Calls `listener` after changes and when it becomes complete, until the returned function is called. */
  onChange(listener: () => void): () => void
}
