import { mkdir, open, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { diskError } from '../common/disk-error.ts'
import { systemErrorCode } from '../common/errors.ts'

const folderOf = (dataFolder: string): string => join(dataFolder, 'released')

/**
 * Lets the next peer that says hello with this id have it, whatever its secret: its disk was lost.
 * Whoever may write into the index's data folder may do so, whether the index runs or not.
 * @throws AppError DISK_FULL, DISK_FAILED
 */
export async function releaseId(dataFolder: string, peerId: string): Promise<void> {
  const path = join(folderOf(dataFolder), peerId)
  try {
    await mkdir(folderOf(dataFolder), { recursive: true })
    await using _ = await open(path, 'w')
  } catch (error) {
    throw diskError({ action: 'write', path, neededBytes: 1 }, error)
  }
}

/** Uses up a release of this id; false when there is none. @throws AppError DISK_FAILED */
export async function takeRelease(dataFolder: string, peerId: string): Promise<boolean> {
  if (dataFolder === ':memory:') return false
  const path = join(folderOf(dataFolder), peerId)
  try {
    await unlink(path)
    return true
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false
    throw diskError({ action: 'remove', path, neededBytes: 0 }, error)
  }
}
