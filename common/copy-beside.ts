import { constants } from 'node:fs'
import { copyFile, open, rm } from 'node:fs/promises'
import { systemErrorCode } from './errors.ts'

/**
 * Copies and flushes a file, for a destination that a rename cannot reach. On failure the copy is
 * removed.
 * @param to an unused path on the destination's file system
 * @throws errors of the disk; EEXIST if the path is in use, which is left unchanged
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
