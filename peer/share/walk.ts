/**
 * Finds the files of a root. Links are followed only while they stay inside it: one to a file gives
 * the file a second name; one to a folder is entered unless it leads to a folder above itself or was
 * reached through another link, so that a walk always ends.
 */
import type { Dirent } from 'node:fs'
import { lstat, opendir, realpath, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { FileStat } from '../../common/content/hash.ts'
import { reasonOf, systemErrorCode } from '../../common/errors.ts'
import { fileStatOf } from './file-stat.ts'
import { isInside, unusableName } from './folders.ts'

/** A path below the root that may be shared. */
export interface Walked {
  readonly diskName: string
  /** Whether a link is part of the path. */
  readonly isLinked: boolean
}

export interface Walk {
  readonly root: string
  /** Told of everything that is left out because something is wrong with it. */
  readonly onProblem: (path: string, reason: string) => void
}

/** Entries of a folder that are read at a time. */
const entriesPerRead = 1_024

/** The files of the root that are links or regular files; in no order. A missing root has none. */
export async function* walk({ root, onProblem }: Walk): AsyncGenerator<Walked> {
  const realRoot = await realpath(root).catch(() => undefined)
  if (realRoot !== undefined) yield* enter('', false)

  async function* enter(folder: string, isLinked: boolean): AsyncGenerator<Walked> {
    try {
      for await (const entry of await opendir(join(root, folder), { bufferSize: entriesPerRead }))
        yield* visit(entry, folder === '' ? entry.name : `${folder}/${entry.name}`, isLinked)
    } catch (error) {
      if (!isGone(error)) onProblem(join(root, folder), reasonOf(error))
    }
  }

  async function* visit(
    entry: Dirent,
    diskName: string,
    isLinked: boolean,
  ): AsyncGenerator<Walked> {
    const isFolder = entry.isDirectory()
    if (!isFolder && !entry.isFile() && !entry.isSymbolicLink()) return
    const problem = unusableName(diskName.normalize('NFC'))
    if (problem !== undefined) onProblem(join(root, diskName), problem)
    else if (isFolder) yield* enter(diskName, isLinked)
    else if (entry.isFile()) yield { diskName, isLinked }
    else yield* follow(diskName, isLinked)
  }

  async function* follow(diskName: string, isLinked: boolean): AsyncGenerator<Walked> {
    const path = join(root, diskName)
    const target = await realpath(path).catch(() => undefined)
    if (target === undefined || realRoot === undefined) return
    if (!isInside(realRoot, target)) return onProblem(path, 'it is a link that leaves the folder')
    const isFolder = await stat(target).then(
      (found) => found.isDirectory(),
      () => false,
    )
    if (!isFolder) yield { diskName, isLinked: true }
    else if (!isLinked && !isInside(target, join(realRoot, dirname(diskName))))
      yield* enter(diskName, true)
  }
}

/**
 * What a regular file looks like now; undefined when nothing, or something else, is there, or when
 * `mayBeLinked` and a link leads out of the root.
 * @throws system errors other than those
 */
export async function inspect(
  { root, path }: { readonly root: string; readonly path: string },
  mayBeLinked: boolean,
): Promise<FileStat | undefined> {
  try {
    if (mayBeLinked && !isInside(await realpath(root), await realpath(path))) return undefined
    const found = mayBeLinked
      ? await stat(path, { bigint: true })
      : await lstat(path, { bigint: true })
    return found.isFile() ? fileStatOf(found) : undefined
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

/** Whether a file system call failed because there is no such file (any more). */
export function isGone(error: unknown): boolean {
  const code = systemErrorCode(error)
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP'
}
