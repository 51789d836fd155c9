import type { Dirent } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { basename, dirname, resolve, sep } from 'node:path'

/** Local paths that begin with `partial`, written like it; folders end with a separator. None if its folder does not exist. */
export async function pathsWith(workingFolder: string, partial: string): Promise<string[]> {
  const isInside = partial === '' || partial.endsWith('/') || partial.endsWith(sep)
  const typedFolder = partial.slice(0, partial.length - (isInside ? 0 : basename(partial).length))
  const folder = isInside ? partial : dirname(partial)
  const entries = await entriesOf(resolve(workingFolder, folder))
  return entries
    .map((entry) => typedFolder + entry.name + (entry.isDirectory() ? sep : ''))
    .filter((path) => path.startsWith(partial))
    .sort((left, right) => (left < right ? -1 : 1))
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch {
    return []
  }
}
