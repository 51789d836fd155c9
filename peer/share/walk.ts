/**
 * Finds the files of a root. Links are followed only while they stay inside it: one to a file gives
 * the file a second name; one to a folder is entered unless it leads to a folder above itself or was
 * reached through another link, so that a walk always ends.
 */
import type { Dirent } from 'node:fs'
import { lstat, opendir, realpath, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { FileStat } from '../../common/content/hash.ts'
import { isOwnName, ownFolderName } from '../../common/ids.ts'
import { isInside } from '../../common/inside.ts'
import type { Fault } from '../problem-table.ts'
import { faultAt, faultOf, faultOfKind, faultOfName, textOfName } from './faults.ts'
import { fileStatOf } from './file-stat.ts'
import { isGone } from './is-gone.ts'

/** A path below the root that may be shared. */
export interface Walked {
  readonly diskName: string
  /** Whether a link is part of the path. */
  readonly isLinked: boolean
}

export interface Walk {
  readonly root: string
  /** Told of everything that is left out because something is wrong with it. */
  readonly onProblem: (path: string, fault: Fault) => void
  /** Told of files of Tandem's own that lie among those of people; awaited. */
  readonly onOwnFile?: (path: string) => Promise<void>
}

/** Entries of a folder that are read at a time. */
const entriesPerRead = 1_024
/** What stands for bytes that are not UTF-8. */
const undecoded = '\u{fffd}'

/** The files of the root that are links or regular files; in no order. A missing root has none. */
export async function* walk({ root, onProblem, onOwnFile }: Walk): AsyncGenerator<Walked> {
  const realRoot = await realpath(root).catch(() => undefined)
  if (realRoot !== undefined) yield* enter('', false)

  async function* enter(folder: string, isLinked: boolean): AsyncGenerator<Walked> {
    const path = join(root, folder)
    let hasUndecoded = false
    try {
      for await (const entry of await opendir(path, { bufferSize: entriesPerRead }))
        if (entry.name.includes(undecoded)) hasUndecoded = true
        else yield* visit(entry, folder === '' ? entry.name : `${folder}/${entry.name}`, isLinked)
      if (hasUndecoded) await tellUndecoded(path, onProblem)
    } catch (error) {
      if (!isGone(error)) onProblem(path, faultOf(error, 'folder'))
    }
  }

  async function* visit(
    entry: Dirent,
    diskName: string,
    isLinked: boolean,
  ): AsyncGenerator<Walked> {
    // What is written there has its place yet to come.
    if (isOwnName(entry.name) && (entry.name !== ownFolderName || diskName === ownFolderName)) {
      if (entry.isFile()) await onOwnFile?.(join(root, diskName))
      return
    }
    const path = join(root, diskName)
    const fault = faultOfName(diskName) ?? faultOfKind(entry)
    if (fault !== undefined) onProblem(path, fault)
    else if (entry.isDirectory()) yield* enter(diskName, isLinked)
    else if (entry.isSymbolicLink()) yield* follow(diskName, isLinked)
    else yield { diskName, isLinked }
  }

  async function* follow(diskName: string, isLinked: boolean): AsyncGenerator<Walked> {
    const path = join(root, diskName)
    try {
      const fault = await faultAt({ root, path })
      if (fault !== undefined) return onProblem(path, fault)
      const target = await realpath(path)
      if (realRoot === undefined || !isInside(realRoot, target)) return
      if (!(await stat(target)).isDirectory()) yield { diskName, isLinked: true }
      else if (!isLinked && !isInside(target, join(realRoot, dirname(diskName))))
        yield* enter(diskName, true)
    } catch (error) {
      if (!isGone(error)) onProblem(path, faultOf(error))
    }
  }
}

/** Names that are not UTF-8 come as text from which they cannot be told apart: they are read again as bytes. */
async function tellUndecoded(folder: string, onProblem: Walk['onProblem']): Promise<void> {
  // The types do not know that names can be had as bytes here, too.
  const encoding = 'buffer' as BufferEncoding
  const entries = await opendir(folder, { bufferSize: entriesPerRead, encoding })
  for await (const { name } of entries as AsyncIterable<{ name: unknown }>) {
    if (!Buffer.isBuffer(name) || !name.toString().includes(undecoded)) continue
    onProblem(join(folder, textOfName(name)), { code: 'NAME_NOT_UTF8' })
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
