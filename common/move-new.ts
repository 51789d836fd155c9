import { linkSync, lstatSync, renameSync, unlinkSync } from 'node:fs'
import { link, open, rename, unlink } from 'node:fs/promises'
import { systemErrorCode } from './errors.ts'

/** What file systems say that know no links, such as those of cameras and some network shares. */
const noLinks: ReadonlySet<string | undefined> = new Set([
  'EPERM',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
])

/**
 * Moves a file to a name that nothing has. Unlike a look and a rename it never replaces what came
 * there in between.
 * @param linkFile for tests: how a second name is given
 * @returns whether it was moved; false when something has that name
 * @throws what the disk does
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

/** Takes the name with an empty file first, which only the end of the process could leave there. */
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

/** As {@link moveNew}, for a thread that has nothing else to do; without links a look has to be enough. */
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
