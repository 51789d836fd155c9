import { lstat, rmdir, unlink } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { type FileStat, fileStatOf, isSameStat } from '../../common/content/file-stat.ts'
import { entryPathIn, isInside, openFolderInside } from '../../common/inside.ts'
import { deadlines } from '../../common/limits.ts'
import type { Location } from './folders.ts'
import { isGone } from './is-gone.ts'

/**
 * Removes the file of an entry, in the folder that was checked: a folder that was swapped for a link
 * meanwhile costs nothing elsewhere.
 * @returns false when something else, or nothing, is there
 * @throws what the disk does
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

/** Removes the folders above a file that are empty now, up to its root and, of an owner's or a version's, with those. */
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
      // It holds something else, or is in use: then so are those above it.
      return
    }
}

/** Removes a copy that was on its way when its process ended; nothing writes to one for a day. */
export async function removeLeftover(path: string, nowMs: number): Promise<void> {
  try {
    const { mtimeMs } = await lstat(path)
    if (mtimeMs < nowMs - deadlines.leftoverKeptMs) await unlink(path)
  } catch {
    // The next scan tries it again.
  }
}

/** Removes a kept version that holds something else than its hash says, unless it was written in the last day. */
export async function removeSpoiled(
  file: { readonly at: Location; readonly stat: FileStat },
  nowMs: number,
): Promise<void> {
  if (Number(file.stat.mtimeNs / 1_000_000n) > nowMs - deadlines.leftoverKeptMs) return
  try {
    if (await removeIfSame(file)) await removeEmptyFolders(file.at)
  } catch {
    // The next scan tries it again.
  }
}
