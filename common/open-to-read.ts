import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

/** For reading whatever is at a path by now: without O_NONBLOCK, opening a pipe would wait for somebody to write into it. */
export const readFlags = constants.O_RDONLY | constants.O_NONBLOCK

/** Opens what is at `path`, which is not yet known to be a file; a thread of Node's pool is never lost to a pipe. */
export async function openToRead(path: string): Promise<FileHandle> {
  return await open(path, readFlags)
}
