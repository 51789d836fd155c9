/**
 * Whose trouble the failure of a copy is, as far as its code tells: then only that pair of a content
 * and a peer waits, and others are tried immediately.
 */
export type Blame =
  /** The target has it with anything now: it rests. */
  | 'whole target'
  /** The target has it with this content. */
  | 'target'
  /** The target could not read the content from these sources: one of both ends is to blame. */
  | 'both'
  /** It is the same at every peer. */
  | 'content'

const blames: Readonly<Record<string, Blame>> = {
  TASK_REFUSED: 'whole target',
  STOPPING: 'whole target',
  DISK_FULL: 'whole target',
  NO_SOURCE: 'both',
  SOURCE_FAILED: 'both',
  HASH_MISMATCH: 'both',
  CONTENT_CHANGED: 'both',
  CONTENT_NOT_FOUND: 'both',
  SOURCE_SLOW: 'both',
  DEADLINE_EXCEEDED: 'both',
  TOO_LARGE: 'content',
  BAD_REQUEST: 'content',
  PEER_ID_INVALID: 'content',
}

/** A code that says nothing of the kind, such as INTERNAL, may mean this target alone. */
export function blameOf(code: string): Blame {
  return blames[code] ?? 'target'
}
