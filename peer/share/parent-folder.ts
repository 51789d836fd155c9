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
 * What is done where a part of a name cannot be a folder, because a file has that name, or a folder of
 * another spelling on a disk that does not tell the two apart: `refuse`; `evade`, to a folder of another
 * name; or `respell`, which takes the folder of another spelling and refuses a file.
 */
export type OnObstacle = 'refuse' | 'evade' | 'respell'

export interface ParentRequest {
  /** Of the file; for errors. */
  readonly name: string
  /** Absolute; it is there. */
  readonly root: string
  /** The folder below the root, parts joined by `/`; empty for the root itself. */
  readonly folder: string
  readonly onObstacle: OnObstacle
}

/** The folder that a file is put into or taken from, open: its entries are those of the folder that was checked. */
export interface ParentFolder extends AsyncDisposable {
  readonly path: string
  /** Where it is below the root; not what was asked for when something else has that name. */
  readonly folder: string
  /** Folders with new entries, the deepest first: this one, and the parents of those that were made. */
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
 * Opens the folder for a file, with those above it made as needed, one after another.
 * @throws AppError NAME_BLOCKED when a file is in the way; NAME_INVALID when a link leads out of the root;
 *   NAME_UNSUPPORTED when the disk refuses a name; what the disk does
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

/** Opens the folder for a file of a peer, as {@link openParent} does. */
export async function openParentOf(
  { kind, name, root, diskName }: Location,
  spelling: SpellingOf,
): Promise<ParentFolder> {
  const folder = posix.dirname(diskName)
  const request = { name, root, folder: folder === '.' ? '' : folder }
  return await openParent({ ...request, onObstacle: onObstacle[kind] }, spelling)
}

/** The folder of this name or, where something is in the way, of the next free one. */
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
    const reason = `the disk takes it for '${below(above, spelled)}', which is here`
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

/** Undefined when something else than a folder has the name. */
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
    // Another file's folder, made at the same moment; or a link that leads nowhere.
    if (systemErrorCode(error) !== 'EEXIST')
      throw await refusalOf({ name, path: join(above.path, part) }, above, error)
  }
  const opened = await openIfThere(root, path, name)
  if (opened !== 'nothing') return opened
  throw new AppError('NAME_BLOCKED', {
    name,
    reason: `'${below(above, part)}' is a link to nothing`,
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

/** Where the folder itself was removed meanwhile, the name is not to blame. */
async function refusalOf(
  entry: { name: string; path: string },
  above: Opened,
  error: unknown,
): Promise<unknown> {
  const isGone = (await above.handle.stat()).nlink === 0
  // Of an open folder that is still there, some systems say so of a name that they do not take.
  return isGone ? error : nameRefused(entry, error, ['ENOENT'])
}

function entryOf({ handle, path }: Opened, name: string): string {
  return entryPathIn({ descriptor: handle.fd, path }, name)
}

function below({ folder }: Opened, part: string): string {
  return folder === '' ? part : `${folder}/${part}`
}
