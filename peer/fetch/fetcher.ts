import { BackgroundWork } from '../../common/background.ts'
import { readBootId } from '../../common/boot-id.ts'
import { hasCode, reasonOf } from '../../common/errors.ts'
import { deadlines, limits } from '../../common/limits.ts'
import { BufferPool } from '../../common/protocol/buffer-pool.ts'
import type { Content, Purpose } from '../../common/protocol/messages.ts'
import type { ChunkWorkers } from './disk/chunk-threads.ts'
import { DigestedFile } from './disk/digested-file.ts'
import { DiskRoom, type Reservation } from './disk/disk-room.ts'
import { PartialFile, removePartial } from './disk/partial-file.ts'
import type { PartialFolder } from './disk/partial-folder.ts'
import { PartialFolders, type PartialFoldersOptions } from './disk/partial-folders.ts'
import { sharedBuffer } from './disk/shared-buffer.ts'
import type { UnfinishedContents } from './disk/unfinished-contents.ts'
import { SmallFetch, type SmallFetchOptions } from './small/small-fetch.ts'
import type { CrewDependencies } from './transfer/source-crew.ts'
import {
  isVouched,
  type Taken,
  type TakeProgress,
  type TakeRequest,
  takeContent,
} from './transfer/take-content.ts'

/** Failures after which what came is good for nothing. */
const uselessAfter = ['CANCELLED', 'CONTENT_REPLACED', 'HASH_MISMATCH'] as const

/** How a fetch goes. */
export interface FetchProgress extends TakeProgress {
  /** Bytes of the content that are good. */
  readonly verifiedBytes: number
}

export interface FetchRequest extends Omit<TakeRequest, 'file' | 'digest' | 'onProgress'> {
  /** Whether what came is kept when the fetch fails, for the next one of this content to go on with. */
  readonly keeps?: boolean | undefined
  /** Whether the whole content is hashed, whoever vouches for its chunk root. */
  readonly hashesWhole?: boolean | undefined
  /** Told after each verified chunk, when sources change, and from time to time. */
  readonly onProgress?: ((progress: FetchProgress) => void) | undefined
}

/** A complete, verified, durable file. Disposing removes it, unless it was moved away or kept before. */
export interface Fetched extends Taken, AsyncDisposable {
  readonly partialPath: string
  readonly seconds: number
  /** It could not be put into place: the next fetch of this content finds it, if the request said so. */
  keep(): void
}

interface FetcherDependencies extends CrewDependencies {
  readonly workers: ChunkWorkers
  /** Where others find what has come; nowhere without it. */
  readonly unfinished?: UnfinishedContents | undefined
}

/** Fetches contents from other peers into files on the file system where they will be. */
export class Fetcher implements AsyncDisposable {
  readonly #folders: PartialFolders
  readonly #bootId: string
  readonly #dependencies: FetcherDependencies
  readonly #room = new DiskRoom()
  /** For contents of one chunk, which no thread sees, and of several. */
  readonly #buffers = new BufferPool({ bufferBytes: limits.chunkBytesMin })
  readonly #sharedBuffers = new BufferPool({
    bufferBytes: limits.chunkBytesMin,
    allocate: sharedBuffer,
  })
  readonly #background: BackgroundWork

  private constructor(folders: PartialFolders, bootId: string, dependencies: FetcherDependencies) {
    this.#folders = folders
    this.#bootId = bootId
    this.#dependencies = dependencies
    this.#background = new BackgroundWork(dependencies)
    this.#background.start('clean up', (signal) => this.#cleanForEver(signal))
  }

  /**
   * A fetcher that goes on with what earlier runs left in its folder, unless that is too old.
   * @throws AppError DISK_FULL, DISK_FAILED
   */
  static async open(
    options: PartialFoldersOptions,
    dependencies: FetcherDependencies,
  ): Promise<Fetcher> {
    const folders = new PartialFolders(options)
    // Where folders depend on the purpose, one that cannot be had only stops what would go there.
    if (options.partialFolderFor === undefined) await folders.for('download')
    await folders.clean(dependencies.clock.nowMs())
    return new Fetcher(folders, await readBootId(dependencies.random), dependencies)
  }

  /** Ends the cleaning; fetches end with their signals. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#background[Symbol.asyncDispose]()
  }

  /**
   * Takes the content from several sources at once until it is complete. On failure nothing is left
   * behind, unless the request says that it is kept.
   * @throws AppError NO_SOURCE with everyone who was tried and why it did not work, DISK_FULL,
   *   DISK_FAILED, HASH_MISMATCH when the bytes fit the announced chunk root but not the SHA-256;
   *   or the signal's reason
   */
  async fetch(request: FetchRequest): Promise<Fetched> {
    request.signal.throwIfAborted()
    const folder = await this.#folders.forContent(request.purpose ?? 'download', request.content)
    const taken = folder.take(request.content)
    try {
      return await this.#fetchTo({ ...taken, folder: folder.path }, request)
    } catch (error) {
      taken.release()
      throw error
    }
  }

  /**
   * Room for contents where those of this purpose are put, also for those that go to no file of this
   * fetcher. Partial data that no download waits for is evicted when room is needed.
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

  /** Removes what was kept of a content, unless it is being fetched. @throws AppError DISK_FAILED */
  async forget(content: Content): Promise<void> {
    await this.#folders.forget(content)
  }

  async #fetchTo(
    { folder, path, isKept, release }: ReturnType<PartialFolder['take']> & { folder: string },
    request: FetchRequest,
  ): Promise<Fetched> {
    const { content, keeps = false } = request
    const { clock } = this.#dependencies
    const startMs = clock.monotonicMs()
    const isJournalled = keeps && isKept
    const bootId = this.#bootId
    await using file = await PartialFile.open(
      { path, content, bootId, isJournalled },
      this.#dependencies,
    )
    using untilPlaced = new DisposableStack()
    const readable = this.#dependencies.unfinished?.add(request, file)
    if (readable !== undefined) untilPlaced.use(readable)
    const onProgress = (progress: FetchProgress): void => {
      readable?.onChanged()
      request.onProgress?.(progress)
    }
    const { chunkList, sources } = await this.#fillOrKeep(file, folder, { ...request, onProgress })
    await file.finish()
    const placing = untilPlaced.move()
    let isLeft = false
    return {
      partialPath: path,
      chunkList,
      seconds: (clock.monotonicMs() - startMs) / 1000,
      sources,
      keep: () => {
        isLeft = isJournalled
      },
      [Symbol.asyncDispose]: async () => {
        placing.dispose()
        if (!isLeft) await removePartial(path)
        release()
      },
    }
  }

  /** Fetches what the file lacks; after a failure it has what came kept, if that is good for anything. */
  async #fillOrKeep(file: PartialFile, folder: string, request: FetchRequest): Promise<Taken> {
    try {
      using room = await this.reserve(request.content.size - file.verifiedBytes, { folder })
      return await this.#fill(file, request, room)
    } catch (error) {
      if (!uselessAfter.some((code) => hasCode(error, code))) file.keep()
      throw error
    }
  }

  /** Fetches what the file lacks. */
  async #fill(file: PartialFile, request: FetchRequest, room: Reservation): Promise<Taken> {
    const { sources, hashesWhole = !isVouched(sources) } = request
    let reservedFrom = file.verifiedBytes
    const onProgress = (progress: TakeProgress): void => {
      room.onWritten(file.verifiedBytes - reservedFrom)
      reservedFrom = file.verifiedBytes
      request.onProgress?.({ ...progress, verifiedBytes: file.verifiedBytes })
    }
    const hasThreads = file.verified.chunkCount > 1
    // The hash of a single chunk is the content's.
    const isHashedTwice = hashesWhole && hasThreads
    using digest = isHashedTwice ? new DigestedFile(file, this.#dependencies.workers) : undefined
    const buffers = hasThreads ? this.#sharedBuffers : this.#buffers
    const dependencies = { ...this.#dependencies, buffers }
    return await takeContent({ ...request, file: digest ?? file, digest, onProgress }, dependencies)
  }

  async #cleanForEver(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#dependencies
    for (;;) {
      await clock.sleep(deadlines.partialCleanMs, signal)
      try {
        await this.#folders.clean(clock.nowMs())
      } catch (error) {
        log.warn({ reason: reasonOf(error) }, 'what is left of downloads cannot be cleaned up')
      }
    }
  }
}
