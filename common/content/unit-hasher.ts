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

/** Bytes that come at a time. A chunk is one unit, or several in contents over 16 GiB. */
export const unitBytes = limits.chunkBytesMin
/** Digests under way at once: the threads of Node's pool. */
const digestsMax = 4

/**
 * Hashes a content that comes in units, all full but the last. The content's own hash needs the
 * bytes in order and runs on this thread; the chunks' hashes run in the thread pool meanwhile, on
 * copies that `subtle.digest` makes.
 */
export class UnitHasher {
  readonly #chunkBytes: number
  readonly #content = createHash('sha256')
  readonly #chunkHashes: Buffer[] = []
  /** The digests under way; place i is taken by every i-th of them in turn. */
  readonly #digests: Promise<void>[] = []
  /** The hash of the chunk that is under way, when chunks have several units. */
  #chunk: Hash | undefined
  #units = 0
  #size = 0

  constructor(chunkBytes: number) {
    assert(chunkBytes % unitBytes === 0)
    this.#chunkBytes = chunkBytes
  }

  /** Takes the next unit, which is free again when this resolves: as soon as one more may come. */
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

  /** What was put; nothing can be put after it. */
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
