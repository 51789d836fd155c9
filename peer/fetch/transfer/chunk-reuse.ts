import { chunkHashAt, chunkRange } from '../../../common/content/chunks.ts'
import { reasonOf } from '../../../common/errors.ts'
import type { Log } from '../../../common/log.ts'
import type { Content } from '../../../common/protocol/messages.ts'
import type { SerialQueue } from '../../../common/serial-queue.ts'
import type { CopyingStore, PutChunk } from '../chunk-store.ts'
import type { ChunkPlace, LocalChunks, LocalFile } from '../local-chunks.ts'

interface ReuseOptions {
  readonly content: Content
  readonly file: CopyingStore
  readonly signal: AbortSignal
  /** Called with the bytes of each chunk that was copied. */
  readonly onCopied: (bytes: number) => void
}

export interface ReuseDependencies {
  readonly localChunks: LocalChunks
  /** Of all fetches: the disk and the threads serve others meanwhile. */
  readonly copying: SerialQueue
  readonly log: Log
}

/** The chunks of one content that this peer has in its own files. Disposing closes the file that is read. */
export class ChunkReuse implements AsyncDisposable {
  readonly #options: ReuseOptions
  readonly #dependencies: ReuseDependencies
  #chunkList: Uint8Array = Buffer.alloc(0)
  #places: ReadonlyMap<number, ChunkPlace> = new Map()
  #open: { readonly sha256: string; readonly file: LocalFile | undefined } | undefined
  #bytes = 0

  constructor(options: ReuseOptions, dependencies: ReuseDependencies) {
    this.#options = options
    this.#dependencies = dependencies
  }

  /** Copied and verified. */
  get bytes(): number {
    return this.#bytes
  }

  /** The missing chunks that {@link copy} can try, in order. Never rejects. */
  async find(chunkList: Uint8Array): Promise<readonly number[]> {
    const { file, signal } = this.#options
    const { localChunks, log } = this.#dependencies
    const all = Array.from({ length: file.verified.chunkCount }, (_, chunk) => chunk)
    const missing = all.filter((chunk) => !file.verified.has(chunk))
    try {
      this.#chunkList = chunkList
      this.#places = await localChunks.find(chunkList, missing, signal)
    } catch (error) {
      if (!signal.aborted) log.warn({ reason: reasonOf(error) }, 'own chunks cannot be searched')
    }
    return missing.filter((chunk) => this.#places.has(chunk))
  }

  /**
   * Copies a chunk from its place if it has its hash there.
   * @param bytes memory for the chunk, which must not change meanwhile
   * @throws AppError DISK_FULL, DISK_FAILED
   */
  async copy(chunk: number, bytes: Buffer): Promise<PutChunk> {
    return await this.#dependencies.copying.run(() => this.#copy(chunk, bytes))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
  }

  async #copy(chunk: number, bytes: Buffer): Promise<PutChunk> {
    const { content, file, signal } = this.#options
    const place = this.#places.get(chunk)
    const local = place && !signal.aborted ? await this.#fileOf(place) : undefined
    if (place === undefined || local === undefined) return { isGood: false }
    const from = { descriptor: local.descriptor, position: place.position }
    const put = await file.put(chunk, bytes, chunkHashAt(this.#chunkList, chunk), from)
    if (put.isGood) this.#onCopied(chunkRange(content.size, chunk).bytes)
    else await this.#onMismatch(local)
    return put
  }

  #onCopied(bytes: number): void {
    this.#bytes += bytes
    this.#options.onCopied(bytes)
  }

  /** The file is opened again for the next chunk, and not used if it has changed. */
  async #onMismatch(local: LocalFile): Promise<void> {
    local.onMismatch()
    await this.#close()
  }

  async #fileOf({ sha256 }: ChunkPlace): Promise<LocalFile | undefined> {
    if (this.#open?.sha256 !== sha256) {
      await this.#close()
      this.#open = { sha256, file: await this.#dependencies.localChunks.open(sha256) }
    }
    return this.#open.file
  }

  async #close(): Promise<void> {
    const { file } = this.#open ?? {}
    this.#open = undefined
    await file?.[Symbol.asyncDispose]()
  }
}
