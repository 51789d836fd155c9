import { ChunkSet } from '../../../common/content/chunk-set.ts'
import { chunkCountFor } from '../../../common/content/chunks.ts'
import { type FileStat, isSameStat } from '../../../common/content/file-stat.ts'
import type { TestContent } from '../../../common/testing/contents.ts'
import type { Catalog } from '../../../peer/share/catalog.ts'
import type { Entry } from '../../../peer/share/entry.ts'
import type { Folders } from '../../../peer/share/folders.ts'
import type { ShareWatcher } from './share-watcher.ts'
import { contentIn, type SimulatedDisk } from './simulated-disk.ts'
import type { SimulatedProcess } from './simulated-process.ts'

interface Dependencies {
  readonly catalog: Catalog
  readonly folders: Folders
  readonly disk: SimulatedDisk
  readonly watcher: ShareWatcher
  readonly process: SimulatedProcess
}

/** Compares the catalog of a simulated peer with its disk. */
export class SimulatedScan {
  readonly #catalog: Catalog
  readonly #folders: Folders
  readonly #disk: SimulatedDisk
  readonly #watcher: ShareWatcher
  readonly #process: SimulatedProcess

  constructor({ catalog, folders, disk, watcher, process }: Dependencies) {
    this.#catalog = catalog
    this.#folders = folders
    this.#disk = disk
    this.#watcher = watcher
    this.#process = process
  }

  /** Updates the entry of a file from the disk. */
  compare(path: string): void {
    const at = this.#folders.locate(path)
    if (at === undefined || !this.#process.isAlive) return
    const before = this.#catalog.get(at)
    const file = this.#disk.files.get(path)
    if (file === undefined) {
      if (before?.at.kind === 'shared') this.#onMissing(before)
      else if (before !== undefined) this.#catalog.drop(at)
      return
    }
    if (at.kind === 'shared' && this.#catalog.isUnshared(at.name)) return
    if (before !== undefined && isSameStat(before.stat, file.stat)) return
    const renamed = before === undefined && at.kind === 'shared' && this.#renamed(file.stat)
    const found = renamed || contentIn(file.bytes)
    const { sha256 } = found.content
    if (at.version !== undefined && at.version !== sha256) {
      // A copy aside with other bytes is no copy.
      this.#catalog.drop(at)
      this.#disk.remove(path)
    } else {
      this.#catalog.put({ at, stat: file.stat, content: found.content }, found.chunkList)
      this.#disk.recorded.add(file)
    }
  }

  /** A file that was renamed is not read again, as in the share: what has rotted keeps its content. */
  #renamed(stat: FileStat): Pick<TestContent, 'content' | 'chunkList'> | undefined {
    const known = this.#catalog
      .sharedAt(stat.ino)
      .find((one) => isSameStat(one.stat, stat) && !this.#disk.files.has(one.at.path))
    if (known === undefined || this.#catalog.damage.has(known.seq)) return undefined
    const chunkList = this.#catalog.chunkList(known.content.sha256)
    return chunkList && { content: known.content, chunkList }
  }

  /** A shared file is gone: it has another name, which its inode shows, or was deleted. */
  #onMissing({ at: { name }, stat: { ino }, content }: Entry): void {
    const renamedTo = this.#catalog
      .sharedAt(ino)
      .find((one) => one.content.sha256 === content.sha256 && one.at.name !== name)?.at.name
    const removal =
      renamedTo === undefined
        ? ({ reason: 'deleted' } as const)
        : ({ reason: 'renamed', renamedTo } as const)
    this.#catalog.remove(name, removal, this.#process.clock.nowMs())
  }

  /** Reads a file that looks untouched; a damaged replica is removed, as the verifier of copies does. */
  readAgain(path: string, mustAnnounce: boolean): void {
    const at = this.#folders.locate(path)
    const entry = at && this.#catalog.get(at)
    const file = this.#disk.files.get(path)
    if (entry === undefined || !this.#process.isAlive) return
    if (file === undefined || !isSameStat(entry.stat, file.stat)) return this.compare(path)
    const { content, chunkList } = contentIn(file.bytes)
    if (content.sha256 === entry.content.sha256) {
      if (mustAnnounce) this.#catalog.put(entry, chunkList, { mustAnnounce })
      return
    }
    if (this.#catalog.damage.has(entry.seq)) return
    this.#watcher.onDamaged(entry.at)
    const good = new ChunkSet(chunkCountFor(entry.content.size))
    const foundMs = Math.floor(this.#process.clock.nowMs())
    this.#catalog.markDamaged(entry, file.stat, { foundMs, good, why: 'has other bytes' })
    if (entry.at.kind !== 'replicated') return
    this.#disk.remove(path)
    this.#catalog.drop(entry.at)
  }
}
