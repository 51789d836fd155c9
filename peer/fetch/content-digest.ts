import assert from 'node:assert/strict'
import { createHash, type Hash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { limits } from '../../common/limits.ts'
import type { PartialFile } from './partial-file.ts'

/**
 * The SHA-256 of a content whose chunks come in any order. A chunk that is the next one is taken
 * from memory; one that came too early is read back, from the page cache, when its turn comes.
 */
export class ContentDigest {
  readonly #file: Pick<PartialFile, 'verified' | 'read'>
  readonly #hash = createHash('sha256')
  #next = 0
  #isAdvancing = false

  constructor(file: Pick<PartialFile, 'verified' | 'read'>) {
    this.#file = file
  }

  /**
   * Told of each chunk, with its bytes in `buffer`, once it is verified and written. `buffer` is
   * overwritten with later chunks where those are waiting.
   * @throws AppError DISK_FAILED
   */
  async add(chunk: number, bytes: Uint8Array, buffer: Buffer<ArrayBuffer>): Promise<void> {
    if (this.#isAdvancing || chunk !== this.#next) return
    this.#isAdvancing = true
    try {
      await this.#update(bytes)
      await this.#readOn(buffer)
    } finally {
      this.#isAdvancing = false
    }
  }

  /**
   * The hash in hex, once all chunks are verified. What was there before, or came too early, is read.
   * @throws AppError DISK_FAILED; or the signal's reason
   */
  async finish(buffer: Buffer<ArrayBuffer>, signal: AbortSignal): Promise<string> {
    assert(this.#file.verified.isFull && !this.#isAdvancing)
    await this.#readOn(buffer, signal)
    return this.#hash.digest('hex')
  }

  async #readOn(buffer: Buffer<ArrayBuffer>, signal?: AbortSignal): Promise<void> {
    const { verified } = this.#file
    while (this.#next < verified.chunkCount && verified.has(this.#next)) {
      signal?.throwIfAborted()
      await this.#update(await this.#file.read(this.#next, buffer))
    }
  }

  async #update(bytes: Uint8Array): Promise<void> {
    await updateInSteps(this.#hash, bytes)
    this.#next += 1
  }
}

/** Hashes one chunk; a large one in steps, so that nothing else waits for long. */
export async function updateInSteps(hash: Hash, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; done += limits.chunkBytesMin) {
    if (done > 0) await nextTurn()
    hash.update(bytes.subarray(done, done + limits.chunkBytesMin))
  }
}
