import { statfs } from 'node:fs/promises'
import { diskError } from '../../common/disk-error.ts'
import { isGone } from './is-gone.ts'

/**
 * Free bytes on the disk of a folder; infinite if the folder does not exist.
 * @throws AppError DISK_FAILED
 */
export async function freeBytesIn(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  } catch (error) {
    if (isGone(error)) return Number.POSITIVE_INFINITY
    throw measuringFailed(folder, error)
  }
}

/** Bytes that this process may use on the disk of a folder, and the size of the disk. @throws AppError DISK_FAILED */
export async function roomIn(folder: string): Promise<{ freeBytes: number; diskBytes: number }> {
  try {
    const { bavail, blocks, bsize } = await statfs(folder)
    return { freeBytes: wholeBytes(bavail * bsize), diskBytes: wholeBytes(blocks * bsize) }
  } catch (error) {
    throw measuringFailed(folder, error)
  }
}

function measuringFailed(path: string, error: unknown): Error {
  return diskError({ action: 'measure the disk of', path, neededBytes: 0 }, error)
}

/** A size as the protocol can state it: some file systems report more than fits a number. */
function wholeBytes(bytes: number): number {
  return Math.min(Math.max(0, Math.floor(bytes)), Number.MAX_SAFE_INTEGER)
}
