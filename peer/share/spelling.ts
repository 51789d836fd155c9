import { lstat, readdir } from 'node:fs/promises'
import { isGone } from './is-gone.ts'

/** What is asked of a disk; a seam for tests. */
export interface SpellingDisk {
  /** What tells one file or folder from another; undefined when there is none. */
  identify(path: string): Promise<string | undefined>
  list(folder: string): Promise<string[]>
}

const realDisk: SpellingDisk = {
  identify: async (path) => {
    try {
      const { dev, ino } = await lstat(path, { bigint: true })
      return `${dev} ${ino}`
    } catch (error) {
      if (isGone(error)) return undefined
      throw error
    }
  },
  list: async (folder) => await readdir(folder),
}

/**
 * How a disk spells an entry that it finds under `name`. Disks that do not tell `a` from `A` find one under
 * the other's name. The folder is only read where the disk is like that.
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
  const [own, others] = [
    await disk.identify(folder.entry(name)),
    await disk.identify(folder.entry(other)),
  ]
  if (own === undefined || own !== others) return name
  const names = await disk.list(folder.path)
  if (names.some((one) => one.normalize('NFC') === name)) return name
  const alike = folded(name)
  for (const one of names)
    if (folded(one) === alike && (await disk.identify(folder.entry(one))) === own) return one
  return name
}

/** The name with its letters in the other case; undefined when it has none. */
function otherCase(name: string): string | undefined {
  const other = name.toUpperCase() === name ? name.toLowerCase() : name.toUpperCase()
  return other === name ? undefined : other
}

function folded(name: string): string {
  return name.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFC')
}
