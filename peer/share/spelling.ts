import { lstat, readdir } from 'node:fs/promises'
import { isGone } from './is-gone.ts'

/** Queries of a disk; an interface for tests. */
export interface SpellingDisk {
  has(path: string): Promise<boolean>
  list(folder: string): Promise<string[]>
}

const realDisk: SpellingDisk = {
  has: async (path) => {
    try {
      await lstat(path)
      return true
    } catch (error) {
      if (isGone(error)) return false
      throw error
    }
  },
  list: async (folder) => await readdir(folder),
}

/**
 * How a disk spells an entry that it finds under `name`. Disks that do not distinguish `a` from `A`
 * find one under the other's name, some with another inode number. The folder is read only if both
 * are found.
 * @param entry the path of an entry of the folder
 * @returns `name` itself if the disk distinguishes them, or has no such entry
 * @throws errors of the disk
 */
export async function spellingOf(
  name: string,
  folder: { readonly path: string; entry(name: string): string },
  disk: SpellingDisk = realDisk,
): Promise<string> {
  const other = otherCase(name)
  if (other === undefined) return name
  const found = await Promise.all([name, other].map((one) => disk.has(folder.entry(one))))
  if (found.includes(false)) return name
  const names = await disk.list(folder.path)
  if (names.some((one) => one.normalize('NFC') === name)) return name
  const alike = folded(name)
  return names.find((one) => folded(one) === alike) ?? name
}

/** The name with its letters in the other case; undefined when it has none. */
function otherCase(name: string): string | undefined {
  const other = name.toUpperCase() === name ? name.toLowerCase() : name.toUpperCase()
  return other === name ? undefined : other
}

function folded(name: string): string {
  return name.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFC')
}
