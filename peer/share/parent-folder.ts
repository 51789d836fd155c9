import { type FileHandle, mkdir } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { nameRefused } from '../../common/disk-error.ts'
import { AppError, systemErrorCode } from '../../common/errors.ts'
import { entryPathIn, leavesRoot, openFolderInside } from '../../common/inside.ts'
import { limits } from '../../common/limits.ts'
import type { CopyKind } from '../../common/protocol/messages.ts'
import type { Location } from './folders.ts'
import { numberedName } from './free-name.ts'
import { spellingOf } from './spelling.ts'

/**
 * The policy if a part of a name cannot be a folder, because a file has that name, or a folder with
 * another spelling on a disk that does not distinguish the two: `refuse`; `evade`, to a folder of
 * another name; or `respell`, which uses the folder with the other spelling and refuses a file.
 */
export type OnObstacle = 'refuse' | 'evade' | 'respell'

export interface ParentRequest {
  /** The name of the file, for errors. */
  readonly name: string
  /** Absolute; exists. */
  readonly root: string
  /** The folder below the root, parts joined by `/`; empty for the root itself. */
  readonly folder: string
  readonly onObstacle: OnObstacle
}

/** The open folder of a file: its entries are those of the folder that was checked. */
export interface ParentFolder extends AsyncDisposable {
  readonly path: string
  /** Its path below the root; not the requested one if something else has that name. */
  readonly folder: string
  /**
   * Folders with new entries, deepest first: this one, and the parents of those that were created.
   */
  readonly changed: readonly string[]
  entry(name: string): string
}

interface Opened {
  readonly handle: FileHandle
  readonly path: string
  readonly folder: string
}

type SpellingOf = typeof spellingOf

/**
 * Opens the folder for a file; creates missing folders from the top down.
 * @throws AppError NAME_BLOCKED if a file is in the way; NAME_INVALID if a link leads out of the
 *   root; NAME_UNSUPPORTED if the disk refuses a name; errors of the disk
 */
export async function openParent(
  request: ParentRequest,
  spelling: SpellingOf = spellingOf,
): Promise<ParentFolder> {
  const { root, folder } = request
  const made: string[] = []
  const handle = await openFolderInside({ root, path: root })
  let opened: Opened = { handle, path: root, folder: '' }
  try {
    for (const part of folder === '' ? [] : folder.split('/')) {
      const above = opened
      opened = await enter(part, above, { ...request, made }, spelling)
      await above.handle.close()
    }
  } catch (error) {
    await opened.handle.close()
    throw error
  }
  const { path } = opened
  const descriptor = opened.handle.fd
  const { handle: last } = opened
  return {
    path,
    folder: opened.folder,
    changed: [path, ...made.toReversed().filter((one) => one !== path)],
    entry: (name) => entryPathIn({ descriptor, path }, name),
    [Symbol.asyncDispose]: async () => await last.close(),
  }
}

const onObstacle: Readonly<Record<CopyKind, OnObstacle>> = {
  shared: 'refuse',
  downloaded: 'respell',
  replicated: 'evade',
}

/** Opens the folder for a file of a peer; see {@link openParent}. */
export async function openParentOf(
  { kind, name, root, diskName }: Location,
  spelling: SpellingOf,
): Promise<ParentFolder> {
  const folder = posix.dirname(diskName)
  const request = { name, root, folder: folder === '.' ? '' : folder }
  return await openParent({ ...request, onObstacle: onObstacle[kind] }, spelling)
}

/** The folder of this name or, if something is in the way, of the next free name. */
async function enter(
  part: string,
  above: Opened,
  request: ParentRequest & { made: string[] },
  spelling: SpellingOf,
): Promise<Opened> {
  const { onObstacle, name } = request
  for (let number = 1; number <= limits.placesTriedMax; number += 1) {
    const wanted = numberedName(part, number)
    const handle = await openOrMake(wanted, above, request)
    if (handle === undefined) {
      if (onObstacle === 'evade') continue
      throw new AppError('NAME_BLOCKED', {
        name,
        reason: `'${below(above, wanted)}' is a file here`,
      })
    }
    const spelled = await spelledOrClose(wanted, above, handle, spelling)
    if (spelled === wanted || onObstacle === 'respell')
      return { handle, path: join(above.path, spelled), folder: below(above, spelled) }
    await handle.close()
    if (onObstacle === 'evade') continue
    const reason = `the disk does not distinguish it from '${below(above, spelled)}' here`
    throw new AppError('NAME_BLOCKED', { name, reason })
  }
  throw new AppError('NAME_BLOCKED', { name, reason: `'${below(above, part)}' is a file here` })
}

async function spelledOrClose(
  wanted: string,
  above: Opened,
  handle: FileHandle,
  spelling: SpellingOf,
): Promise<string> {
  const entry = (one: string): string => entryOf(above, one)
  try {
    return await spelling(wanted, { path: entry('.'), entry })
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Undefined if something other than a folder has the name. */
async function openOrMake(
  part: string,
  above: Opened,
  { name, root, made }: ParentRequest & { made: string[] },
): Promise<FileHandle | undefined> {
  const path = entryOf(above, part)
  const found = await openIfThere(root, path, name)
  if (found !== 'nothing') return found
  try {
    await mkdir(path)
    made.push(above.path)
  } catch (error) {
    // Another file's folder, created at the same moment; or a broken link.
    if (systemErrorCode(error) !== 'EEXIST')
      throw await refusalOf({ name, path: join(above.path, part) }, above, error)
  }
  const opened = await openIfThere(root, path, name)
  if (opened !== 'nothing') return opened
  throw new AppError('NAME_BLOCKED', {
    name,
    reason: `'${below(above, part)}' is a broken link`,
  })
}

async function openIfThere(
  root: string,
  path: string,
  name: string,
): Promise<FileHandle | 'nothing' | undefined> {
  try {
    return await openFolderInside({ root, path })
  } catch (error) {
    if (leavesRoot(error))
      throw new AppError('NAME_INVALID', { name, reason: 'a link in it leaves the folder' })
    const code = systemErrorCode(error)
    if (code === 'ENOENT') return 'nothing'
    if (code === 'ENOTDIR') return undefined
    throw error
  }
}

/** If the folder itself was removed meanwhile, the error is not about the name. */
async function refusalOf(
  entry: { name: string; path: string },
  above: Opened,
  error: unknown,
): Promise<unknown> {
  const isGone = (await above.handle.stat()).nlink === 0
  // For an open folder that still exists, some systems report names that they refuse like this.
  return isGone ? error : nameRefused(entry, error, ['ENOENT'])
}

function entryOf({ handle, path }: Opened, name: string): string {
  return entryPathIn({ descriptor: handle.fd, path }, name)
}

function below({ folder }: Opened, part: string): string {
  return folder === '' ? part : `${folder}/${part}`
}
