import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemErrorCode } from './errors.ts'

/**
 * Makes a folder and those above it that are missing. Unlike Node's recursive `mkdir`, which tries for ever
 * on some file systems that refuse a name, it asks once for each.
 * @throws what the disk does
 */
export async function makeFolder(path: string): Promise<void> {
  const code = await codeOf(mkdir(path))
  if (code === undefined) return
  if (code === 'ENOENT' && dirname(path) !== path) {
    await makeFolder(dirname(path))
    await mkdir(path).catch(ignoreExisting)
  } else if (!(await stat(path)).isDirectory()) await mkdir(path)
}

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === 'ENOENT' || code === 'EEXIST' || code === 'EISDIR' || code === 'EROFS') return code
    throw error
  }
}

function ignoreExisting(error: unknown): void {
  if (systemErrorCode(error) !== 'EEXIST') throw error
}
