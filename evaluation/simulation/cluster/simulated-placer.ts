import { AppError } from '../../../common/errors.ts'
import type { Content, CopyKey } from '../../../common/protocol/messages.ts'
import type { Catalog } from '../../../peer/share/catalog.ts'
import type { Entry } from '../../../peer/share/entry.ts'
import type { Folders, Location } from '../../../peer/share/folders.ts'
import { numberedName } from '../../../peer/share/free-name.ts'
import type { ShareWatcher } from './share-watcher.ts'
import { contentIn, type DiskFile, type SimulatedDisk } from './simulated-disk.ts'

/** Bytes, and the content that they are said to be. */
export interface NewFile {
  readonly bytes: Buffer
  readonly content: Content
  readonly chunkList: Uint8Array
}

interface Dependencies {
  readonly catalog: Catalog
  readonly folders: Folders
  readonly disk: SimulatedDisk
  readonly watcher: ShareWatcher
}

/** Puts finished files into their places on a simulated disk, as the placer of the share does. */
export class SimulatedPlacer {
  readonly #catalog: Catalog
  readonly #folders: Folders
  readonly #disk: SimulatedDisk
  readonly #watcher: ShareWatcher

  constructor({ catalog, folders, disk, watcher }: Dependencies) {
    this.#catalog = catalog
    this.#folders = folders
    this.#disk = disk
    this.#watcher = watcher
  }

  /** Moves a replica without reading it. */
  relabel({ at: from, content }: Entry, to: CopyKey): void {
    const at = this.#locate(to)
    const there = this.#disk.files.get(at.path)
    const isSame = there !== undefined && contentIn(there.bytes).content.sha256 === content.sha256
    if (there !== undefined && !isSame) this.#setAside(at, there)
    if (isSame) this.#disk.remove(from.path)
    else this.#disk.move(from.path, at.path)
    const { stat } = this.#disk.files.get(at.path) as DiskFile
    const chunkList = this.#catalog.chunkList(content.sha256) ?? Buffer.alloc(0)
    this.#catalog.group(() => {
      this.#catalog.put({ at, stat, content }, chunkList)
      this.#catalog.drop(from)
    })
    this.#watcher.onMoved(from, at)
    this.#removeAside(at, content.sha256)
  }

  /** Puts a finished file into its place, as the placer does. @throws AppError */
  place(key: CopyKey, file: NewFile): Entry {
    const wanted = this.#locate(key)
    for (let number = 1; ; number += 1) {
      const name = numberedName(wanted.diskName, number)
      const at = number === 1 ? wanted : this.#folders.place({ ...key, name })
      const there = this.#disk.files.get(at.path)
      const isSame =
        there !== undefined && contentIn(there.bytes).content.sha256 === file.content.sha256
      if (there !== undefined && !isSame && key.kind === 'downloaded') continue
      if (there !== undefined && !isSame && key.kind === 'shared')
        throw new AppError('NAME_EXISTS', { name: key.name })
      if (there !== undefined && !isSame && key.kind === 'replicated') this.#setAside(at, there)
      if (!isSame) this.#disk.write(at.path, file.bytes)
      return this.record(at, file)
    }
  }

  #locate(key: CopyKey): Location {
    const own = this.#folders.place(key)
    return (key.kind === 'replicated' ? this.#catalog.get(key)?.at : undefined) ?? own
  }

  record(at: Location, { bytes, content, chunkList }: NewFile): Entry {
    const placed = this.#disk.files.get(at.path) as DiskFile
    const { stat } = placed
    this.#disk.recorded.add(placed)
    const entry = this.#catalog.put({ at, stat, content }, chunkList)
    this.#watcher.onPlaced(at, bytes, content.sha256)
    this.#removeAside(at, content.sha256)
    return entry
  }

  /** The new content is in place: its own copy aside is a duplicate. */
  #removeAside(at: Location, sha256: string): void {
    if (at.kind !== 'replicated' || at.version !== undefined) return
    const aside = this.#catalog.get({ ...keyOf(at), version: sha256 })
    if (aside === undefined || !this.#disk.isUnchanged(aside.at.path, aside.stat)) return
    this.#disk.remove(aside.at.path)
    this.#catalog.drop(aside.at)
  }

  #setAside(at: Location, there: DiskFile): void {
    const { content, chunkList } = contentIn(there.bytes)
    const aside = this.#folders.place({ ...keyOf(at), version: content.sha256 })
    this.#disk.move(at.path, aside.path)
    this.#catalog.group(() => {
      this.#catalog.put({ at: aside, stat: there.stat, content }, chunkList)
      this.#catalog.drop(at)
    })
  }
}

function keyOf({ kind, owner, name }: Location): CopyKey {
  return { kind, name, ...(owner !== undefined && { owner }) }
}
