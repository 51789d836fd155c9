import { lstat, realpath, stat } from 'node:fs/promises'
import { type FileStat, foundStatOf, isSameStat } from '../../common/content/file-stat.ts'
import { isInside } from '../../common/inside.ts'
import type { CatalogFile } from './entry.ts'
import { isGone } from './is-gone.ts'

/**
 * The present stat of a regular file; undefined if none exists there or, with `mayBeLinked`, if a
 * link leads out of the root.
 * @throws other system errors
 */
export async function inspect(
  { root, path }: { readonly root: string; readonly path: string },
  mayBeLinked: boolean,
): Promise<FileStat | undefined> {
  try {
    if (mayBeLinked && !isInside(await realpath(root), await realpath(path))) return undefined
    const found = mayBeLinked
      ? await stat(path, { bigint: true })
      : await lstat(path, { bigint: true })
    return found.isFile() ? foundStatOf(found) : undefined
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

/** Whether the file of an entry is as it was recorded. */
export async function isUntouched({ at, stat }: CatalogFile): Promise<boolean> {
  const now = await inspect(at, true)
  return now !== undefined && isSameStat(now, stat)
}

/**
 * When the file at a path was created, in nanoseconds: renaming keeps it, and a new file with the
 * inode of a deleted one has another. Undefined if there is no file, or the file system does not tell.
 */
export async function createdNs(path: string): Promise<bigint | undefined> {
  try {
    const { birthtimeNs } = await lstat(path, { bigint: true })
    return birthtimeNs > 0n ? birthtimeNs : undefined
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}
