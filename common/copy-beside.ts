import { constants } from 'node:fs'
import { copyFile, open, rm } from 'node:fs/promises'
import { systemErrorCode } from './errors.ts'

/**
 * Copies a file and flushes the copy, for a place that a rename does not reach. On failure nothing of it is left.
 * @param to a path that nothing has, on the file system of the place
 * @throws what the disk does; EEXIST when something has the path, which stays
 */
export async function copyBeside(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
    await using copy = await open(to, 'r+')
    await copy.sync()
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') await rm(to, { force: true })
    throw error
  }
}
