/**
 * Which files that are not there were deleted, and which cannot be looked at or were lost. Pure.
 * Losing a disk must lose nothing, and a file that is deleted must not stay for ever: a running
 * catalog sees files go one by one, while a disk goes as a whole.
 */

/** Which folder this is: what is mounted elsewhere, or created again, has other numbers. */
export interface FolderIdentity {
  readonly device: string
  readonly inode: string
}

/** What is at the path of a folder: its identity, or why it cannot be looked at. */
export type FolderLook =
  | { readonly identity: FolderIdentity }
  | { readonly isMissing: boolean; readonly reason: string }

/** What is known of the files that the catalog has in a folder. */
export interface KnownFiles {
  /** Of those looked at, how many there are and how many were found. */
  readonly sampled: number
  readonly found: number
}

/** `same`: as recorded. `accept`: record it as it is now. Otherwise why its files are kept. */
export type FolderVerdict = 'same' | 'accept' | { readonly reason: string }

/**
 * Judges a folder as a whole.
 * @param known counted only when the identity is not the one that was recorded
 */
export function judgeFolder(
  recorded: FolderIdentity | undefined,
  look: FolderLook,
  known: KnownFiles,
): FolderVerdict {
  if (!('identity' in look)) {
    if (look.isMissing && known.sampled === 0) return 'accept'
    return { reason: look.reason }
  }
  const { device, inode } = look.identity
  if (recorded?.device === device && recorded.inode === inode) return 'same'
  // Disks get other numbers, and people move their files to larger ones: the files tell.
  if (2 * known.found >= known.sampled) return 'accept'
  return { reason: 'is not the folder that it was (unmounted, or replaced by another)' }
}

/** So many files may go at a time, whatever part of all they are. */
const deletedAtOnceMax = 100

/**
 * Why files that are not there, in a folder that can be looked at, are kept as lost; undefined when
 * they were deleted.
 * @param total files of the folder in the catalog, with the lost ones
 * @param wasKept whether some of them were judged lost before: what is not back yet still is
 */
export function judgeLoss({
  total,
  lost,
  wasKept,
}: {
  readonly total: number
  readonly lost: number
  readonly wasKept: boolean
}): string | undefined {
  if (lost === 0) return undefined
  if (lost >= total && lost > 1) return 'is empty'
  if (lost > deletedAtOnceMax && 2 * lost > total) return 'has lost most of its files'
  return wasKept ? 'has lost files, of which not all are back' : undefined
}
