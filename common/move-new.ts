import { linkSync, lstatSync, renameSync, unlinkSync } from 'node:fs'
import { link, lstat, open, rename, unlink } from 'node:fs/promises'
import { systemErrorCode } from './errors.ts'

/** Codes of file systems without hard links, such as those of cameras and some network shares. */
const noLinks: ReadonlySet<string | undefined> = new Set([
  'EPERM',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
])

/**
 * Moves a file to an unused name. Unlike a check and a rename it never replaces a file that appears
 * in between.
 * @param linkFile for tests: creates the second name
 * @returns whether it was moved; false if the name is in use
 * @throws errors of the disk
 */
export async function moveNew(from: string, to: string, linkFile = link): Promise<boolean> {
  try {
    await linkFile(from, to)
  } catch (error) {
    const code = systemErrorCode(error)
    if (noLinks.has(code)) return await moveToReserved(from, to)
    if (code === 'EEXIST') return false
    throw error
  }
  await unlink(from)
  return true
}

/** Reserves the name with an empty file, which remains only if the process ends. */
async function moveToReserved(from: string, to: string): Promise<boolean> {
  try {
    await (await open(to, 'wx')).close()
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false
    throw error
  }
  try {
    await rename(from, to)
  } catch (error) {
    await unlink(to)
    throw error
  }
  return true
}

/**
 * The same in a folder where nothing else writes: in one step, so that a process that ends leaves no
 * second name.
 */
export async function moveInOwnFolder(from: string, to: string): Promise<boolean> {
  try {
    await lstat(to)
    return false
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error
  }
  await rename(from, to)
  return true
}

/**
 * Moves a file to a name whose file it replaces. The system moves nothing if both names are of the same
 * file: then the first one is removed.
 */
export async function moveOver(from: string, to: string): Promise<void> {
  await rename(from, to)
  await unlink(from).catch((error: unknown) => {
    if (systemErrorCode(error) !== 'ENOENT') throw error
  })
}

/** {@link moveNew} for a thread; without links it has to check first. */
export function moveNewSync(from: string, to: string): boolean {
  try {
    linkSync(from, to)
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === 'EEXIST') return false
    if (!noLinks.has(code)) throw error
    if (lstatSync(to, { throwIfNoEntry: false }) !== undefined) return false
    renameSync(from, to)
    return true
  }
  unlinkSync(from)
  return true
}
