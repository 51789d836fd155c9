import { BackgroundWork } from '../../../common/background.ts'
import { AppError } from '../../../common/errors.ts'
import type { CopyKey } from '../../../common/protocol/messages.ts'
import type { Relabelling } from '../../../common/protocol/trash-messages.ts'
import type { Random } from '../../../common/random.ts'
import type { Database } from '../../../common/sqlite.ts'
import type { ReplicaShelf } from '../../../peer/replicate/replicator.ts'
import type { ServeDependencies } from '../../../peer/serve/serve-handlers.ts'
import type { ReadableFile } from '../../../peer/serve/served-contents.ts'
import { Catalog } from '../../../peer/share/catalog.ts'
import type { Entry } from '../../../peer/share/entry.ts'
import { Folders, type Location } from '../../../peer/share/folders.ts'
import { SmallReader } from '../../../peer/share/small-reader.ts'
import { Verifier } from '../../../peer/share/verifier.ts'
import type { FinishedFile, KeyedContent, Shelf, SmallFile } from '../../../peer/shelf.ts'
import { databaseInMemory } from './database-in-memory.ts'
import type { ShareWatcher } from './share-watcher.ts'
import { contentIn, type SimulatedDisk } from './simulated-disk.ts'
import { SimulatedLocalChunks } from './simulated-local-chunks.ts'
import { SimulatedPlacer } from './simulated-placer.ts'
import type { SimulatedProcess } from './simulated-process.ts'
import { SimulatedScan } from './simulated-scan.ts'

/** From a change of a file until it is read. */
const quietMs = 1_000
/** Time that the disk takes for one file. */
const diskMs = 1
/** From the start to the end of the first scan. */
const firstScanMs = 500
/** More entries than any simulated peer has. */
const entriesMax = 100_000

interface Dependencies {
  readonly process: SimulatedProcess
  readonly disk: SimulatedDisk
  readonly random: Random
  readonly watcher: ShareWatcher
}

/**
 * The files of a simulated peer: the real catalog, verifier and reader of small files over a
 * simulated disk. What remains, from the scan to the placing of files, is as the share does it,
 * without folders, links and other file systems.
 */
export class SimulatedShare implements Shelf, ReplicaShelf, AsyncDisposable {
  readonly catalog: Catalog
  readonly smallReader: SmallReader<Entry>
  readonly folders: Folders
  readonly localChunks: SimulatedLocalChunks
  readonly #process: SimulatedProcess
  readonly #disk: SimulatedDisk
  readonly #watcher: ShareWatcher
  readonly #work: BackgroundWork
  readonly #verifier: Verifier
  readonly #placer: SimulatedPlacer
  readonly #scan: SimulatedScan
  #database: Database | undefined

  constructor(peerId: string, dependencies: Dependencies) {
    const { process, disk, random, watcher } = dependencies
    const { clock } = process
    this.#process = process
    this.#disk = disk
    this.#watcher = watcher
    this.folders = new Folders(`/${peerId}`)
    this.#work = new BackgroundWork(process)
    const { image } = disk
    this.catalog = new Catalog(this.folders, {
      random,
      openDatabase: (_, options) => (this.#database = databaseInMemory(options, image)),
      fileOf: () => ({ keep: () => false, sync: async () => {} }),
    })
    const parts = { catalog: this.catalog, folders: this.folders, disk, watcher, process }
    this.#placer = new SimulatedPlacer(parts)
    this.#scan = new SimulatedScan(parts)
    const recheck = (path: string): void => this.recheck(path)
    this.localChunks = new SimulatedLocalChunks({ catalog: this.catalog, disk, recheck })
    this.smallReader = new SmallReader({
      catalog: this.catalog,
      recheck,
      clock,
      thread: {
        call: async (request) => this.#readFiles(request),
        [Symbol.asyncDispose]: async () => {},
      },
    })
    this.#verifier = new Verifier({
      clock,
      verify: async (path, mustAnnounce) => {
        await this.#wait()
        this.#scan.readAgain(path, mustAnnounce)
      },
      start: (work) => this.#work.start('verify', work),
    })
    this.#work.start('scan', (signal) => this.#firstScan(signal))
  }

  /** Everything that a later run of the peer finds of the catalog. */
  get image(): Buffer | undefined {
    return this.#database?.serialize()
  }

  first(sha256: string): Entry | undefined {
    return this.catalog.first(sha256)
  }

  get(key: CopyKey): Entry | undefined {
    return this.catalog.get(key)
  }

  holds(name: string, sha256: string): boolean {
    return this.catalog.holds(name, sha256)
  }

  find(sha256: string): Entry[] {
    return this.catalog.find(sha256)
  }

  isServed({ at, content }: Pick<Entry, 'at' | 'content'>): boolean {
    const entry = this.catalog.get(at)
    return entry?.content.sha256 === content.sha256 && !this.catalog.damage.has(entry.seq)
  }

  totals(): ReturnType<Catalog['totals']> {
    return this.catalog.totals()
  }

  chunkList(sha256: string): Buffer | undefined {
    return this.catalog.chunkList(sha256)
  }

  entries(): Entry[] {
    return this.catalog.entriesBetween(0, this.catalog.lastSeq, entriesMax)
  }

  async room(): Promise<{ freeBytes: number; diskBytes: number }> {
    return { freeBytes: this.#disk.freeBytes, diskBytes: this.#disk.capacityBytes }
  }

  /** Opens files for serving. */
  readonly openFiles: ServeDependencies['openFiles'] & AsyncDisposable = {
    use: async (file) => {
      await this.#wait()
      const bytes = this.#bytesOf(file)
      return {
        handle: {
          read: async (into, offset, length, position) => ({
            bytesRead: bytes.copy(into, offset, position, position + length),
          }),
        },
        [Symbol.dispose]: () => {},
      }
    },
    [Symbol.asyncDispose]: async () => {},
  }

  /** A user puts a file into shared/. */
  writeShared(name: string, bytes: Buffer): void {
    const { path } = this.folders.place({ kind: 'shared', name })
    this.#disk.write(path, bytes)
    this.#process.clock.after(quietMs, () => this.#scan.compare(path))
  }

  /** A user renames a file of shared/, or deletes it. */
  moveShared(from: string, to: string | undefined): void {
    const paths = [to, from].flatMap((name) =>
      name === undefined ? [] : [this.folders.place({ kind: 'shared', name }).path],
    )
    const [target, source = target] = paths
    if (to === undefined && target !== undefined) this.#disk.remove(target)
    else if (source !== undefined && target !== undefined) this.#disk.move(source, target)
    this.#process.clock.after(quietMs, () => {
      for (const path of paths) this.#scan.compare(path)
    })
  }

  /** A push: the file is recorded immediately. @throws AppError DISK_FULL */
  receive(name: string, bytes: Buffer): Entry {
    const at = this.folders.place({ kind: 'shared', name })
    this.#disk.write(at.path, bytes)
    return this.#placer.record(at, contentIn(bytes))
  }

  unshare(name: string): void {
    this.catalog.unshare(name)
  }

  async areThere(files: readonly KeyedContent[]): Promise<boolean[]> {
    return files.map(({ key, content }) => {
      const at = placeOrNothing(this.folders, key)
      const entry = at && this.catalog.get(key)
      return (
        entry?.content.sha256 === content.sha256 &&
        this.#disk.isUnchanged(entry.at.path, entry.stat)
      )
    })
  }

  async readSmall(sha256s: readonly string[]): Promise<(Uint8Array<ArrayBuffer> | undefined)[]> {
    return await this.smallReader.read(sha256s)
  }

  /** {@link adopt} refuses what cannot be put there. */
  async checkRoomFor(): Promise<void> {}

  async copyLocal(sha256: string, key: CopyKey): Promise<Entry | undefined> {
    await this.#wait()
    const entry = this.catalog
      .find(sha256)
      .find((one) => this.#disk.isUnchanged(one.at.path, one.stat))
    const bytes = entry && this.#disk.files.get(entry.at.path)?.bytes
    if (bytes === undefined || contentIn(bytes).content.sha256 !== sha256) return undefined
    return this.#placer.place(key, contentIn(bytes))
  }

  async adopt({ key, partialPath, content, chunkList }: FinishedFile): Promise<Entry> {
    await this.#wait()
    const partial = this.#disk.partials.get(partialPath)
    if (partial === undefined) throw new AppError('FILE_NOT_FOUND', { path: partialPath })
    const { bytes } = partial
    this.#disk.removePartial(partialPath)
    return this.#placer.place(key, { bytes, content, chunkList })
  }

  async adoptGroup(files: readonly SmallFile[]): Promise<(Entry | AppError)[]> {
    await this.#wait()
    return files.map(({ key, content, bytes }) => {
      try {
        const chunkList = Buffer.from(content.sha256, 'hex')
        return this.#placer.place(key, { bytes: Buffer.from(bytes), content, chunkList })
      } catch (error) {
        if (error instanceof AppError) return error
        throw error
      }
    })
  }

  async removeReplica(copy: { owner: string; name: string; sha256: string }): Promise<void> {
    await this.#wait()
    const { owner, name, sha256 } = copy
    const key = { kind: 'replicated', owner, name } as const
    for (const held of [key, { ...key, version: sha256 }]) {
      const entry = this.catalog.get(held)
      if (entry?.content.sha256 !== sha256 || !this.#disk.isUnchanged(entry.at.path, entry.stat))
        continue
      this.#disk.remove(entry.at.path)
      this.catalog.drop(held)
      this.#watcher.onRemoved(entry.at, sha256)
    }
  }

  async relabel(copies: readonly Relabelling[]): Promise<boolean[]> {
    await this.#wait()
    return copies.map(({ from, to, sha256, version }) => {
      const key = { kind: 'replicated', ...from, ...(version && { version }) } as const
      const entry = this.catalog.get(key)
      if (entry?.content.sha256 !== sha256 || this.catalog.damage.has(entry.seq)) return false
      if (!this.#disk.isUnchanged(entry.at.path, entry.stat)) return false
      this.#placer.relabel(entry, { kind: 'replicated', ...to })
      return true
    })
  }

  async hasCopy(
    sha256: string,
    { mayBeReplica }: { readonly mayBeReplica: boolean },
  ): Promise<boolean> {
    await this.#wait()
    const entries = this.catalog
      .find(sha256)
      .filter(({ at }) => mayBeReplica || at.kind !== 'replicated')
    return entries.some((entry) => {
      const isUntouched = this.#disk.isUnchanged(entry.at.path, entry.stat)
      if (!isUntouched) this.recheck(entry.at.path)
      return isUntouched
    })
  }

  verify(sha256: string): void {
    for (const { at } of this.catalog.find(sha256)) this.#verifier.add(at.path, true)
  }

  /** Reads everything again, as scrubbing does in time. */
  scrub(): void {
    for (const { at } of this.entries()) this.#scan.readAgain(at.path, false)
  }

  recheck(path: string): void {
    if (this.#disk.files.has(path)) {
      this.#scan.compare(path)
      this.#verifier.add(path, false)
    } else {
      // It may have another name, under which it is found first.
      this.#process.clock.after(2 * quietMs, () => this.#scan.compare(path))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#work[Symbol.asyncDispose]()
  }

  /** For the disk; a process that has ended waits for ever. */
  async #wait(): Promise<void> {
    await this.#process.clock.sleep(diskMs)
  }

  async #firstScan(signal: AbortSignal): Promise<void> {
    await this.#process.clock.sleep(firstScanMs, signal)
    // Found before missing: a file that is missing may have been found under another name.
    for (const path of this.#disk.files.keys()) this.#scan.compare(path)
    for (const { at } of this.entries()) this.#scan.compare(at.path)
    this.catalog.markComplete()
  }

  #bytesOf({ at, stat }: ReadableFile): Buffer {
    if (stat === undefined) {
      const partial = this.#disk.partials.get(at.path)
      if (partial === undefined) throw new AppError('FILE_NOT_FOUND', { path: at.name })
      return partial.bytes
    }
    const bytes = this.#disk.sent(at.path)
    if (bytes === undefined) throw new AppError('FILE_NOT_FOUND', { path: at.name })
    if (!this.#disk.isUnchanged(at.path, stat))
      throw new AppError('CONTENT_CHANGED', { name: at.name })
    return bytes
  }

  #readFiles({
    files,
    reads,
  }: Parameters<ReadThread['call']>[0]): Awaited<ReturnType<ReadThread['call']>> {
    const size = reads ? files.reduce((sum, { stat }) => sum + stat.size, 0) : 0
    const bytes = Buffer.from(new ArrayBuffer(size))
    let start = 0
    const failures = files.map(({ path, stat }) => {
      const found = this.#disk.isUnchanged(path, stat) ? this.#disk.sent(path) : undefined
      if (reads) start += stat.size
      if (found === undefined)
        return { code: this.#disk.files.has(path) ? 'CONTENT_CHANGED' : 'FILE_NOT_FOUND' } as const
      if (reads) found.copy(bytes, start - stat.size)
      return undefined
    })
    return { failures, bytes: bytes.buffer as ArrayBuffer }
  }
}

type ReadThread = NonNullable<ConstructorParameters<typeof SmallReader>[0]['thread']>

function placeOrNothing(folders: Folders, key: CopyKey): Location | undefined {
  try {
    return folders.place(key)
  } catch (error) {
    if (error instanceof AppError) return undefined
    throw error
  }
}
