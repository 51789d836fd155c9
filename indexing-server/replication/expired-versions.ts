/** A replaced version of a file. */
export interface ReplacedVersion {
  readonly contentId: number
  readonly sizeBytes: number
  readonly ageMs: number
  /** Number of live peers that have it. */
  readonly liveCopies: number
}

export interface ReplacedOptions {
  /** Minimum time to keep a replaced version. */
  readonly replacedMs: number
  /** Bytes of replaced versions to keep per file. */
  readonly replacedBytes: number
  readonly versionsMax: number
}

/**
 * The replaced versions of a file that need not be kept any longer. While the current content lacks
 * copies, every version that may be the best available stays: a version beyond the limits is
 * removed only if a later one is on as many live peers.
 * @param versions the most recently replaced first
 * @param isSuccessorSafe whether the current content has all its copies on live peers
 */
export function expiredVersions(
  versions: readonly ReplacedVersion[],
  isSuccessorSafe: boolean,
  { replacedMs, replacedBytes, versionsMax }: ReplacedOptions,
): number[] {
  let bytes = 0
  let laterCopies = 0
  return versions.flatMap(({ contentId, sizeBytes, ageMs, liveCopies }, index) => {
    bytes += sizeBytes
    const isBeyond = bytes > replacedBytes || index >= versionsMax
    const hasAsSafe = laterCopies > 0 && laterCopies >= liveCopies
    laterCopies = Math.max(laterCopies, liveCopies)
    const mayGo = isSuccessorSafe ? isBeyond || ageMs >= replacedMs : isBeyond && hasAsSafe
    return mayGo ? [contentId] : []
  })
}
