import { lstat, readdir } from 'node:fs/promises'
import { isGone } from './is-gone.ts'

/** What is asked of a disk; a seam for tests. */
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
 * How a disk spells an entry that it finds under `name`. Disks that do not tell `a` from `A` find one under
 * the other's name, some with another inode number. The folder is read only where both are found.
 * @param entry the path of an entry of the folder
 * @returns `name` itself where the disk does tell, or has nothing of that name
 * @throws what the disk does
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
