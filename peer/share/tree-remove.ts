import type { Dirent } from 'node:fs'
import { readdir, rmdir, unlink } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { isOwnName } from '../../common/ids.ts'
import { openFolderInside, pathOfOpened } from '../../common/inside.ts'
import { nameOn } from './folders.ts'
import { isGone } from './is-gone.ts'

interface FolderPlace {
  readonly root: string
  readonly path: string
  readonly name: string
}

/** Files whose removal is reported together. */
const filesPerReport = 50

/**
 * Removes everything in a folder except Tandem's own files. Links are removed, not followed.
 * @param onDeleted called with the names of removed files
 * @throws errors of the disk
 */
export async function emptyFolder(
  folder: FolderPlace,
  onDeleted: (names: readonly string[]) => void,
): Promise<void> {
  const below = await removeFilesIn(folder, onDeleted)
  for (const diskName of below) {
    const place = inFolder(folder, diskName)
    await emptyFolder(place, onDeleted)
    await using handle = await openFolderInside(folder)
    await rmdir(join(pathOfOpened(handle.fd, folder.path), diskName))
  }
}

/** @returns the folders in it */
async function removeFilesIn(
  folder: FolderPlace,
  onDeleted: (names: readonly string[]) => void,
): Promise<string[]> {
  await using handle = await openFolderInside(folder)
  const opened = pathOfOpened(handle.fd, folder.path)
  const below: string[] = []
  let deleted: string[] = []
  try {
    for (const dirent of await readdir(opened, { withFileTypes: true })) {
      if (isOwnName(dirent.name)) continue
      if (dirent.isDirectory()) below.push(dirent.name)
      else if (await removeFile(opened, dirent)) deleted.push(inFolder(folder, dirent.name).name)
      if (deleted.length < filesPerReport) continue
      onDeleted(deleted)
      deleted = []
    }
  } finally {
    if (deleted.length > 0) onDeleted(deleted)
  }
  return below
}

async function removeFile(opened: string, { name }: Dirent): Promise<boolean> {
  try {
    await unlink(join(opened, name))
    return true
  } catch (error) {
    if (isGone(error)) return false
    throw error
  }
}

function inFolder({ root, path, name }: FolderPlace, diskName: string): FolderPlace {
  return { root, path: join(path, diskName), name: posix.join(name, nameOn(diskName)) }
}
