import type { Stats } from 'node:fs'
import { type FileHandle, mkdir, open, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemErrorCode } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'

/**
 * Puts an open file back under its path if it, or its folder, was removed meanwhile: its bytes are
 * still there. Nothing is made on another file system than the one that the file is on.
 * @returns whether it had to be; then it is flushed
 * @throws what the disk does
 */
export async function putBack(handle: FileHandle, path: string): Promise<boolean> {
  const own = await handle.stat()
  const there = await statOf(path)
  if (there?.ino === own.ino && there.dev === own.dev) return false
  await makeFolderAgain(dirname(path), own.dev)
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

/** Makes a folder that was removed, unless what is above it is another disk's by now. */
export async function makeFolderAgain(folder: string, device: number): Promise<void> {
  const found = await deepestExisting(folder)
  if (found.path === folder) return
  if (found.dev !== device) {
    const error = new Error(`the disk of '${folder}' is gone`)
    throw Object.assign(error, { code: 'ENODEV' })
  }
  await mkdir(folder, { recursive: true })
}

async function deepestExisting(folder: string): Promise<{ path: string; dev: number }> {
  for (let path = folder; ; path = dirname(path)) {
    const found = await statOf(path)
    if (found !== undefined) return { path, dev: found.dev }
  }
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
