import { hasCode } from '../../common/errors.ts'
import type { BufferPool } from '../../common/protocol/buffer-pool.ts'
import type { Content, Purpose } from '../../common/protocol/messages.ts'
import type { SerialQueue } from '../../common/serial-queue.ts'
import type { CopyingStore } from './chunk-store.ts'
import type { ChunkWorkers } from './disk/chunk-threads.ts'
import { DigestedFile } from './disk/digested-file.ts'
import type { Reservation } from './disk/disk-room.ts'
import { PartialFile, removePartial } from './disk/partial-file.ts'
import type { PartialFolder } from './disk/partial-folder.ts'
import type { PartialFolders } from './disk/partial-folders.ts'
import type { UnfinishedContents } from './disk/unfinished-contents.ts'
import type { SentBytes, SourceProgress } from './source/source-progress.ts'
import { ChunkReuse, type ReuseDependencies } from './transfer/chunk-reuse.ts'
import { isVouched } from './transfer/is-vouched.ts'
import {
  type CrewDependencies,
  SourceCrew,
  type TransferRequest,
  type Transferred,
} from './transfer/source-crew.ts'

/** Failures after which the partial data is useless. */
const uselessAfter = ['CANCELLED', 'CONTENT_REPLACED', 'HASH_MISMATCH'] as const

export interface FetchRequest extends TransferRequest {
  /** Whether partial data is kept when the fetch fails, for the next fetch of this content to continue. */
  readonly keeps?: boolean | undefined
  /** Whether the whole content is hashed, even if its chunk root is vouched for. */
  readonly hashesWhole?: boolean | undefined
}

/** A complete, verified, durable file. Disposing removes it, unless it was moved away or kept before. */
export interface Fetched extends Transferred, AsyncDisposable {
  readonly partialPath: string
  /** It could not be moved into place: the next fetch of this content finds it, if the request said so. */
  keep(): void
}

/** Told of fetches and of small files that arrive. */
export interface FetchObserver {
  onFetch(fetch: {
    readonly name: string
    readonly content: Content
    readonly purpose: Purpose
    readonly run: FetchRun
  }): void
  onSmallReceived(
    from: string,
    purpose: Purpose,
    files: readonly { name: string | undefined; sha256: string; size: number }[],
  ): void
}

export interface FetchDependencies extends Omit<CrewDependencies, 'buffers'> {
  readonly observer?: FetchObserver | undefined
  readonly workers: ChunkWorkers
  /** The chunks of this peer's own files; without it, all chunks are requested. */
  readonly localChunks?: ReuseDependencies['localChunks'] | undefined
  /** Where other peers find what has arrived; nowhere without it. */
  readonly unfinished?: UnfinishedContents | undefined
}

/** What a run uses of its fetcher. */
interface RunDependencies extends FetchDependencies {
  readonly folders: PartialFolders
  readonly bootId: string
  /** For contents of one chunk, and for those whose chunks threads check. */
  readonly buffers: BufferPool
  readonly sharedBuffers: BufferPool
  /** Where the copying from own files is queued. */
  readonly copying: SerialQueue
  onReused(bytes: number, purpose: Purpose): void
  reserve(
    bytes: number,
    where: { readonly purpose: Purpose } | { readonly folder: string },
  ): Promise<Reservation>
}

/** One fetch in progress; how far it is can be read at any time. */
export interface FetchRun {
  /** The complete file. Rejects as `Fetcher.fetch` says. */
  readonly fetched: Promise<Fetched>
  /** Bytes of the content that are verified. */
  readonly verifiedBytes: number
  /** All that sources sent, good or not. */
  readonly receivedBytes: number
  /** The same by source. */
  readonly received: readonly SentBytes[]
  /** Bytes that this run copied from this peer's own files instead. */
  readonly reusedBytes: number
  /** Those at work. */
  readonly sources: readonly SourceProgress[]
  /** Why nothing arrives, if no source is at work. */
  readonly waitingFor: string | undefined
}

/** A fetch into a partial file. */
export class FileFetch implements FetchRun {
  readonly fetched: Promise<Fetched>
  readonly #request: FetchRequest
  readonly #dependencies: RunDependencies
  #file: PartialFile | undefined
  #crew: SourceCrew | undefined
  #reuse: ChunkReuse | undefined

  constructor(request: FetchRequest, dependencies: RunDependencies) {
    this.#request = request
    this.#dependencies = dependencies
    this.fetched = this.#run()
  }

  get verifiedBytes(): number {
    return this.#file?.verifiedBytes ?? 0
  }

  get receivedBytes(): number {
    return this.#crew?.receivedBytes ?? 0
  }

  get received(): readonly SentBytes[] {
    return this.#crew?.received ?? []
  }

  get reusedBytes(): number {
    return this.#reuse?.bytes ?? 0
  }

  get sources(): readonly SourceProgress[] {
    return this.#crew?.sources ?? []
  }

  get waitingFor(): string | undefined {
    return this.#crew?.waitingFor
  }

  async #run(): Promise<Fetched> {
    const { content, signal, purpose = 'download' } = this.#request
    signal.throwIfAborted()
    const folder = await this.#dependencies.folders.forContent(purpose, content)
    const place = folder.take(content)
    try {
      return await this.#fetchTo(place, folder.path)
    } catch (error) {
      place.release()
      throw error
    }
  }

  async #fetchTo(
    { path, isKept, release }: ReturnType<PartialFolder['take']>,
    folder: string,
  ): Promise<Fetched> {
    const { content, keeps = false, learnsChunks = false } = this.#request
    const { bootId, workers, unfinished } = this.#dependencies
    const isJournalled = keeps && isKept
    await using file = await PartialFile.open({ path, content, bootId, isJournalled }, { workers })
    this.#file = file
    using untilPlaced = new DisposableStack()
    // Other peers request chunk lists first.
    if (unfinished !== undefined && !learnsChunks)
      untilPlaced.use(unfinished.add(this.#request, file))
    const transferred = await this.#fillOrKeep(file, folder)
    await file.finish()
    const placing = untilPlaced.move()
    let isLeft = false
    return {
      ...transferred,
      partialPath: path,
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

  /** Fetches what the file lacks; after a failure, keeps the partial data if it is useful. */
  async #fillOrKeep(file: PartialFile, folder: string): Promise<Transferred> {
    try {
      const lackingBytes = this.#request.content.size - file.verifiedBytes
      using room = await this.#dependencies.reserve(lackingBytes, { folder })
      file.writeInto(room)
      return await this.#fill(file)
    } catch (error) {
      if (!uselessAfter.some((code) => hasCode(error, code))) file.keep()
      throw error
    }
  }

  async #fill(file: PartialFile): Promise<Transferred> {
    const { sources, learnsChunks = false } = this.#request
    const { hashesWhole = learnsChunks || !isVouched(sources) } = this.#request
    const { workers, buffers, sharedBuffers } = this.#dependencies
    const hasThreads = file.verified.chunkCount > 1
    // The hash of a single chunk is the content's.
    using digest = hashesWhole && hasThreads ? new DigestedFile(file, workers) : undefined
    // A single chunk that this peer has is a content that it has: then nothing is fetched.
    await using reuse = hasThreads && !learnsChunks ? this.#reuseOf(digest ?? file) : undefined
    this.#reuse = reuse
    this.#crew = new SourceCrew(
      { ...this.#request, file: digest ?? file, digest, reuse },
      { ...this.#dependencies, buffers: hasThreads ? sharedBuffers : buffers },
    )
    const transferred = await this.#crew.run()
    this.#logReuse()
    return transferred
  }

  #logReuse(): void {
    const { reusedBytes, receivedBytes } = this
    const { sha256 } = this.#request.content
    if (reusedBytes > 0)
      this.#dependencies.log.info({ sha256, reusedBytes, receivedBytes }, 'own chunks were reused')
  }

  #reuseOf(file: CopyingStore): ChunkReuse | undefined {
    const { content, signal, purpose = 'download' } = this.#request
    const { localChunks } = this.#dependencies
    if (localChunks === undefined) return undefined
    const onCopied = (bytes: number): void => this.#dependencies.onReused(bytes, purpose)
    return new ChunkReuse(
      { content, file, signal, onCopied },
      { ...this.#dependencies, localChunks },
    )
  }
}
