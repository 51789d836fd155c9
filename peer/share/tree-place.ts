/** Finds names of shared/ on disk, and opens their folders without leaving it. */
import { lstat, readdir } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import { AppError } from '../../common/errors.ts'
import { entryPathIn, openFolderInside } from '../../common/inside.ts'
import type { Catalog } from './catalog.ts'
import { type Folders, type Location, nameOn } from './folders.ts'
import { isGone } from './is-gone.ts'

/** The open folder of a name, and the name's entry in it. */
export interface OpenEntry extends AsyncDisposable {
  /** Refers to the entry of the folder that was opened. */
  readonly path: string
  readonly folder: string
}

/**
 * The place of a name of shared/, as the disk spells it.
 * @throws AppError NAME_INVALID
 */
export async function placeOf(
  name: string,
  { folders, catalog }: { readonly folders: Folders; readonly catalog: Pick<Catalog, 'get'> },
): Promise<Location> {
  const key = { kind: 'shared', name } as const
  const known = catalog.get(key)
  if (known !== undefined) return known.at
  const at = folders.place(key)
  const diskName = await diskNameOf(at.root, name)
  return diskName === name ? at : folders.at({ kind: 'shared', path: at.root }, diskName, name)
}

/** Names are in normal form C; files that other programs wrote may be spelled otherwise. */
async function diskNameOf(root: string, name: string): Promise<string> {
  if (name === name.normalize('NFD')) return name
  let found = ''
  for (const segment of name.split('/')) {
    const spelled = await spelledIn(join(root, found), segment)
    found = posix.join(found, spelled)
  }
  return found
}

async function spelledIn(folder: string, segment: string): Promise<string> {
  const isThere = await lstat(join(folder, segment)).then(
    () => true,
    () => false,
  )
  if (isThere) return segment
  const entries = await readdir(folder).catch(() => [])
  return entries.find((entry) => nameOn(entry) === segment) ?? segment
}

/**
 * Opens the existing folder of a place.
 * @throws AppError NAME_NOT_FOUND if there is none inside shared/; errors of the disk
 */
export async function openEntry({ root, path, name }: Location): Promise<OpenEntry> {
  const folder = dirname(path)
  try {
    const handle = await openFolderInside({ root, path: folder })
    return {
      path: entryPathIn({ descriptor: handle.fd, path: folder }, posix.basename(path)),
      folder,
      [Symbol.asyncDispose]: async () => await handle.close(),
    }
  } catch (error) {
    if (isGone(error)) throw new AppError('NAME_NOT_FOUND', { name })
    throw error
  }
}
