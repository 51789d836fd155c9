import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { diskError } from '../../common/disk-error.ts'
import { AppError, systemErrorCode } from '../../common/errors.ts'
import { parseName } from '../../common/ids.ts'
import { unusableName } from '../share/folders.ts'

/** The file or folder that a download without a peer ends in. */
export interface Target {
  /** Absolute. */
  readonly path: string
  /** The folder of which the names begin in it; undefined for a single file. */
  readonly folder?: string
  /** The folder that all files of it are in or below. */
  readonly root: string
  /** Where unfinished files are written: on the same file system, and the same for every try. */
  readonly folderBeside: string
  /** Where the file of a name goes, below the root. @throws AppError NAME_INVALID */
  diskNameOf(name: string): string
}

/**
 * The file that a person named or, if that is a folder, the file in it that is called as the last part
 * of `name`.
 * @param options.output relative to the working folder, which is the default
 * @throws AppError NAME_INVALID, DISK_FAILED
 */
export async function findTarget(
  name: string,
  options: { readonly output?: string | undefined; readonly workingFolder: string },
): Promise<Target> {
  const { output = '.', workingFolder } = options
  const ownName = basename(parseName(name))
  const path = resolve(workingFolder, output)
  const isFolder = output.endsWith('/') || (await isFolderThere(path))
  return fileTarget(isFolder ? join(path, ownName) : path)
}

function fileTarget(path: string): Target {
  const [root, base] = [dirname(path), basename(path)]
  return { path, root, folderBeside: folderFor(root, base), diskNameOf: () => base }
}

/**
 * A folder in which every file has its whole name.
 * @param path absolute
 * @param pattern what is downloaded: two downloads of one pattern to one folder do not run at the same time
 */
export function folderTarget(path: string, pattern: string): Target {
  const diskNameOf = (name: string): string => {
    const reason = unusableName(name)
    if (reason !== undefined) throw new AppError('NAME_INVALID', { name, reason })
    return name
  }
  return { path, folder: path, root: path, folderBeside: folderFor(path, pattern), diskNameOf }
}

/** A folder of our own in `folder`, the same for the same `name`. */
export function folderFor(folder: string, name: string): string {
  const id = createHash('sha256').update(name).digest('hex').slice(0, 16)
  return join(folder, `.tandem-${id}`)
}

async function isFolderThere(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false
    throw diskError({ action: 'look at', path, neededBytes: 0 }, error)
  }
}
