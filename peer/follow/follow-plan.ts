import type { FollowedFile } from './follow-store.ts'

/** What is known of a name when it is decided. */
export interface FollowCase {
  /** The hash of the content that the cluster has under the name now. */
  readonly wanted: string
  /** The hash of the file in downloaded/; undefined if there is none. */
  readonly present: string | undefined
  /** What this rule has done about the name; undefined if nothing. */
  readonly followed: FollowedFile | undefined
  /** Whether this peer shares a file of that name. */
  readonly isOwn: boolean
  /** Whether another peer shares the wanted content. */
  readonly isSharedElsewhere: boolean
}

/**
 * `held`: the wanted content is in its place. `kept`: the user has a file of this name here, removed
 * it, or changed it. `fetch`: it is to be fetched, and may replace a file with one of these hashes.
 */
export type FollowDecision =
  | { readonly what: 'held' | 'kept' }
  | { readonly what: 'fetch'; readonly replacesOnly: readonly string[] }

/**
 * What to do about a file that a rule wants (docs/decisions/0040). A file in downloaded/ is replaced
 * only if it is known to be what a rule put there, or what another peer shared at that time.
 */
export function decideFollow(file: FollowCase): FollowDecision {
  const { wanted, present, followed, isOwn, isSharedElsewhere } = file
  const known = [followed?.held, followed?.coming].filter((hash) => hash !== undefined)
  if (isOwn) return { what: 'kept' }
  if (present === undefined) {
    const isRemoved = followed?.held !== undefined
    return isRemoved ? { what: 'kept' } : { what: 'fetch', replacesOnly: [] }
  }
  const isKnown = known.includes(present)
  if (present === wanted) return { what: isKnown || isSharedElsewhere ? 'held' : 'kept' }
  return isKnown ? { what: 'fetch', replacesOnly: known } : { what: 'kept' }
}
