import type { Stats } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { hashFile } from '../../common/content/hash.ts'
import { copyBeside } from '../../common/copy-beside.ts'
import { diskError, nameRefused } from '../../common/disk-error.ts'
import { AppError, systemErrorCode } from '../../common/errors.ts'
import { moveNew } from '../../common/move-new.ts'
import { folderFor } from './target.ts'

/** The place of one file, in a folder that stays open while this is used. */
export interface TargetEntry {
  /** As people see it. */
  readonly path: string
  /** The same place, as an entry of the open folder. */
  readonly entry: string
  /** Whether a file of other content may be replaced. */
  readonly replaces: boolean
}

/**
 * The size of the file in its place, if it has this content already; undefined when it can be written.
 * @throws AppError FILE_EXISTS, NAME_BLOCKED, DISK_FAILED
 */
export async function heldSize(
  { path, entry, replaces }: TargetEntry,
  sha256: string,
): Promise<number | undefined> {
  const there = await statOf(entry, path)
  if (there === undefined) return undefined
  if (!there.isFile())
    throw new AppError('NAME_BLOCKED', {
      name: path,
      reason: 'something else than a file is there',
    })
  const { content } = await hashFile(entry)
  if (content.sha256 === sha256) return content.size
  if (replaces) return undefined
  throw new AppError('FILE_EXISTS', { path })
}

/**
 * Moves a finished file into its place, whole or not at all, without flushing the folder. A file that
 * appears there meanwhile is not overwritten. When the content is there already, the partial file stays.
 * @throws AppError FILE_EXISTS, NAME_BLOCKED; what the disk does
 */
export async function moveIntoPlace(
  target: TargetEntry,
  partialPath: string,
  sha256: string,
): Promise<void> {
  if ((await heldSize(target, sha256)) !== undefined) return
  if (await movedAnywhere(partialPath, target.entry, target.replaces)) return
  if ((await heldSize(target, sha256)) === undefined)
    throw new AppError('FILE_EXISTS', { path: target.path })
}

/** False when something has the place that may not be replaced. A file from another file system is copied and flushed first. */
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
