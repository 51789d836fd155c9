import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Random, seededRandom } from '../../common/random.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { SqliteStore } from '../../indexing-server/store/sqlite-store.ts'
import { AnnouncementPlan } from '../../peer/announce/announcement-plan.ts'
import { Catalog } from '../../peer/share/catalog.ts'
import { Folders } from '../../peer/share/folders.ts'

const peerId = 'peer1'
/** Commits of the catalog that a power cut may roll back. */
const snapshotsMax = 6

/**
 * A data folder: the files on its disk, its catalog, and earlier states of the catalog that a crash
 * may restore.
 */
interface DataFolder {
  readonly path: string
  disk: Map<string, string>
  snapshots: string[]
}

/**
 * One peer id with real catalogs and a real index database, on disks that lose commits, are
 * restored from backups and are copied. Everything is synchronous except the index's commits.
 */
export class PeerHistory implements AsyncDisposable {
  readonly #path: string
  readonly #clock = new FakeClock()
  readonly #random: Random = seededRandom('runs')
  readonly #folders: [DataFolder, DataFolder]
  #active = 0
  #copies = 0
  #catalog: Catalog | undefined
  #plan: AnnouncementPlan | undefined
  #store: SqliteStore
  #diskBackup: { path: string; disk: Map<string, string> } | undefined
  #indexBackup: string | undefined

  constructor(path: string) {
    this.#path = path
    this.#folders = [this.#newFolder('original'), this.#newFolder('copy')]
    this.#store = this.#openStore()
    this.start(true)
  }

  /** Writes a file, or removes it if there is no text. */
  write(name: string, text: string | undefined): void {
    const { disk } = this.#folder
    if (text === undefined) disk.delete(name)
    else disk.set(name, text)
    if (this.#catalog !== undefined) this.#record(name)
  }

  /** Starts the peer if it is not running; `isScanned`: its first scan ends. */
  start(isScanned: boolean): void {
    this.#catalog ??= new Catalog(this.#placed, { random: this.#random })
    if (!isScanned || this.#catalog.isComplete) return
    const known = this.#catalog.list('shared', 1_000).map(({ at }) => at.name)
    for (const name of new Set([...known, ...this.#folder.disk.keys()])) this.#record(name)
    this.#catalog.markComplete()
  }

  stop(): void {
    this.#catalog?.[Symbol.dispose]()
    this.#catalog = undefined
    this.#plan = undefined
  }

  /** The machine stops; the last `lost` commits of the catalog had not reached its disk. */
  crash(lost: number): void {
    this.stop()
    const { snapshots } = this.#folder
    const kept = snapshots.at(-1 - lost) ?? snapshots[0]
    if (kept !== undefined) this.#copyDatabase(kept, this.#placed.catalog)
    this.#folder.snapshots = []
  }

  disconnect(): void {
    this.#plan = undefined
  }

  /** Sends hello if necessary, and announces what the index lacks. */
  async announce(): Promise<void> {
    const catalog = this.#catalog
    if (catalog === undefined) return
    this.#plan ??= await this.#register(catalog)
    for (;;) {
      const announcements = this.#plan.next()
      if (announcements.length === 0) return
      for (const announcement of announcements) {
        const { seenSeq } = await this.#run(this.#store.announce({ ...announcement, peerId }))
        catalog.seenByIndex(seenSeq)
      }
    }
  }

  /**
   * Copies the data folder of the running peer. `withDisk`: with the files, otherwise only the
   * catalog.
   */
  backUp(withDisk: boolean): void {
    const path = this.#copyPath('backup')
    this.#copyDatabase(this.#placed.catalog, path)
    this.#diskBackup = { path, disk: new Map(withDisk ? this.#folder.disk : []) }
  }

  restore(withDisk: boolean): void {
    if (this.#diskBackup === undefined) return
    this.stop()
    this.#copyDatabase(this.#diskBackup.path, this.#placed.catalog)
    if (withDisk) this.#folder.disk = new Map(this.#diskBackup.disk)
    this.#folder.snapshots = []
  }

  /** Copies the running peer's folder over the other one. */
  clone(): void {
    const { disk } = this.#folder
    const from = this.#placed.catalog
    const other = this.#folders[1 - this.#active] as DataFolder
    this.#copyDatabase(from, new Folders(other.path).catalog)
    other.disk = new Map(disk)
    other.snapshots = []
  }

  /** The peer ends, and restarts from its other folder. */
  switchFolder(): void {
    this.stop()
    this.#active = 1 - this.#active
  }

  async backUpIndex(): Promise<void> {
    await this.#restartIndex(() => {
      this.#indexBackup = this.#copyPath('index')
      this.#copyDatabase(this.#indexPath, this.#indexBackup)
    })
  }

  /** The index ends, and returns with its backup or, without one, empty. */
  async restoreIndex(): Promise<void> {
    await this.#restartIndex(() => {
      if (this.#indexBackup === undefined) rmSync(this.#indexPath)
      else this.#copyDatabase(this.#indexBackup, this.#indexPath)
    })
  }

  get onDisk(): string[] {
    return Array.from(this.#folder.disk, ([name, text]) => line(name, text)).toSorted()
  }

  /** The files that the index knows. */
  async atIndex(): Promise<string[]> {
    const { contentIds } = await this.#store.contentIds(peerId, undefined, 1_000)
    const lines = new Set<string>()
    for (const { contentId, sha256 } of await this.#store.contents(contentIds))
      for (const { name } of await this.#store.copiesOf(contentId, 1_000))
        lines.add(`${name} ${sha256}`)
    return [...lines].toSorted()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop()
    await this.#store[Symbol.asyncDispose]()
  }

  get #folder(): DataFolder {
    return this.#folders[this.#active] as DataFolder
  }

  get #placed(): Folders {
    return new Folders(this.#folder.path)
  }

  get #indexPath(): string {
    return join(this.#path, 'index.sqlite')
  }

  async #register(catalog: Catalog): Promise<AnnouncementPlan> {
    const { epoch, continues } = catalog
    const place = { host: 'h', port: 1, zone: undefined, freeBytes: 1, heardMs: 1 }
    const registration = { peerId, ...place, epoch, continues }
    const { seenSeq } = await this.#run(this.#store.register(registration))
    return AnnouncementPlan.from({ seq: seenSeq, full: undefined }, catalog)
  }

  /** Updates a name in the catalog from the disk. */
  #record(name: string): void {
    const catalog = this.#catalog as Catalog
    const text = this.#folder.disk.get(name)
    const key = { kind: 'shared', name } as const
    if (text === undefined) catalog.drop(key)
    else {
      const digest = createHash('sha256').update(text).digest()
      const sha256 = digest.toString('hex')
      const content = { sha256, size: text.length, chunkRoot: sha256 }
      const stat = { size: text.length, mtimeNs: 1n, ino: 1n }
      catalog.put({ at: this.#placed.place(key), stat, content }, digest)
    }
    const snapshot = this.#copyPath('snapshot')
    this.#copyDatabase(this.#placed.catalog, snapshot)
    const { snapshots } = this.#folder
    snapshots.push(snapshot)
    if (snapshots.length > snapshotsMax) snapshots.shift()
  }

  async #restartIndex(meanwhile: () => void): Promise<void> {
    this.#plan = undefined
    await this.#store[Symbol.asyncDispose]()
    meanwhile()
    this.#store = this.#openStore()
  }

  #openStore(): SqliteStore {
    const dependencies = { clock: this.#clock, random: this.#random }
    return new SqliteStore({ path: this.#indexPath, commitDelayMs: 1 }, dependencies)
  }

  async #run<T>(work: Promise<T>): Promise<T> {
    await this.#clock.advance(1)
    return await work
  }

  #newFolder(name: string): DataFolder {
    const path = join(this.#path, name)
    mkdirSync(dirname(new Folders(path).catalog), { recursive: true })
    return { path, disk: new Map(), snapshots: [] }
  }

  #copyPath(what: string): string {
    return join(this.#path, `${what} ${++this.#copies}`)
  }

  /** Copies a database and its log. */
  #copyDatabase(from: string, to: string): void {
    for (const suffix of ['', '-wal']) {
      if (existsSync(`${from}${suffix}`)) copyFileSync(`${from}${suffix}`, `${to}${suffix}`)
      else rmSync(`${to}${suffix}`, { force: true })
    }
  }
}

function line(name: string, text: string): string {
  return `${name} ${createHash('sha256').update(text).digest('hex')}`
}
