import assert from 'node:assert/strict'
import type { Clock } from '../../../common/clock.ts'
import {
  chunkCountFor,
  chunkHashAt,
  chunkRootOf,
  hashBytes,
} from '../../../common/content/chunks.ts'
import { sha256 } from '../../../common/content/hash.ts'
import { deadlines } from '../../../common/limits.ts'
import type { Content } from '../../../common/protocol/messages.ts'
import type { ChunkStore } from '../chunk-store.ts'
import type { ChunkSource } from '../source/chunk-source.ts'
import { isExcuse, mismatchOf } from './working-source.ts'

interface ChunkListOptions {
  readonly content: Content
  /** For errors. */
  readonly name: string
  readonly file: Pick<ChunkStore, 'begin' | 'chunkList'>
  /** Whether no source knows it: it is made of the chunks that arrive. */
  readonly learns: boolean
  /** Called when the file cannot begin: no source can help. */
  readonly onFailed: (error: Error) => void
}

/**
 * The chunk list of one transfer, from the first source that sends a good one; or of an unlisted content,
 * whose chunks prove nothing before the whole is complete.
 */
export class ChunkList {
  readonly #options: ChunkListOptions
  readonly #clock: Clock
  readonly #known = Promise.withResolvers<void>()
  #verified: Buffer | undefined
  /** Defined once a source sent a good list. */
  #beginning: Promise<void> | undefined

  constructor(options: ChunkListOptions, { clock }: { clock: Clock }) {
    const { content, file } = options
    this.#options = options
    this.#clock = clock
    // The hash of a single chunk is the content's: no source needs to be asked for the list.
    const isSingle = chunkCountFor(content.size) === 1
    this.#verified = isSingle ? Buffer.from(content.sha256, 'hex') : file.chunkList
    if (this.#verified !== undefined) this.#known.resolve()
  }

  /** Resolves when it is known. */
  get known(): Promise<void> {
    return this.#known.promise
  }

  /** Undefined until it is known. Of an unlisted content it lacks the chunks that have not arrived. */
  get verified(): Buffer | undefined {
    return this.#verified
  }

  /**
   * The verified list: from `source`, unless another is faster or was before.
   * @throws AppError SOURCE_FAILED, HASH_MISMATCH; or the reason of the source's signal
   */
  async from(source: ChunkSource): Promise<Buffer> {
    if (this.#verified === undefined) await Promise.race([this.#known.promise, this.#take(source)])
    assert(this.#verified !== undefined)
    return this.#verified
  }

  /** The hash that a chunk must have; of an unlisted content, the one that it has, which is noted. */
  async hashOf(chunk: number, bytes: Buffer): Promise<Uint8Array> {
    assert(this.#verified !== undefined)
    const hash = chunkHashAt(this.#verified, chunk)
    if (this.#options.learns) hash.set(await sha256(bytes))
    return hash
  }

  async #take(source: ChunkSource): Promise<void> {
    const list = await this.#listOf(source)
    if (list === undefined) return
    const { learns, content } = this.#options
    if (!learns && chunkRootOf(list) !== content.chunkRoot)
      throw mismatchOf(source, `the chunk list of '${this.#options.name}'`)
    this.#beginning ??= this.#begin(list)
    await this.#beginning
  }

  /** The list of a source that may still wait for it itself; undefined when another was faster. */
  async #listOf(source: ChunkSource): Promise<Buffer | undefined> {
    const { learns, content } = this.#options
    if (learns) return Buffer.alloc(chunkCountFor(content.size) * hashBytes)
    while (this.#verified === undefined)
      try {
        return await source.chunkList()
      } catch (error) {
        if (!isExcuse(error)) throw error
        const later = this.#clock.sleep(deadlines.partialSourceMs)
        await Promise.race([this.#known.promise, later])
      }
    return undefined
  }

  /** No chunk is read before the file is ready for it. */
  async #begin(list: Buffer): Promise<void> {
    const { file, onFailed } = this.#options
    try {
      await file.begin(list)
    } catch (error) {
      onFailed(error as Error)
    }
    this.#verified = list
    this.#known.resolve()
  }
}
