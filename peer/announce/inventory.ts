import type { Change } from '../../common/protocol/messages.ts'

/** What announcing needs of the catalog. */
export interface Inventory {
  /** Names this run of the peer, which the change numbers belong to. */
  readonly epoch: string
  /** The run before this one and its last change that was on disk at the start, if there is one. */
  readonly continues: { readonly epoch: string; readonly lastSeq: number } | undefined
  /** The number of the newest change. */
  readonly lastSeq: number
  /** Whether it holds everything that this peer has: only then may the rest be called gone. */
  readonly isComplete: boolean
  /** At most `limit` changes after the number, in order. */
  changesSince(seq: number, limit: number): Change[]
  /** Whether the changes since `seq` are all that somebody lacks who has seen those up to it. */
  canResumeFrom(seq: number): boolean
  /** The index has the changes up to `seq`. */
  seenByIndex(seq: number): void
  /** Calls `listener` after changes and when it becomes complete, until the returned function is called. */
  onChange(listener: () => void): () => void
}
