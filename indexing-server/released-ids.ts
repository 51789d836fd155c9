import { access, mkdir, open, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { diskError } from '../common/disk-error.ts'
import { systemErrorCode } from '../common/errors.ts'

const folderOf = (dataFolder: string): string => join(dataFolder, 'released')

/**
 * Lets the next peer that says hello with this id take it, with any secret, because its disk was
 * lost. Anyone who may write to the index's data folder may do so, whether the index runs or not.
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

/**
 * Calls `carryOut` if this id was released, and consumes the release once it has succeeded.
 * @returns whether it was released
 * @throws AppError DISK_FAILED; errors of `carryOut`, after which the release stays
 */
export async function takeRelease(
  dataFolder: string,
  peerId: string,
  carryOut: () => Promise<unknown>,
): Promise<boolean> {
  if (dataFolder === ':memory:') return false
  const path = join(folderOf(dataFolder), peerId)
  try {
    await access(path)
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false
    throw diskError({ action: 'read', path, neededBytes: 0 }, error)
  }
  await carryOut()
  try {
    await unlink(path)
  } catch (error) {
    throw diskError({ action: 'remove', path, neededBytes: 0 }, error)
  }
  return true
}
