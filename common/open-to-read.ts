import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

/** For reading any path: without O_NONBLOCK, opening a pipe would block until a writer appears. */
export const readFlags = constants.O_RDONLY | constants.O_NONBLOCK

/** Opens `path`, which may not be a file; a pipe never blocks a thread of Node's pool. */
export async function openToRead(path: string): Promise<FileHandle> {
  return await open(path, readFlags)
}
