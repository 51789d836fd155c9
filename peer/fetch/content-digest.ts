import assert from 'node:assert/strict'
import { chunkRange } from '../../common/content/chunks.ts'
import { diskError } from '../../common/disk-error.ts'
import { limits } from '../../common/limits.ts'
import type { ChunkWorker, ChunkWorkers } from './chunk-threads.ts'
import type { PartialFile } from './partial-file.ts'

type DigestedFile = Pick<PartialFile, 'path' | 'size' | 'verified'>

/**
 * The SHA-256 of a content whose chunks come in any order: it follows the file from the front, as far
 * as chunks are verified, and reads them back from the page cache. Disposing gives it up.
 */
export class ContentDigest implements Disposable {
  readonly #file: DigestedFile
  readonly #workers: ChunkWorkers
  /** Has the hash; there once something was hashed. */
  #worker: ChunkWorker | undefined
  #next = 0
  #advancing: Promise<void> | undefined
  #isFinishing = false
  #failure: unknown

  constructor(file: DigestedFile, workers: ChunkWorkers) {
    this.#file = file
    this.#workers = workers
  }

  /** Told that a chunk was verified and written. */
  advance(): void {
    this.#advancing ??= this.#advance()
  }

  /**
   * The hash in hex, once all chunks are verified.
   * @throws AppError DISK_FAILED; or the signal's reason
   */
  async finish(signal: AbortSignal): Promise<string> {
    assert(this.#file.verified.isFull)
    const { path } = this.#file
    this.#isFinishing = true
    await this.#advancing
    try {
      if (this.#failure !== undefined) throw this.#failure as Error
      while (await this.#hashOn()) signal.throwIfAborted()
      assert(this.#worker !== undefined && this.#next === this.#file.verified.chunkCount)
      const worker = this.#worker
      this.#worker = undefined
      return await worker.endHash(path)
    } catch (error) {
      signal.throwIfAborted()
      throw diskError({ action: 'read from', path, neededBytes: 0 }, error)
    }
  }

  [Symbol.dispose](): void {
    this.#isFinishing = true
    this.#worker?.endHash(this.#file.path).catch(() => {})
    this.#worker = undefined
  }

  /** Never rejects. */
  async #advance(): Promise<void> {
    try {
      while (!this.#isFinishing && (await this.#hashOn()));
    } catch (error) {
      this.#failure ??= error
    } finally {
      this.#advancing = undefined
    }
  }

  /** Hashes what comes next, if it is there: not too much of it at once, for others need the thread too. */
  async #hashOn(): Promise<boolean> {
    const { path, size, verified } = this.#file
    const isThere = (chunk: number): boolean => chunk < verified.chunkCount && verified.has(chunk)
    if (!isThere(this.#next)) return false
    let count = 1
    const { bytes: chunkBytes } = chunkRange(size, this.#next)
    while (isThere(this.#next + count) && (count + 1) * chunkBytes <= limits.digestStepBytes)
      count += 1
    const { start, bytes } = chunkRange(size, this.#next, count)
    this.#worker ??= this.#workers.leastBusy()
    await this.#worker.hashOn({ path, start, bytes })
    this.#next += count
    return true
  }
}
