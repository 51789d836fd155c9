import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { diskError } from '../../common/disk-error.ts'
import { AppError, systemErrorCode } from '../../common/errors.ts'
import { parseName } from '../../common/ids.ts'
import { unusableName } from '../share/folders.ts'

/** The file or folder that a download without a peer writes. */
export interface Target {
  /** Absolute. */
  readonly path: string
  /** The folder that names are relative to; undefined for a single file. */
  readonly folder?: string
  /** The folder that contains all its files. */
  readonly root: string
  /** For partial data: on the same file system, and the same in every attempt. */
  readonly folderBeside: string
  /** Path of a name's file, below the root. @throws AppError NAME_INVALID */
  diskNameOf(name: string): string
}

/**
 * The file at `options.output` or, if that is a folder, the file in it with the base name of `name`.
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
 * A folder in which each file has its full name.
 * @param path absolute
 * @param pattern the downloaded pattern: excludes concurrent downloads of it to the same folder
 */
export function folderTarget(path: string, pattern: string): Target {
  const diskNameOf = (name: string): string => {
    const reason = unusableName(name)
    if (reason !== undefined) throw new AppError('NAME_INVALID', { name, reason })
    return name
  }
  return { path, folder: path, root: path, folderBeside: folderFor(path, pattern), diskNameOf }
}

/** A hidden folder in `folder`, the same for the same `name`. */
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
