import assert from 'node:assert/strict'
import { ChunkSet } from '../../common/content/chunk-set.ts'
import {
  chunkBytesFor,
  chunkCountFor,
  chunkHashAt,
  chunkRange,
  chunkRootOf,
} from '../../common/content/chunks.ts'
import { sha256 } from '../../common/content/hash.ts'
import { AppError } from '../../common/errors.ts'
import type { Content } from '../../common/protocol/messages.ts'
import { ContentDigest } from './content-digest.ts'
import type { PartialFile } from './partial-file.ts'
import type { ChunkSource } from './peer-source.ts'
import { nextChunk, readsInFlightFor } from './plan.ts'

interface TransferOptions {
  readonly content: Content
  /** For errors. */
  readonly name: string
  readonly file: Pick<PartialFile, 'verified' | 'verifiedBytes' | 'read' | 'write'>
  /** Told after each verified chunk. */
  readonly onProgress: (verifiedBytes: number) => void
}

/**
 * One content on its way into one partial file. Chunks are read into a fixed set of buffers, as many
 * as may be in flight, so that memory does not grow with the content:
 *
 *   source.read -> hash compared with the chunk list -> file.write -> the content's own hash
 */
export class Transfer {
  readonly #options: TransferOptions
  readonly #digest: ContentDigest
  /** Chunks that are verified or asked for. */
  readonly #taken: ChunkSet
  readonly #buffers: readonly Buffer<ArrayBuffer>[]
  readonly #contributors = new Set<string>()
  #chunkList: Buffer | undefined

  constructor(options: TransferOptions) {
    const { size, sha256: contentHash } = options.content
    this.#options = options
    this.#digest = new ContentDigest(options.file)
    this.#taken = new ChunkSet(chunkCountFor(size))
    const bufferBytes = Math.min(size, chunkBytesFor(size))
    this.#buffers = Array.from({ length: readsInFlightFor(size) }, () =>
      Buffer.allocUnsafeSlow(bufferBytes),
    )
    // The hash of a single chunk is the content's: nobody needs to be asked for the list.
    if (this.#isSingleChunk) this.#chunkList = Buffer.from(contentHash, 'hex')
  }

  /** Labels of the sources that gave good chunks. */
  get contributors(): ReadonlySet<string> {
    return this.#contributors
  }

  get isComplete(): boolean {
    return this.#options.file.verified.isFull
  }

  /**
   * Takes what is missing from `source`. Returns when nothing is left to ask for. After a failure
   * what was verified stays, and another source can go on.
   * @throws AppError SOURCE_FAILED or HASH_MISMATCH when it is the source's fault; DISK_FULL or
   *   DISK_FAILED when it is ours; or the reason of the source's signal
   */
  async takeFrom(source: ChunkSource): Promise<void> {
    this.#chunkList ??= await this.#chunkListFrom(source)
    const chunkList = this.#chunkList
    let failure: Error | undefined
    const lanes = this.#buffers.map(async (buffer) => {
      try {
        await this.#runLane(source, buffer, chunkList)
      } catch (error) {
        // The first failure is the one to report: it makes the other lanes fail.
        failure ??= error as Error
        source.giveUp(error)
      }
    })
    await Promise.all(lanes)
    if (failure !== undefined) throw failure
  }

  /**
   * The chunk list, once complete. The chunk root came from whoever announced the content; only the
   * hash over all bytes shows that it belongs to the SHA-256 that was asked for.
   * @throws AppError HASH_MISMATCH
   */
  finish(): Buffer {
    const { content, name } = this.#options
    assert(this.isComplete && this.#chunkList !== undefined)
    if (this.#isSingleChunk || this.#digest.finish() === content.sha256) return this.#chunkList
    const source = [...this.#contributors].join(', ')
    throw new AppError('HASH_MISMATCH', { source, what: `'${name}' as a whole` })
  }

  get #isSingleChunk(): boolean {
    return this.#taken.chunkCount === 1
  }

  async #chunkListFrom(source: ChunkSource): Promise<Buffer> {
    const chunkList = await source.chunkList()
    if (chunkRootOf(chunkList) === this.#options.content.chunkRoot) return chunkList
    throw this.#mismatch(source, 'the chunk list')
  }

  /** Takes one chunk after another through one buffer. */
  async #runLane(
    source: ChunkSource,
    buffer: Buffer<ArrayBuffer>,
    chunkList: Buffer,
  ): Promise<void> {
    const { content, file, onProgress } = this.#options
    for (let chunk = nextChunk(this.#taken); chunk !== undefined; chunk = nextChunk(this.#taken)) {
      const bytes = buffer.subarray(0, chunkRange(content.size, chunk).bytes)
      this.#taken.add(chunk)
      try {
        await this.#takeChunk(source, chunk, bytes, chunkList)
      } catch (error) {
        this.#taken.delete(chunk)
        throw error
      }
      onProgress(file.verifiedBytes)
      if (!this.#isSingleChunk) await this.#digest.add(chunk, bytes, buffer)
    }
  }

  async #takeChunk(
    source: ChunkSource,
    chunk: number,
    bytes: Buffer<ArrayBuffer>,
    chunkList: Buffer,
  ): Promise<void> {
    await source.read(chunk, bytes)
    if (!(await sha256(bytes)).equals(chunkHashAt(chunkList, chunk)))
      throw this.#mismatch(source, `chunk ${chunk}`)
    await this.#options.file.write(chunk, bytes)
    this.#contributors.add(source.label)
  }

  #mismatch(source: ChunkSource, part: string): AppError {
    const what = `${part} of '${this.#options.name}'`
    return new AppError('HASH_MISMATCH', { source: source.label, what })
  }
}
