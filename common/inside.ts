/**
 * Files below a folder, whatever happens to the folders on the way between a look and the opening.
 *
 * A path is checked after it was opened: the system says where the open file or folder is. What is
 * then done through the open folder is done there, also when its path leads elsewhere by now.
 */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readlinkSync,
  realpathSync,
  statSync,
} from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { readFlags } from './open-to-read.ts'

/** A path and the folder that it must not leave; both absolute. */
export interface InsidePath {
  readonly root: string
  readonly path: string
}

/** Where Linux shows what this process has open. */
const openedFolder = '/proc/self/fd'
const showsOpened = process.platform === 'linux' && existsSync(openedFolder)
// Windows has no such flag, and opens no folders.
const folderFlags = constants.O_RDONLY | ('O_DIRECTORY' in constants ? constants.O_DIRECTORY : 0)

/** The real paths of roots; far more than a peer has. */
const realRoots = new Map<string, string>()
const realRootsMax = 4_096

/** Whether something was refused because a link leads out of the root. */
export function leavesRoot(error: unknown): boolean {
  return error instanceof LeavesRoot
}

/** As if there were no such file: inside of the root there is none. */
class LeavesRoot extends Error {
  override readonly name = 'LeavesRoot'
  readonly code = 'ENOENT'

  constructor(path: string) {
    super(`'${path}' is reached through a link that leaves its folder`)
  }
}

/** Whether `path` is `folder` or lies below it; both absolute and without symbolic links. */
export function isInside(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep)
}

/**
 * Opens what is at a path for reading, without waiting for a pipe; it is for the caller to see that it
 * is a regular file.
 * @throws ENOENT when it was reached through a link that leaves the root; what the disk does
 */
export async function openInside(at: InsidePath): Promise<FileHandle> {
  return await checked(at, await open(at.path, readFlags))
}

/** Opens a folder, as {@link openInside} does. @throws what that does, and ENOTDIR */
export async function openFolderInside(at: InsidePath): Promise<FileHandle> {
  return await checked(at, await open(at.path, folderFlags))
}

/** As {@link openInside}, for threads. @returns a descriptor */
export function openInsideSync(at: InsidePath): number {
  return checkedSync(at, openSync(at.path, readFlags))
}

/** As {@link openFolderInside}, for threads. @returns a descriptor */
export function openFolderInsideSync(at: InsidePath): number {
  return checkedSync(at, openSync(at.path, folderFlags))
}

/**
 * The path of an entry of an open folder: where the system knows open folders by a path, the entry of
 * the very folder that was opened.
 */
export function entryPathIn(
  folder: { readonly descriptor: number; path: string },
  name: string,
): string {
  return join(pathOfOpened(folder.descriptor, folder.path), name)
}

/** A path of an open file, which leads to it wherever its own path leads by now; its own where the system knows none. */
export function pathOfOpened(descriptor: number, path: string): string {
  return showsOpened ? `${openedFolder}/${descriptor}` : path
}

async function checked(at: InsidePath, handle: FileHandle): Promise<FileHandle> {
  try {
    check(at, handle.fd)
    return handle
  } catch (error) {
    await handle.close()
    throw error
  }
}

function checkedSync(at: InsidePath, descriptor: number): number {
  try {
    check(at, descriptor)
    return descriptor
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
}

/** @throws ENOENT unless the open file is below the root */
function check({ root, path }: InsidePath, descriptor: number): void {
  const opened = showsOpened
    ? readlinkSync(`${openedFolder}/${descriptor}`)
    : realPathIfSame(path, descriptor)
  const known = realRoots.get(root)
  if (opened !== undefined && known !== undefined && isInside(known, opened)) return
  const real = realpathSync.native(root)
  if (opened === undefined || !isInside(real, opened)) throw new LeavesRoot(path)
  if (realRoots.size >= realRootsMax) realRoots.clear()
  realRoots.set(root, real)
}

/** The real path, if it still leads to what was opened. */
function realPathIfSame(path: string, descriptor: number): string | undefined {
  const real = realpathSync.native(path)
  const [opened, there] = [
    fstatSync(descriptor, { bigint: true }),
    statSync(real, { bigint: true }),
  ]
  return opened.ino === there.ino && opened.dev === there.dev ? real : undefined
}
