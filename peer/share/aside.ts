import { lstat, mkdir, rename, rm, unlink } from 'node:fs/promises'
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
import type { OwnWrites } from './own-writes.ts'
import { openParentOf, type ParentFolder } from './parent-folder.ts'
import type { Occupant } from './place-look.ts'
import type { spellingOf } from './spelling.ts'

/** A place, the folder of it that is open, and its name in there. */
export interface OpenPlace {
  readonly at: Location
  readonly parent: ParentFolder
  readonly base: string
}

/** A copy of a replica, on the file system of the place that it has aside. */
export interface AsideCopy {
  readonly path: string
  readonly sha256: string
}

interface Dependencies {
  readonly folders: Folders
  readonly catalog: Pick<Catalog, 'drop' | 'group' | 'put' | 'putUnflushed'>
  readonly ownWrites: OwnWrites
  readonly random: Random
  /** What the catalog calls the present run of the machine. */
  readonly bootId: string
  /** Called when an entry was recorded that a power cut may make untrue. */
  readonly onUnflushed: () => void
  readonly spellingOf: typeof spellingOf
  readonly rename: typeof rename
}

/**
 * Moves replicas aside whose place other content gets. They stay copies of this peer until the index says
 * that they may be removed (docs/decisions/0014).
 */
export class Aside {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Takes a replica out of the way; called in the queue of its folder.
   * @param copy of it, if it is on another file system than the place aside
   * @returns the folders with new entries, to be flushed before the place has its new content; or that a
   *   copy is needed, and nothing was done
   */
  async take(
    { at, parent, base }: OpenPlace,
    { content, chunkList }: Occupant,
    copy: AsideCopy | undefined,
  ): Promise<readonly string[] | 'other file system'> {
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
    // First the new entry: at no moment does the index see this peer without the content.
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
    // On another file system, the deletion could survive a power cut that the new entry does not.
    for (const one of changed) await flushFolder(one)
    await unlink(original)
    return []
  }

  /** Copies and flushes a replica for {@link take}. @throws what the disk does */
  async copy(at: Location, { content: { sha256 } }: Occupant): Promise<AsideCopy> {
    await using folder = await this.#openFolder(this.#placeFor(at, sha256))
    await using opened = await openInside(at)
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

/** Removes a copy that was not used. */
export async function discardCopy(copy: AsideCopy | undefined): Promise<void> {
  if (copy !== undefined) await rm(copy.path, { force: true })
}
