import { type FileHandle, lstat, mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import { chunkCountFor } from '../../common/content/chunks.ts'
import { fileStatOf } from '../../common/content/file-stat.ts'
import { copyBeside } from '../../common/copy-beside.ts'
import { systemErrorCode } from '../../common/errors.ts'
import { ownFolderName } from '../../common/ids.ts'
import { openInside, pathOfOpened } from '../../common/inside.ts'
import { type Random, randomId } from '../../common/random.ts'
import type { Catalog } from './catalog.ts'
import { flushFolder } from './folder-sync.ts'
import type { Folders, Location } from './folders.ts'
import { isGone } from './is-gone.ts'
import type { OwnWrites } from './own-writes.ts'
import { openParentOf, type ParentFolder } from './parent-folder.ts'
import type { Occupant } from './place-look.ts'
import { removeIfSame } from './remove-file.ts'
import type { spellingOf } from './spelling.ts'

/** A place, its open folder, and its name in that folder. */
export interface OpenPlace {
  readonly at: Location
  readonly parent: ParentFolder
  readonly base: string
}

/** A copy of a replica, on the file system of its place aside. */
export interface AsideCopy {
  readonly path: string
  readonly sha256: string
}

interface Dependencies {
  readonly folders: Folders
  readonly catalog: Pick<Catalog, 'drop' | 'group' | 'put' | 'putUnflushed'>
  readonly ownWrites: OwnWrites
  readonly random: Random
  /** The catalog's id of the current boot of the machine. */
  readonly bootId: string
  /** Called when an entry was recorded whose file a power cut could lose. */
  readonly onUnflushed: () => void
  readonly spellingOf: typeof spellingOf
  readonly rename: typeof rename
}

/**
 * Moves a replica aside when other content takes its place. It remains a copy of this peer until
 * the index allows its removal (docs/decisions/0014).
 */
export class Aside {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Moves a replica out of the way; called in the queue of its folder.
   * @param copy of the replica, if its place aside is on another file system
   * @returns the folders with new entries, to be flushed before the place gets its new content; that a
   *   copy is needed, in which case nothing was done; or `again` if the place has another file by now
   */
  async take(
    { at, parent, base }: OpenPlace,
    { stat: statBefore, content, chunkList }: Occupant,
    copy: AsideCopy | undefined,
  ): Promise<readonly string[] | 'other file system' | 'again'> {
    const { catalog, ownWrites, bootId, onUnflushed } = this.#dependencies
    const aside = this.#placeFor(at, content.sha256)
    await using folder = await this.#openFolder(aside)
    const path = folder.entry(posix.basename(aside.diskName))
    const original = parent.entry(base)
    const isCopied = copy?.sha256 === content.sha256
    ownWrites.add(aside.path)
    if (isCopied) await rename(copy.path, path)
    else if (!(await this.#isMoved(original, path))) return 'other file system'
    const stat = fileStatOf(await lstat(path, { bigint: true }))
    ownWrites.add(aside.path, stat)
    // The new entry first, so that the index never sees this peer without the content.
    catalog.group(() => {
      const file = { at: aside, stat, content }
      if (chunkCountFor(content.size) > 1) catalog.put(file, chunkList)
      else catalog.putUnflushed(file, bootId)
      catalog.drop(at)
    })
    onUnflushed()
    const { replicated } = this.#dependencies.folders
    const above = [dirname(aside.root), dirname(dirname(aside.root)), replicated]
    const changed = [...folder.changed, ...above]
    if (!isCopied) return changed
    // On another file system, a power cut could keep the deletion and lose the new entry.
    for (const one of changed) await flushFolder(one)
    return (await removeIfSame({ at, stat: statBefore })) ? [] : 'again'
  }

  /** Copies and flushes a replica for {@link take}; undefined if it is gone. @throws errors of the disk */
  async copy(at: Location, { content: { sha256 } }: Occupant): Promise<AsideCopy | undefined> {
    await using folder = await this.#openFolder(this.#placeFor(at, sha256))
    await using opened = await openOrNothing(at)
    if (opened === undefined) return undefined
    const name = `${ownFolderName}-${randomId(this.#dependencies.random)}`
    await copyBeside(pathOfOpened(opened.fd, at.path), folder.entry(name))
    return { path: join(folder.path, name), sha256 }
  }

  #placeFor({ owner = '', name }: Location, version: string): Location {
    return this.#dependencies.folders.place({ kind: 'replicated', owner, name, version })
  }

  async #openFolder(aside: Location): Promise<ParentFolder> {
    await mkdir(aside.root, { recursive: true })
    return await openParentOf(aside, this.#dependencies.spellingOf)
  }

  async #isMoved(from: string, to: string): Promise<boolean> {
    try {
      await this.#dependencies.rename(from, to)
      return true
    } catch (error) {
      if (systemErrorCode(error) === 'EXDEV') return false
      throw error
    }
  }
}

async function openOrNothing(at: Location): Promise<FileHandle | undefined> {
  try {
    return await openInside(at)
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

/** Removes a copy that was not used. */
export async function discardCopy(copy: AsideCopy | undefined): Promise<void> {
  if (copy !== undefined) await rm(copy.path, { force: true })
}
