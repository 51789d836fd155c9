/**
 * Which missing files were deleted, and which were lost or are unreachable. Pure. The loss of a
 * disk must lose nothing, and a deleted file must not stay forever: a running catalog sees files go
 * one by one, while a disk goes as a whole.
 */

/** Identifies a folder: one that is mounted instead, or created again, has other numbers. */
export interface FolderIdentity {
  readonly device: string
  readonly inode: string
}

/** The state of a folder: its identity, or why it is unavailable. */
export type FolderLook =
  | { readonly identity: FolderIdentity }
  | { readonly isMissing: boolean; readonly reason: string }

/** Facts about the files that the catalog has in a folder. */
export interface KnownFiles {
  /** The size of the sample, and how many files of it were found. */
  readonly sampled: number
  readonly found: number
}

/** `same`: as recorded. `accept`: record the present state. Otherwise why its entries are kept. */
export type FolderVerdict = 'same' | 'accept' | { readonly reason: string }

/**
 * Judges a folder as a whole.
 * @param known called only if the identity differs from the recorded one
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
  // Disks get new numbers, and users move files to larger disks: the files decide.
  if (2 * known.found >= known.sampled) return 'accept'
  return { reason: 'is another folder than before (unmounted, or replaced)' }
}

/** This many files may be deleted at a time, whatever their share of all files. */
const deletedAtOnceMax = 100

/**
 * Why the missing files of an available folder are kept as lost; undefined if they were deleted.
 * @param total files of the folder in the catalog, including the missing ones
 * @param wasKept whether some were judged lost before; those that are not back still are
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
  return wasKept ? 'has lost files, and not all are back' : undefined
}

/** So many files in a row that cannot be read may be a broken disk instead of broken files. */
const unreadableInARow = 4

/** Whether it is time to read a sample of a folder's files. */
export function mayBeUnreadable(inARow: number): boolean {
  return inARow >= unreadableInARow
}

/**
 * Why a folder cannot be used if files in a row cannot be read; undefined if these files are damaged.
 * @param readable of the files sampled
 */
export function judgeReads({
  sampled,
  readable,
}: {
  readonly sampled: number
  readonly readable: number
}): string | undefined {
  return sampled > 0 && readable === 0 ? 'cannot be read: its disk fails' : undefined
}
