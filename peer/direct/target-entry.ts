import type { Stats } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { type HashedFile, hashFile } from '../../common/content/hash.ts'
import { copyBeside } from '../../common/copy-beside.ts'
import { diskError, nameRefused } from '../../common/disk-error.ts'
import { AppError, systemErrorCode } from '../../common/errors.ts'
import { moveNew } from '../../common/move-new.ts'
import { folderFor } from './target.ts'

/** The destination of one file, in an open folder. */
export interface TargetEntry {
  /** For messages. */
  readonly path: string
  /** The same path through the open folder. */
  readonly entry: string
  /** Whether a file of other content may be replaced. */
  readonly replaces: boolean
}

/**
 * The existing file: one with this content, or one that may be replaced.
 * @throws AppError FILE_EXISTS, NAME_BLOCKED, DISK_FAILED
 */
export async function existingFile(
  { path, entry, replaces }: TargetEntry,
  sha256: string,
): Promise<HashedFile | undefined> {
  const there = await statOf(entry, path)
  if (there === undefined) return undefined
  if (!there.isFile())
    throw new AppError('NAME_BLOCKED', {
      name: path,
      reason: 'it exists and is not a file',
    })
  const hashed = await hashFile(entry)
  if (hashed.content.sha256 === sha256 || replaces) return hashed
  throw new AppError('FILE_EXISTS', { path })
}

async function holds(target: TargetEntry, sha256: string): Promise<boolean> {
  return (await existingFile(target, sha256))?.content.sha256 === sha256
}

/**
 * Moves a finished file into its place atomically, without flushing the folder. Does not overwrite a file
 * that appears meanwhile. If the content is there already, the partial file stays.
 * @throws AppError FILE_EXISTS, NAME_BLOCKED; errors of the file system
 */
export async function moveIntoPlace(
  target: TargetEntry,
  partialPath: string,
  sha256: string,
): Promise<void> {
  if (await holds(target, sha256)) return
  if (await movedAnywhere(partialPath, target.entry, target.replaces)) return
  if (!(await holds(target, sha256))) throw new AppError('FILE_EXISTS', { path: target.path })
}

/** False if something exists there that may not be replaced. Copies and flushes first across file systems. */
async function movedAnywhere(from: string, to: string, replaces: boolean): Promise<boolean> {
  try {
    return await moved(from, to, replaces)
  } catch (error) {
    if (systemErrorCode(error) !== 'EXDEV')
      throw nameRefused({ name: basename(to), path: to }, error)
  }
  const copy = folderFor(dirname(to), `copy of ${basename(to)}`)
  await rm(copy, { recursive: true, force: true })
  await copyBeside(from, copy)
  try {
    const isMoved = await moved(copy, to, replaces)
    if (isMoved) await rm(from, { force: true })
    return isMoved
  } finally {
    await rm(copy, { force: true })
  }
}

async function moved(from: string, to: string, replaces: boolean): Promise<boolean> {
  if (!replaces) return await moveNew(from, to)
  await rename(from, to)
  return true
}

async function statOf(entry: string, path: string): Promise<Stats | undefined> {
  try {
    return await stat(entry)
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined
    throw diskError({ action: 'look at', path, neededBytes: 0 }, error)
  }
}
