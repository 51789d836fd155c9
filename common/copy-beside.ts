import { constants } from 'node:fs'
import { copyFile, open, rm } from 'node:fs/promises'

/**
 * Copies a file and flushes the copy, for a place that a rename does not reach. On failure nothing is left.
 * @param to a path that nothing has, on the file system of the place
 * @throws what the disk does
 */
export async function copyBeside(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
    await using copy = await open(to, 'r+')
    await copy.sync()
  } catch (error) {
    await rm(to, { force: true })
    throw error
  }
}
