/**
 * The tree that WebDAV shows: the files of the cluster and, before them, what is on disk in this peer's
 * shared/, so that a client sees its own changes before the index has heard of them.
 */
import { AppError, hasCode } from '../../../common/errors.ts'
import { limits } from '../../../common/limits.ts'
import type { FolderEntry } from '../../../common/protocol/messages.ts'
import type { SharedFiles, SharedItem } from './shared-files.ts'

export interface Resource {
  /** '' is the top. */
  readonly name: string
  readonly kind: 'folder' | 'file'
  /** 0 for a folder. */
  readonly size: number
  /** Undefined for folders of other peers, which have no time. */
  readonly modifiedMs?: number | undefined
  /** Quoted; of files only. Weak as long as the file has not been read. */
  readonly etag?: string | undefined
  /** Undefined for folders, and for files of this peer that are not shared. */
  readonly sha256?: string | undefined
  /** Whether it is on disk in shared/ of this peer, which may change it. */
  readonly isOwn: boolean
  /** Whether its file on disk is damaged: its bytes are those of other peers. */
  readonly isDamaged?: boolean | undefined
}

/** The cluster's names. */
export interface ClusterFolders {
  folder(
    request: { readonly folder: string; readonly limit: number; readonly after?: string },
    signal?: AbortSignal,
  ): Promise<{ readonly entries: readonly FolderEntry[]; readonly next?: string }>
}

export interface DriveParts {
  readonly cluster: ClusterFolders
  readonly tree: Pick<SharedFiles, 'goneNames' | 'list' | 'look'>
}

/** Names of one folder of this peer that are held while it is listed. */
const ownNamesMax = 200_000

export class Drive {
  readonly #parts: DriveParts

  constructor(parts: DriveParts) {
    this.#parts = parts
  }

  /** @throws AppError NAME_INVALID, INDEX_UNREACHABLE, DISK_FAILED */
  async find(name: string, signal?: AbortSignal): Promise<Resource | undefined> {
    const { tree } = this.#parts
    const own = await tree.look(name)
    if (own !== undefined) return ownResource(own)
    if (tree.goneNames()(name)) return undefined
    const [folder, file] = await Promise.all([
      this.#folderNamed(name, signal),
      this.#fileNamed(name, signal),
    ])
    return folder ?? file
  }

  /**
   * What is immediately in a folder, page by page: first what is on this peer.
   * @throws AppError INDEX_UNREACHABLE: a part of the names would look as if the others were deleted
   */
  async *list(folder: string, signal?: AbortSignal): AsyncGenerator<Resource[]> {
    const { tree } = this.#parts
    const names = new Set<string>()
    const isGone = tree.goneNames()
    const pages = this.#pages(folder, signal)
    // Before anything is shown, so that a failure is not taken for the end of the list.
    const first = await pages.next()
    for await (const page of tree.list(folder)) {
      if (names.size > ownNamesMax)
        throw new AppError('TOO_LARGE', { what: 'The folder', max: ownNamesMax, unit: 'names' })
      for (const { name } of page) names.add(name)
      yield page.map(ownResource)
    }
    for (let page = first; page.done !== true; page = await pages.next())
      yield page.value
        .map((entry) => clusterResource(joined(folder, entry.name), entry))
        .filter(({ name }) => !names.has(name) && !isGone(name))
  }

  /** Files of other peers in a folder or below it; the first `max` names. @throws as {@link list} */
  async othersBelow(folder: string, max: number, signal?: AbortSignal): Promise<string[]> {
    const found: string[] = []
    const folders = [folder]
    for (let next = folders.pop(); next !== undefined; next = folders.pop())
      for await (const page of this.list(next, signal))
        for (const { name, kind, isOwn } of page) {
          if (kind === 'folder') folders.push(name)
          else if (!isOwn) found.push(name)
          if (found.length >= max) return found
        }
    return found
  }

  async *#pages(folder: string, signal?: AbortSignal): AsyncGenerator<readonly FolderEntry[]> {
    let after: string | undefined
    for (;;) {
      const request = { folder, limit: limits.pageRowsMax, ...(after !== undefined && { after }) }
      const { entries, next } = await this.#parts.cluster.folder(request, signal)
      yield entries
      if (next === undefined) return
      after = next
    }
  }

  async #folderNamed(name: string, signal?: AbortSignal): Promise<Resource | undefined> {
    const { entries } = await this.#parts.cluster.folder({ folder: name, limit: 1 }, signal)
    return entries.length === 0 ? undefined : { name, kind: 'folder', size: 0, isOwn: false }
  }

  /** Children are sorted, and the name of a child is a place to start after. */
  async #fileNamed(name: string, signal?: AbortSignal): Promise<Resource | undefined> {
    const at = name.lastIndexOf('/')
    const [folder, child] = [name.slice(0, Math.max(0, at)), name.slice(at + 1)]
    const request = { folder, limit: 1, after: justBefore(child) }
    try {
      const [entry] = (await this.#parts.cluster.folder(request, signal)).entries
      return entry?.type === 'file' && entry.name === child
        ? clusterResource(name, entry)
        : undefined
    } catch (error) {
      if (hasCode(error, 'NAME_INVALID')) return undefined
      throw error
    }
  }
}

/** A text that sorts before a name in UTF-8, with no other name between the two. */
function justBefore(name: string): string {
  const characters = Array.from(name)
  const last = characters.pop()?.codePointAt(0) ?? 0
  const before = last === 0xe000 ? 0xd7ff : last - 1
  return `${characters.join('')}${String.fromCodePoint(before)}\u{10ffff}`
}

function joined(folder: string, child: string): string {
  return folder === '' ? child : `${folder}/${child}`
}

function ownResource({
  name,
  kind,
  size,
  modifiedMs,
  tag,
  content,
  isDamaged,
}: SharedItem): Resource {
  if (name === '') return { name, kind, size, isOwn: true }
  if (kind === 'folder') return { name, kind, size, modifiedMs, isOwn: true }
  const sha256 = content?.sha256
  const etag = sha256 === undefined ? `W/"${tag}"` : etagOf(sha256)
  return { name, kind, size, modifiedMs, etag, sha256, isOwn: true, isDamaged }
}

function clusterResource(name: string, entry: FolderEntry): Resource {
  if (entry.type === 'folder') return { name, kind: 'folder', size: 0, isOwn: false }
  const { sha256, size, modifiedMs } = entry
  return { name, kind: 'file', size, modifiedMs, etag: etagOf(sha256), sha256, isOwn: false }
}

/** Shorter than in hex: clients repeat it several times in one header. */
function etagOf(sha256: string): string {
  return `"${Buffer.from(sha256, 'hex').toString('base64url')}"`
}
