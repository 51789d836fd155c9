import { createHash } from 'node:crypto'
import {
  chunkCountFor,
  chunkHashAt,
  chunkRange,
  chunkRootOf,
  hashBytes,
} from '../../common/content/chunks.ts'
import { AppError } from '../../common/errors.ts'
import type { BulkSink } from '../../common/protocol/bulk.ts'
import type { Content } from '../../common/protocol/messages.ts'

/** Compares the reply to `show-chunk` with the chunk root, holding no more than the chunk list. */
export class ChunkCheck implements BulkSink {
  readonly #content: Pick<Content, 'size' | 'chunkRoot'>
  readonly #chunk: number
  readonly #list: Buffer
  readonly #hash = createHash('sha256')
  #received = 0
  #isRefused = false

  constructor(content: Pick<Content, 'size' | 'chunkRoot'>, chunk: number) {
    this.#content = content
    this.#chunk = chunk
    this.#list = Buffer.alloc(chunkCountFor(content.size) * hashBytes)
  }

  get bytes(): number {
    return this.#list.length + chunkRange(this.#content.size, this.#chunk).bytes
  }

  /** Whether another number of bytes was offered. */
  get isRefused(): boolean {
    return this.#isRefused
  }

  /** Whether what was received is the chunk list and the chunk. */
  isTrue(): boolean {
    if (this.#received !== this.bytes) return false
    if (chunkRootOf(this.#list) !== this.#content.chunkRoot) return false
    return this.#hash.digest().equals(chunkHashAt(this.#list, this.#chunk))
  }

  begin(bytes: number): void {
    this.#isRefused = bytes !== this.bytes
    if (this.#isRefused)
      throw new AppError('TOO_LARGE', { what: 'A shown chunk', max: this.bytes, unit: 'bytes' })
  }

  write(piece: Uint8Array): void {
    const ofList = piece.subarray(0, Math.max(0, this.#list.length - this.#received))
    this.#list.set(ofList, Math.min(this.#received, this.#list.length - ofList.length))
    this.#hash.update(piece.subarray(ofList.length))
    this.#received += piece.length
  }
}
