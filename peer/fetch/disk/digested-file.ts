import assert from 'node:assert/strict'
import type { ChunkSet } from '../../../common/content/chunk-set.ts'
import { chunkRange } from '../../../common/content/chunks.ts'
import { diskError } from '../../../common/disk-error.ts'
import type { CopyingStore, PutChunk, ReadFrom } from '../chunk-store.ts'
import { chunksAtOnceFor } from '../transfer/chunk-plan.ts'
import type { ChunkWorker, ChunkWorkers } from './chunk-threads.ts'
import type { PartialFile } from './partial-file.ts'

/**
 * Bytes hashed per step of the hash over a whole content, so that others can use the thread: 2 ms.
 */
const digestStepBytes = 4 * 1024 * 1024

type DigestibleFile = CopyingStore & Pick<PartialFile, 'path' | 'size'>

/** A verified chunk whose memory must not change before it is released. */
interface HeldChunk {
  readonly bytes: Buffer
  readonly release: () => void
}

/**
 * A file and the SHA-256 of its whole content, whose chunks arrive in any order. Those that arrive
 * almost in order are hashed from memory; those that arrive far too early are read back. Disposing
 * abandons the hash, not the file.
 */
export class DigestedFile implements CopyingStore, Disposable {
  readonly #file: DigestibleFile
  readonly #workers: ChunkWorkers
  /** Holds the hash; defined once a chunk was hashed. */
  #worker: ChunkWorker | undefined
  #next = 0
  /** Chunks that will be hashed soon. */
  readonly #held = new Map<number, HeldChunk>()
  /** Chunks that are being checked and written. */
  readonly #putting = new Set<number>()
  #advancing: Promise<void> | undefined
  #isFinishing = false
  #failure: unknown

  constructor(file: DigestibleFile, workers: ChunkWorkers) {
    this.#file = file
    this.#workers = workers
  }

  get verified(): ChunkSet {
    return this.#file.verified
  }

  get chunkList(): Buffer | undefined {
    return this.#file.chunkList
  }

  /** See {@link PartialFile.begin}. */
  async begin(chunkList: Buffer): Promise<void> {
    await this.#file.begin(chunkList)
  }

  /** See {@link PartialFile.put}. */
  async put(chunk: number, bytes: Buffer, hash: Uint8Array, from?: ReadFrom): Promise<PutChunk> {
    const { isGood } = await this.#putInFile(chunk, bytes, hash, from)
    if (!isGood) return { isGood }
    const released = this.#isSoon(chunk) ? this.#hold(chunk, bytes) : undefined
    this.#advancing ??= this.#advance()
    return { isGood, released }
  }

  /**
   * The hash in hex, once all chunks are verified.
   * @throws AppError DISK_FAILED; or the signal's reason
   */
  async finish(signal: AbortSignal): Promise<string> {
    assert(this.verified.isFull)
    const { path } = this.#file
    this.#isFinishing = true
    await this.#advancing
    try {
      if (this.#failure !== undefined) throw this.#failure as Error
      while (await this.#hashOn()) signal.throwIfAborted()
      assert(this.#worker !== undefined && this.#next === this.verified.chunkCount)
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
    this.#releaseAll()
    this.#worker?.endHash(this.#file.path).catch(() => {})
    this.#worker = undefined
  }

  async #putInFile(
    ...[chunk, bytes, hash, from]: Parameters<CopyingStore['put']>
  ): Promise<PutChunk> {
    this.#putting.add(chunk)
    try {
      return await this.#file.put(chunk, bytes, hash, from)
    } finally {
      this.#putting.delete(chunk)
    }
  }

  /**
   * Whether a chunk will be hashed before its memory is needed: all chunks before it are present, or
   * enough memory stays free for the missing ones.
   */
  #isSoon(chunk: number): boolean {
    if (this.#isFinishing || this.#failure !== undefined || this.#held.has(chunk)) return false
    const distance = chunk - this.#next
    const atOnceMax = chunksAtOnceFor(this.#file.size)
    return distance >= 0 && distance < (this.#isNextToArrive(chunk) ? atOnceMax : atOnceMax / 2)
  }

  #isNextToArrive(chunk: number): boolean {
    let missing = this.verified.firstMissing(this.#next)
    while (missing !== undefined && missing < chunk && this.#putting.has(missing))
      missing = this.verified.firstMissing(missing + 1)
    return missing === undefined || missing > chunk
  }

  #hold(chunk: number, bytes: Buffer): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#held.set(chunk, { bytes, release: resolve })
    return promise
  }

  #releaseAll(): void {
    for (const { release } of this.#held.values()) release()
    this.#held.clear()
  }

  /** Never rejects. */
  async #advance(): Promise<void> {
    try {
      while (!this.#isFinishing && (await this.#hashOn()));
    } catch (error) {
      this.#failure ??= error
      this.#releaseAll()
    } finally {
      this.#advancing = undefined
    }
  }

  /** Hashes the next chunks. @returns false if the next one is missing */
  async #hashOn(): Promise<boolean> {
    if (this.#next === this.verified.chunkCount || !this.verified.has(this.#next)) return false
    this.#worker ??= this.#workers.leastBusy()
    await (this.#held.has(this.#next)
      ? this.#hashFromMemory(this.#worker)
      : this.#hashFromFile(this.#worker))
    return true
  }

  /**
   * Hashes all consecutive chunks in memory, so that the thread does not wait for the event loop after
   * each.
   */
  async #hashFromMemory(worker: ChunkWorker): Promise<void> {
    const chunks: HeldChunk[] = []
    let bytes = 0
    for (let chunk = this.#next; bytes < digestStepBytes; chunk += 1) {
      const held = this.#held.get(chunk)
      if (held === undefined) break
      chunks.push(held)
      bytes += held.bytes.length
    }
    await worker.hashPieces({ path: this.#file.path, pieces: chunks.map((held) => held.bytes) })
    for (const { release } of chunks) {
      this.#held.delete(this.#next)
      this.#next += 1
      release()
    }
  }

  /** Hashes a bounded number of chunks, because other fetches need the thread too. */
  async #hashFromFile(worker: ChunkWorker): Promise<void> {
    const { path, size } = this.#file
    const { bytes: chunkBytes } = chunkRange(size, this.#next)
    const isAway = (chunk: number): boolean =>
      chunk < this.verified.chunkCount && this.verified.has(chunk) && !this.#held.has(chunk)
    let count = 1
    while (isAway(this.#next + count) && (count + 1) * chunkBytes <= digestStepBytes) count += 1
    const { start, bytes } = chunkRange(size, this.#next, count)
    // Before it is done: otherwise a copy of these chunks from another source would be held for ever.
    this.#next += count
    await worker.hashOn({ path, start, bytes })
  }
}
