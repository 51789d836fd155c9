/**
 * What causes the failure of a copy, as far as its error code tells: only that pair of content and
 * peer then waits, and others are tried immediately.
 */
export type Blame =
  /** The target fails with any content now: it rests. */
  | 'whole target'
  /** The target fails with this content. */
  | 'target'
  /** The target could not read the content from these sources: either end may be the cause. */
  | 'both'
  /** It fails at every peer. */
  | 'content'

const blames: Readonly<Record<string, Blame>> = {
  TASK_REFUSED: 'whole target',
  STOPPING: 'whole target',
  DISK_FULL: 'whole target',
  CAPACITY_FULL: 'whole target',
  FOLDER_UNAVAILABLE: 'whole target',
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

/** An unspecific code, such as INTERNAL, is attributed to this target. */
export function blameOf(code: string): Blame {
  return blames[code] ?? 'target'
}
