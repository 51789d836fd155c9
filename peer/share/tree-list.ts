/** Lists what is on disk in shared/, shared or not, with what the catalog knows of it. */
import type { Dirent } from 'node:fs'
import { lstat, opendir } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { type FileStat, fileStatOf, isSameStat } from '../../common/content/file-stat.ts'
import { nameProblem } from '../../common/ids.ts'
import { inParallel } from '../../common/in-parallel.ts'
import { openFolderInside, pathOfOpened } from '../../common/inside.ts'
import { limits } from '../../common/limits.ts'
import type { Content } from '../../common/protocol/messages.ts'
import type { Catalog } from './catalog.ts'
import { type Location, nameOn } from './folders.ts'
import { inspect } from './inspect.ts'
import { isGone } from './is-gone.ts'
import type { SmallWriter } from './small-writer.ts'
import { openEntry } from './tree-place.ts'

/** A file or folder on disk in shared/. */
export interface TreeItem {
  readonly name: string
  readonly kind: 'folder' | 'file'
  /** 0 for a folder. */
  readonly size: number
  readonly modifiedMs: number
  /** Differs after each change of the file. */
  readonly tag: string
  /** Undefined if the file is ignored, unshared, or not read yet. */
  readonly content?: Content
  /** Whether the file on disk no longer has the content. */
  readonly isDamaged?: boolean
}

interface Dependencies {
  readonly catalog: Pick<Catalog, 'damage' | 'get'>
  readonly writer: Pick<SmallWriter, 'look'>
}

/** Entries of a folder that are looked at together. */
const itemsPerPage = 1_000

/** The file or folder at a place, if there is one. @throws errors of the disk */
export async function itemAt(
  at: Location,
  { catalog }: Dependencies,
): Promise<TreeItem | undefined> {
  await using entry = await openEntry(at).catch(() => undefined)
  if (entry === undefined) return undefined
  try {
    const found = await lstat(entry.path, { bigint: true })
    if (found.isDirectory()) return folderItem(at.name, Number(found.mtimeMs))
    const stat = found.isFile() ? fileStatOf(found) : await inspect(at, true)
    return stat && fileItem(at, stat, catalog)
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

/** The immediate children of a folder, page by page; those that have no valid name are left out. */
export async function* itemsIn(
  folder: Omit<Location, 'kind'>,
  { catalog, writer }: Dependencies,
): AsyncGenerator<TreeItem[]> {
  const { root, path } = folder
  await using handle = await openFolderInside({ root, path })
  const opened = pathOfOpened(handle.fd, path)
  /** Names that the disk may spell in several ways. */
  const spelled = new Set<string>()
  let page: Dirent[] = []
  for await (const dirent of await opendir(opened)) {
    const name = posix.join(folder.name, nameOn(dirent.name))
    if (nameProblem(name) !== undefined || spelled.has(name)) continue
    if (name !== name.normalize('NFD')) spelled.add(name)
    page.push(dirent)
    if (page.length < itemsPerPage) continue
    yield await pageOf(page, folder, opened, { catalog, writer })
    page = []
  }
  if (page.length > 0) yield await pageOf(page, folder, opened, { catalog, writer })
}

async function pageOf(
  page: readonly Dirent[],
  folder: Omit<Location, 'kind'>,
  opened: string,
  { catalog, writer }: Dependencies,
): Promise<TreeItem[]> {
  const placeOf = (diskName: string): Pick<Location, 'name' | 'root' | 'path'> => ({
    name: posix.join(folder.name, nameOn(diskName)),
    root: folder.root,
    path: join(folder.path, diskName),
  })
  const items: TreeItem[] = []
  const add = (diskName: string, stat: FileStat | undefined): void => {
    if (stat !== undefined) items.push(fileItem(placeOf(diskName), stat, catalog))
  }
  const files = page.filter((dirent) => dirent.isFile())
  const stats = await writer.look(files.map(({ name }) => join(opened, name)))
  for (const [index, { name }] of files.entries()) add(name, stats[index])
  const others = page.filter((dirent) => dirent.isDirectory() || dirent.isSymbolicLink())
  await inParallel(others, limits.filesComparedAtOnce, async (dirent) => {
    const at = placeOf(dirent.name)
    if (!dirent.isDirectory())
      return add(dirent.name, await inspect(at, true).catch(() => undefined))
    const found = await lstat(join(opened, dirent.name)).catch(() => undefined)
    if (found !== undefined) items.push(folderItem(at.name, found.mtimeMs))
  })
  return items
}

function folderItem(name: string, modifiedMs: number): TreeItem {
  return { name, kind: 'folder', size: 0, modifiedMs: Math.floor(modifiedMs), tag: '' }
}

function fileItem(
  { name, path }: Pick<Location, 'name' | 'path'>,
  stat: FileStat,
  catalog: Dependencies['catalog'],
): TreeItem {
  const entry = catalog.get({ kind: 'shared', name })
  const isRead = entry?.at.path === path && isSameStat(entry.stat, stat)
  return {
    name,
    kind: 'file',
    size: stat.size,
    modifiedMs: Number(stat.mtimeNs / 1_000_000n),
    tag: `${stat.ino}-${stat.mtimeNs}-${stat.size}`,
    ...(isRead && { content: entry.content, isDamaged: catalog.damage.has(entry.seq) }),
  }
}
