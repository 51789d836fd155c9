/** A replaced version of a file. */
export interface ReplacedVersion {
  readonly contentId: number
  readonly sizeBytes: number
  readonly ageMs: number
  /** On how many live peers it is. */
  readonly liveCopies: number
}

export interface ReplacedOptions {
  /** How long a replaced version stays at least. */
  readonly replacedMs: number
  /** Bytes of replaced versions that are kept of one file. */
  readonly replacedBytes: number
  readonly versionsMax: number
}

/**
 * Which replaced versions of a file need not be kept any more. While the current content lacks copies
 * all stay that may be the best there is: beyond the bounds one goes only if a later replaced version
 * is on as many live peers.
 * @param versions the last replaced first
 * @param isSuccessorSafe whether the current content has its copies, all of them live
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
