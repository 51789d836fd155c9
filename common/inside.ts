/**
 * Opens files below a folder safely even if folders on the path are replaced meanwhile.
 *
 * The path is checked after opening: the system tells where the open file or folder is. Operations
 * through the open folder apply to that folder even if its path now leads elsewhere.
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

/** Where Linux lists the open files of this process. */
const openedFolder = '/proc/self/fd'
const showsOpened = process.platform === 'linux' && existsSync(openedFolder)
// Windows has no such flag, and cannot open folders.
const folderFlags = constants.O_RDONLY | ('O_DIRECTORY' in constants ? constants.O_DIRECTORY : 0)

/** Real paths of roots; more than any peer has. */
const realRoots = new Map<string, string>()
const realRootsMax = 4_096

/** Whether access was refused because a link leads out of the root. */
export function leavesRoot(error: unknown): boolean {
  return error instanceof LeavesRoot
}

/** Reported as ENOENT: there is no such file inside the root. */
class LeavesRoot extends Error {
  override readonly name = 'LeavesRoot'
  readonly code = 'ENOENT'

  constructor(path: string) {
    super(`'${path}' leaves its folder through a link`)
  }
}

/** Whether `path` is `folder` or below it; both absolute and without symbolic links. */
export function isInside(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep)
}

/**
 * Opens a path for reading without blocking on a pipe; the caller must check that it is a regular
 * file.
 * @throws ENOENT if a link leads out of the root; errors of the disk
 */
export async function openInside(at: InsidePath): Promise<FileHandle> {
  return await checked(at, await open(at.path, readFlags))
}

/** Opens a folder like {@link openInside}. @throws its errors, and ENOTDIR */
export async function openFolderInside(at: InsidePath): Promise<FileHandle> {
  return await checked(at, await open(at.path, folderFlags))
}

/** {@link openInside} for threads. @param flags added to those for reading @returns a descriptor */
export function openInsideSync(at: InsidePath, flags = 0): number {
  return checkedSync(at, openSync(at.path, readFlags | flags))
}

/** {@link openFolderInside} for threads. @returns a descriptor */
export function openFolderInsideSync(at: InsidePath): number {
  return checkedSync(at, openSync(at.path, folderFlags))
}

/**
 * The path of an entry of an open folder; where the system supports paths of open folders, it
 * refers to the folder that was opened.
 */
export function entryPathIn(
  folder: { readonly descriptor: number; path: string },
  name: string,
): string {
  return join(pathOfOpened(folder.descriptor, folder.path), name)
}

/**
 * A path that refers to an open file even if its own path now leads elsewhere; its own path where
 * the system does not support that.
 */
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

/** The real path, if it still refers to the opened file. */
function realPathIfSame(path: string, descriptor: number): string | undefined {
  const real = realpathSync.native(path)
  const [opened, there] = [
    fstatSync(descriptor, { bigint: true }),
    statSync(real, { bigint: true }),
  ]
  return opened.ino === there.ino && opened.dev === there.dev ? real : undefined
}
