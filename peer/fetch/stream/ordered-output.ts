import { createHash, type Hash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ChunkSet } from '../../../common/content/chunk-set.ts'
import { type ByteRange, chunkBytesFor, chunkCountFor } from '../../../common/content/chunks.ts'
import { sha256 } from '../../../common/content/hash.ts'
import { AppError } from '../../../common/errors.ts'
import { limits } from '../../../common/limits.ts'
import type { Content } from '../../../common/protocol/messages.ts'
import { WakeUp } from '../../../common/wake-up.ts'
import type { ChunkStore, PutChunk } from '../chunk-store.ts'
import { chunksAtOnceFor } from '../transfer/chunk-plan.ts'

/** Takes bytes, which are valid until it resolves; it does when the reader has room for more. */
export type WriteBytes = (bytes: Uint8Array) => Promise<void>

/**
 * A content that is read in order while it is fetched. Verified chunks that arrive early are held, at
 * most as many as one fetch requests simultaneously; further ones are not requested until the reader
 * has taken those, so that memory depends neither on the content's size nor on the reader's speed.
 */
export class OrderedOutput implements ChunkStore {
  readonly verified: ChunkSet
  readonly chunkList: Buffer | undefined
  readonly #content: Content
  readonly #name: string
  readonly #range: ByteRange
  readonly #held = new Map<number, { bytes: Buffer; release: () => void }>()
  /** The next chunk to pass on, and the one after the last. */
  #next: number
  readonly #end: number
  readonly #arrivals = new WakeUp()
  #onWanted = (): void => {}

  /**
   * @param request.range which bytes to pass on; chunks without any of them are not requested
   * @param request.chunkList if it is known already
   */
  constructor(request: {
    content: Content
    name: string
    range?: ByteRange | undefined
    chunkList?: Buffer | undefined
  }) {
    const { content, name, range = { start: 0, bytes: content.size } } = request
    this.chunkList = request.chunkList
    this.#content = content
    this.#name = name
    this.#range = range
    const chunkBytes = chunkBytesFor(content.size)
    this.#next = Math.floor(range.start / chunkBytes)
    this.#end = Math.max(this.#next + 1, Math.ceil((range.start + range.bytes) / chunkBytes))
    this.verified = new ChunkSet(chunkCountFor(content.size))
    for (let chunk = 0; chunk < this.verified.chunkCount; chunk += 1)
      if (chunk < this.#next || chunk >= this.#end) this.verified.add(chunk)
  }

  get #isWhole(): boolean {
    return this.#range.bytes === this.#content.size
  }

  get wantedEnd(): number {
    return this.#next + chunksAtOnceFor(this.#content.size)
  }

  onWanted(listener: () => void): void {
    this.#onWanted = listener
  }

  async begin(): Promise<void> {}

  async put(chunk: number, bytes: Buffer, hash: Uint8Array): Promise<PutChunk> {
    const isGood = (await sha256(bytes)).equals(hash)
    if (!isGood || this.verified.has(chunk)) return { isGood }
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    this.#held.set(chunk, { bytes, release })
    this.verified.add(chunk)
    this.#arrivals.notify()
    return { isGood, released }
  }

  /**
   * Passes the bytes on in order as they arrive. Of a whole content, the last chunk is withheld until all
   * has its SHA-256, so that a wrong content never ends like a complete one.
   * @throws AppError HASH_MISMATCH; what `write` throws; or the signal's reason
   */
  async passTo(write: WriteBytes, signal: AbortSignal): Promise<void> {
    const aborted = Promise.withResolvers<never>()
    aborted.promise.catch(() => {})
    signal.addEventListener('abort', () => aborted.reject(signal.reason), { once: true })
    const hash = createHash('sha256')
    while (this.#next < this.#end) {
      const held = await this.#arrivals.until(() => this.#held.get(this.#next), signal)
      if (this.#isWhole) await updateInSteps(hash, held.bytes)
      const isLast = this.#isWhole && this.#next === this.#end - 1
      if (isLast && hash.digest('hex') !== this.#content.sha256)
        throw new AppError('HASH_MISMATCH', {
          source: 'The peers that announced it',
          what: `'${this.#name}' as a whole`,
        })
      await Promise.race([write(this.#wanted(held.bytes)), aborted.promise])
      this.#onPassed(held.release)
    }
  }

  /** The part of the next chunk that is in the range. */
  #wanted(bytes: Buffer): Buffer {
    const chunkStart = this.#next * chunkBytesFor(this.#content.size)
    const { start, bytes: count } = this.#range
    return bytes.subarray(Math.max(0, start - chunkStart), start + count - chunkStart)
  }

  #onPassed(release: () => void): void {
    this.#held.delete(this.#next)
    release()
    this.#next += 1
    this.#onWanted()
  }
}

/** Hashes one chunk; a large one in steps, to yield to the event loop. */
async function updateInSteps(hash: Hash, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; done += limits.chunkBytesMin) {
    if (done > 0) await nextTurn()
    hash.update(bytes.subarray(done, done + limits.chunkBytesMin))
  }
}
