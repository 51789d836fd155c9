import assert from 'node:assert/strict'
import { chunkRange } from '../../common/content/chunks.ts'
import { diskError } from '../../common/disk-error.ts'
import { limits } from '../../common/limits.ts'
import type { ChunkWorker, ChunkWorkers } from './chunk-threads.ts'
import type { PartialFile } from './partial-file.ts'
import { chunksAtOnceFor } from './plan.ts'

type DigestedFile = Pick<PartialFile, 'path' | 'size' | 'verified'>

/** A verified chunk in memory. */
export interface ChunkInMemory {
  readonly chunk: number
  /** Begins with the chunk. */
  readonly memory: ArrayBuffer
  /** Takes this memory, or other of the same length, back. */
  readonly giveBack: (memory: ArrayBuffer) => void
}

/**
 * The SHA-256 of a content whose chunks come in any order. Chunks that come nearly in order are hashed
 * from memory; those that came much too early are read back from the file. Disposing gives it up.
 */
export class ContentDigest implements Disposable {
  readonly #file: DigestedFile
  readonly #workers: ChunkWorkers
  /** Has the hash; there once something was hashed. */
  #worker: ChunkWorker | undefined
  #next = 0
  /** Chunks whose turn comes soon. */
  readonly #held = new Map<number, ChunkInMemory>()
  #advancing: Promise<void> | undefined
  #isFinishing = false
  #failure: unknown

  constructor(file: DigestedFile, workers: ChunkWorkers) {
    this.#file = file
    this.#workers = workers
  }

  /** Told that a chunk was verified and written, whose memory it holds until it has hashed it, if that will be soon. */
  onVerified(verified: ChunkInMemory): void {
    const { chunk, memory, giveBack } = verified
    if (this.#isSoon(chunk) && !this.#held.has(chunk)) this.#held.set(chunk, verified)
    else giveBack(memory)
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
    this.#letGo()
    this.#worker?.endHash(this.#file.path).catch(() => {})
    this.#worker = undefined
  }

  /**
   * Whether the hash will come to a chunk before its memory is missed: all before it are here, or enough
   * memory stays free for those that are not.
   */
  #isSoon(chunk: number): boolean {
    if (this.#isFinishing || this.#failure !== undefined) return false
    const { verified, size } = this.#file
    const heldMax = chunksAtOnceFor(size)
    const isNextInLine = (verified.firstMissing(this.#next) ?? verified.chunkCount) > chunk
    const distance = chunk - this.#next
    return distance >= 0 && distance < (isNextInLine ? heldMax : (heldMax * 7) / 8)
  }

  #letGo(): void {
    for (const { memory, giveBack } of this.#held.values()) giveBack(memory)
    this.#held.clear()
  }

  /** Never rejects. */
  async #advance(): Promise<void> {
    try {
      while (!this.#isFinishing && (await this.#hashOn()));
    } catch (error) {
      this.#failure ??= error
      this.#letGo()
    } finally {
      this.#advancing = undefined
    }
  }

  /** Hashes what comes next, if it is there. */
  async #hashOn(): Promise<boolean> {
    const { verified } = this.#file
    if (this.#next === verified.chunkCount || !verified.has(this.#next)) return false
    this.#worker ??= this.#workers.leastBusy()
    const held = this.#held.get(this.#next)
    this.#next += await (held === undefined
      ? this.#hashFromFile(this.#worker)
      : this.#hashFromMemory(this.#worker, held))
    return true
  }

  async #hashFromMemory(worker: ChunkWorker, held: ChunkInMemory): Promise<number> {
    const { path, size } = this.#file
    const { bytes } = chunkRange(size, held.chunk)
    this.#held.delete(held.chunk)
    const { memory } = await worker.hashPiece({ path, memory: held.memory, bytes })
    held.giveBack(memory)
    return 1
  }

  /** Hashes not too many chunks at once, for others need the thread too, and says how many. */
  async #hashFromFile(worker: ChunkWorker): Promise<number> {
    const { path, size, verified } = this.#file
    const { bytes: chunkBytes } = chunkRange(size, this.#next)
    const isLate = (chunk: number): boolean =>
      chunk < verified.chunkCount && verified.has(chunk) && !this.#held.has(chunk)
    let count = 1
    while (isLate(this.#next + count) && (count + 1) * chunkBytes <= limits.digestStepBytes)
      count += 1
    const { start, bytes } = chunkRange(size, this.#next, count)
    await worker.hashOn({ path, start, bytes })
    return count
  }
}
