import assert from 'node:assert/strict'
import { createHash, type Hash, subtle } from 'node:crypto'
import { limits } from '../limits.ts'
import type { Content } from '../protocol/messages.ts'
import { chunkRootOf } from './chunks.ts'

export interface HashedContent {
  readonly content: Content
  /** The SHA-256 of each chunk, in order. */
  readonly chunkList: Buffer
}

/** Bytes per unit. A chunk is one unit, or several in contents over 16 GiB. */
export const unitBytes = limits.chunkBytesMin
/** Concurrent digests: the threads of Node's pool. */
const digestsMax = 4

/**
 * Hashes a content that arrives in units, all full except the last. The content's own hash needs
 * the bytes in order and runs on this thread; the chunks' hashes run in the thread pool meanwhile,
 * on copies made by `subtle.digest`.
 */
export class UnitHasher {
  readonly #chunkBytes: number
  readonly #content = createHash('sha256')
  readonly #chunkHashes: Buffer[] = []
  /** Running digests; slot i is used by every i-th digest. */
  readonly #digests: Promise<void>[] = []
  /** The hash of the current chunk, if chunks have several units. */
  #chunk: Hash | undefined
  #units = 0
  #size = 0

  constructor(chunkBytes: number) {
    assert(chunkBytes % unitBytes === 0)
    this.#chunkBytes = chunkBytes
  }

  /**
   * Takes the next unit, which may be reused once it resolves: as soon as another unit may follow.
   */
  async put(unit: Uint8Array<ArrayBuffer>): Promise<void> {
    assert(this.#size % unitBytes === 0 && unit.byteLength > 0 && unit.byteLength <= unitBytes)
    const place = this.#units % digestsMax
    this.#content.update(unit)
    this.#size += unit.byteLength
    if (this.#chunkBytes === unitBytes) this.#digests[place] = this.#digest(this.#units, unit)
    else this.#update(unit)
    this.#units += 1
    await this.#digests[this.#units % digestsMax]
  }

  async #digest(chunk: number, unit: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#chunkHashes[chunk] = Buffer.from(await subtle.digest('SHA-256', unit))
  }

  #update(unit: Uint8Array): void {
    this.#chunk ??= createHash('sha256')
    this.#chunk.update(unit)
    if (this.#size % this.#chunkBytes === 0) this.#endChunk()
  }

  #endChunk(): void {
    if (this.#chunk !== undefined) this.#chunkHashes.push(this.#chunk.digest())
    this.#chunk = undefined
  }

  /** The hashes of all units; none may follow. */
  async finish(): Promise<HashedContent> {
    await Promise.all(this.#digests)
    this.#endChunk()
    const digest = this.#content.digest()
    const chunkList = this.#units === 0 ? digest : Buffer.concat(this.#chunkHashes)
    const content = {
      sha256: digest.toString('hex'),
      size: this.#size,
      chunkRoot: chunkRootOf(chunkList),
    }
    return { content, chunkList }
  }
}
