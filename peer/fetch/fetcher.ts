import { BackgroundWork } from '../../common/background.ts'
import { readBootId } from '../../common/boot-id.ts'
import { hasCode, reasonOf } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import { BufferPool } from '../../common/protocol/buffer-pool.ts'
import type { Content, Purpose } from '../../common/protocol/messages.ts'
import { SerialQueue } from '../../common/serial-queue.ts'
import { DiskRoom, type Reservation } from './disk/disk-room.ts'
import { PartialFolders, type PartialFoldersOptions } from './disk/partial-folders.ts'
import { sharedBuffer } from './disk/shared-buffer.ts'
import { type FetchDependencies, type FetchRequest, type FetchRun, FileFetch } from './fetch-run.ts'
import { SmallFetch, type SmallFetchOptions } from './small/small-fetch.ts'

/** Interval of removing older partial data: rare enough to be free. */
export const partialCleanMs = 3_600_000

/** Fetches contents from other peers into files on the file system where they will be. */
export class Fetcher implements AsyncDisposable {
  readonly #folders: PartialFolders
  readonly #bootId: string
  readonly #dependencies: FetchDependencies
  readonly #room = new DiskRoom()
  /** For contents of one chunk, which no thread reads, and for those of several. */
  readonly #buffers = new BufferPool({ bufferBytes: limits.chunkBytesMin })
  readonly #sharedBuffers = new BufferPool({
    bufferBytes: limits.chunkBytesMin,
    allocate: sharedBuffer,
  })
  readonly #copying = new SerialQueue()
  readonly #reusedBytes = { download: 0, replication: 0 }
  readonly #background: BackgroundWork

  private constructor(folders: PartialFolders, bootId: string, dependencies: FetchDependencies) {
    this.#folders = folders
    this.#bootId = bootId
    this.#dependencies = dependencies
    this.#background = new BackgroundWork(dependencies)
    this.#background.start('clean up', (signal) => this.#cleanForEver(signal))
  }

  /**
   * A fetcher that continues with the partial data of earlier runs, unless that is too old.
   * @throws AppError DISK_FULL, DISK_FAILED
   */
  static async open(
    options: PartialFoldersOptions,
    dependencies: FetchDependencies,
  ): Promise<Fetcher> {
    const folders = new PartialFolders(options)
    // Where folders depend on the purpose, one that cannot be made fails only the fetches into it.
    if (options.partialFolderFor === undefined) await folders.for('download')
    await folders.clean(dependencies.clock.nowMs())
    return new Fetcher(folders, await readBootId(dependencies.random), dependencies)
  }

  /** Bytes copied from this peer's own files instead of being received, by purpose. */
  get reusedBytes(): Readonly<Record<Purpose, number>> {
    return this.#reusedBytes
  }

  /** Ends the cleaning; fetches end with their signals. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#background[Symbol.asyncDispose]()
  }

  /**
   * Fetches a content from several sources at the same time. On failure nothing is left behind, unless
   * the request says that partial data is kept. `fetched` rejects with
   * AppError NO_SOURCE with each source that was tried and why it failed, DISK_FULL, DISK_FAILED,
   * HASH_MISMATCH when the bytes fit the announced chunk root but not the SHA-256; or the signal's reason.
   */
  fetch(request: FetchRequest): FetchRun {
    const run = new FileFetch(request, {
      ...this.#dependencies,
      folders: this.#folders,
      bootId: this.#bootId,
      buffers: this.#buffers,
      sharedBuffers: this.#sharedBuffers,
      copying: this.#copying,
      onReused: (bytes, purpose) => {
        this.#reusedBytes[purpose] += bytes
      },
      reserve: (bytes, where) => this.reserve(bytes, where),
    })
    const { name, content, purpose = 'download' } = request
    this.#dependencies.observer?.onFetch({ name, content, purpose, run })
    return run
  }

  /**
   * Reserves room where contents of this purpose are placed, also for contents that do not become files
   * of this fetcher. If there is too little, partial data that no download waits for is evicted.
   * @throws AppError DISK_FULL, DISK_FAILED
   */
  async reserve(
    bytes: number,
    where: { readonly purpose: Purpose } | { readonly folder: string },
  ): Promise<Reservation> {
    const folder = 'folder' in where ? where.folder : (await this.#folders.for(where.purpose)).path
    try {
      return await this.#room.reserve(folder, bytes)
    } catch (error) {
      if (!hasCode(error, 'DISK_FULL')) throw error
      await this.#folders.clean(this.#dependencies.clock.nowMs(), true)
      return await this.#room.reserve(folder, bytes)
    }
  }

  /** Fetches contents of one chunk into memory, with the same connections and the same counting. */
  smallFetch(options: SmallFetchOptions): SmallFetch {
    return new SmallFetch(options, this.#dependencies)
  }

  /** Removes the partial data of a content, unless it is being fetched. @throws AppError DISK_FAILED */
  async forget(content: Content): Promise<void> {
    await this.#folders.forget(content)
  }

  async #cleanForEver(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#dependencies
    for (;;) {
      await clock.sleep(partialCleanMs, signal)
      try {
        await this.#folders.clean(clock.nowMs())
      } catch (error) {
        log.warn({ reason: reasonOf(error) }, 'what is left of downloads cannot be cleaned up')
      }
    }
  }
}
