import type { Stats } from 'node:fs'
import { type FileHandle, open, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemErrorCode } from '../../../common/errors.ts'
import { limits } from '../../../common/limits.ts'
import { makeFolderAgain } from '../../../common/make-folder.ts'

/**
 * Restores an open file under its path if it, or its folder, was removed: its bytes still exist.
 * Nothing is created on another file system than the file's.
 * @returns whether it was restored; then it is flushed
 * @throws what the disk does
 */
export async function putBack(handle: FileHandle, path: string): Promise<boolean> {
  const own = await handle.stat()
  const there = await statOf(path)
  if (there?.ino === own.ino && there.dev === own.dev) return false
  makeFolderAgain(dirname(path), own.dev)
  await rm(path, { force: true })
  await using copy = await open(path, 'wx')
  try {
    await copyAll(handle, copy, own.size)
    await copy.sync()
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
  return true
}

async function copyAll(from: FileHandle, to: FileHandle, size: number): Promise<void> {
  const buffer = Buffer.allocUnsafe(Math.min(size, limits.chunkBytesMin))
  for (let done = 0; done < size; ) {
    const { bytesRead } = await from.read(buffer, 0, buffer.length, done)
    if (bytesRead === 0) throw new Error('the file became shorter')
    for (let written = 0; written < bytesRead; )
      written += (await to.write(buffer, written, bytesRead - written, done + written)).bytesWritten
    done += bytesRead
  }
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined
    throw error
  }
}
