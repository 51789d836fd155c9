import { lstat, rmdir, unlink } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { type FileStat, fileStatOf, isSameStat } from '../../common/content/file-stat.ts'
import { entryPathIn, isInside, openFolderInside } from '../../common/inside.ts'
import type { Location } from './folders.ts'
import { isGone } from './is-gone.ts'

/** A staged copy that was not written for this long was left by a process that ended. */
export const leftoverKeptMs = 86_400_000

/**
 * Removes the file of an entry, in the folder that was checked, so that a link that replaces the
 * folder meanwhile does no harm elsewhere.
 * @returns false if something else, or nothing, is there
 * @throws errors of the disk
 */
export async function removeIfSame(entry: {
  readonly at: Location
  readonly stat: FileStat
}): Promise<boolean> {
  const { root, path } = entry.at
  try {
    await using folder = await openFolderInside({ root, path: dirname(path) })
    const opened = { descriptor: folder.fd, path: dirname(path) }
    const own = entryPathIn(opened, basename(path))
    if (!isSameStat(fileStatOf(await lstat(own, { bigint: true })), entry.stat)) return false
    await unlink(own)
    return true
  } catch (error) {
    if (isGone(error)) return false
    throw error
  }
}

/**
 * Removes the empty folders above a file, up to its root; for replicas including the folders of
 * owner and version.
 */
export async function removeEmptyFolders({ kind, root, path, version }: Location): Promise<void> {
  const above = kind === 'replicated' ? dirname(root) : root
  const top = version === undefined ? above : dirname(dirname(above))
  for (
    let folder = dirname(path);
    folder !== top && isInside(top, folder);
    folder = dirname(folder)
  )
    try {
      await using above = await openFolderInside({ root: top, path: dirname(folder) })
      await rmdir(entryPathIn({ descriptor: above.fd, path: dirname(folder) }, basename(folder)))
    } catch {
      // It is not empty, or in use, and so are those above it.
      return
    }
}

/** Removes an abandoned copy of a process that ended; no process writes to one for a day. */
export async function removeLeftover(path: string, nowMs: number): Promise<void> {
  try {
    const { mtimeMs } = await lstat(path)
    if (mtimeMs < nowMs - leftoverKeptMs) await unlink(path)
  } catch {
    // The next scan retries.
  }
}

/**
 * Removes a kept version whose content does not have its hash, unless it was written in the last
 * day.
 */
export async function removeSpoiled(
  file: { readonly at: Location; readonly stat: FileStat },
  nowMs: number,
): Promise<void> {
  if (Number(file.stat.mtimeNs / 1_000_000n) > nowMs - leftoverKeptMs) return
  try {
    if (await removeIfSame(file)) await removeEmptyFolders(file.at)
  } catch {
    // The next scan retries.
  }
}
