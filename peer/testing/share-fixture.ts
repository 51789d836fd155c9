import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '../../common/clock.ts'
import { ChunkSet } from '../../common/content/chunk-set.ts'
import { seededRandom } from '../../common/random.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { CopyReader } from '../share/copy-reader.ts'
import { type LookAtFolder, lookAtFolder } from '../share/folder-look.ts'
import { Share, type ShareCopyReader } from '../share/share.ts'
import type { WatchFolders } from '../share/watch-folders.ts'

export const quietMs = 1_000
export const rescanMs = 30_000
const longAgoMs = 3_600_000

/** A peer's data folder and a {@link Share} that can be stopped and started again. */
export class ShareFixture implements AsyncDisposable {
  readonly clock = new FakeClock()
  readonly path: string
  readonly #folder: AsyncDisposable
  #share: Share | undefined
  #starts = 0
  /** Resolved when so many scans have ended. */
  #scanned = Promise.withResolvers<void>()
  #scansAwaited = 0
  /** Says what the operating system would: something happened to this path. */
  onChange: (path: string) => void = () => {}
  /** And that anything below this one may have changed. */
  onFolder: (path: string) => void = () => {}
  /** How it looks at folders. */
  lookAtFolder: LookAtFolder = lookAtFolder
  /** Whether the disk gives no bytes. */
  isUnreadable = false
  /** Whether it then gives some in a sample. */
  areSomeReadable = false

  constructor(folder: { path: string } & AsyncDisposable) {
    this.#folder = folder
    this.path = folder.path
  }

  static async create(): Promise<ShareFixture> {
    return new ShareFixture(await temporaryFolder())
  }

  get share(): Share {
    if (this.#share === undefined) throw new Error('it is not started')
    return this.#share
  }

  /** Starts it and waits for the first scan and the one that follows it. */
  async start(): Promise<Share> {
    const scanned = this.#scans(2)
    const watch: WatchFolders = (_folders, listener) => {
      this.onChange = (path) => listener.onChange(path)
      this.onFolder = (path) => listener.onFolder(path)
      listener.onReady()
      return { [Symbol.asyncDispose]: async () => {} }
    }
    const look: LookAtFolder = async (path) => await this.lookAtFolder(path)
    const random = seededRandom(`share ${this.#starts++}`)
    this.#share = await Share.start(
      { dataPath: this.path, quietMs, rescanMs },
      {
        clock: this.#tellingClock(),
        random,
        log: silentLog,
        watch,
        lookAtFolder: look,
        copyReader: this.#copyReader(),
      },
    )
    await scanned
    return this.#share
  }

  async stop(): Promise<void> {
    await this.#share?.[Symbol.asyncDispose]()
    this.#share = undefined
  }

  /** Lets the time of one periodic scan come, and waits for its end. */
  async rescan(): Promise<void> {
    const scanned = this.#scans(1)
    await this.clock.advance(rescanMs)
    await scanned
  }

  /** Does something and waits until the catalog has changed. */
  async change(work: () => unknown): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancel = this.share.catalog.onChange(resolve)
    await work()
    await promise
    cancel()
  }

  /** The names in shared/ that the catalog has. */
  shared(): string[] {
    return this.share.list('shared', 1_000).map(({ at }) => at.name)
  }

  /** Writes a file below the data folder; it looks long finished unless `modifiedMs` says otherwise. */
  async write(
    path: string,
    text: string | Uint8Array,
    modifiedMs: number = this.clock.nowMs() - longAgoMs,
  ): Promise<string> {
    const full = join(this.path, path)
    await mkdir(dirname(full), { recursive: true })
    await writeFile(full, text)
    await utimes(full, modifiedMs / 1_000, modifiedMs / 1_000)
    return full
  }

  #copyReader(): ShareCopyReader {
    const reader = new CopyReader({ clock: this.clock })
    return {
      isReadable: async (copy) =>
        (!this.isUnreadable || this.areSomeReadable) && (await reader.isReadable(copy)),
      read: async (copy, reading) => {
        if (!this.isUnreadable) return await reader.read(copy, reading)
        const found = { good: new ChunkSet(1), why: 'cannot be read (EIO)' }
        reading.onFault(found)
        return { state: 'bad', isUnreadable: true, ...found }
      },
      [Symbol.asyncDispose]: async () => await reader[Symbol.asyncDispose](),
    }
  }

  #scans(count: number): Promise<void> {
    this.#scansAwaited = count
    this.#scanned = Promise.withResolvers()
    return this.#scanned.promise
  }

  /** After each scan a share sleeps. */
  #tellingClock(): Clock {
    const { clock } = this
    return {
      nowMs: () => clock.nowMs(),
      monotonicMs: () => clock.monotonicMs(),
      after: (delayMs, callback) => clock.after(delayMs, callback),
      sleep: async (delayMs, signal) => {
        if (--this.#scansAwaited === 0) this.#scanned.resolve()
        await clock.sleep(delayMs, signal)
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    await this.#folder[Symbol.asyncDispose]()
  }
}
