import { createHash, type Hash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ChunkSet } from '../../../common/content/chunk-set.ts'
import { chunkCountFor } from '../../../common/content/chunks.ts'
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
  readonly chunkList = undefined
  readonly #content: Content
  readonly #name: string
  readonly #held = new Map<number, { bytes: Buffer; release: () => void }>()
  #next = 0
  readonly #arrivals = new WakeUp()
  #onWanted = (): void => {}

  constructor({ content, name }: { content: Content; name: string }) {
    this.#content = content
    this.#name = name
    this.verified = new ChunkSet(chunkCountFor(content.size))
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
   * Passes the chunks on in order as they arrive, until the content is complete. The last one is
   * withheld until the whole content has its SHA-256, so that a wrong content never ends like a
   * complete one.
   * @throws AppError HASH_MISMATCH; what `write` throws; or the signal's reason
   */
  async passTo(write: WriteBytes, signal: AbortSignal): Promise<void> {
    const aborted = Promise.withResolvers<never>()
    aborted.promise.catch(() => {})
    signal.addEventListener('abort', () => aborted.reject(signal.reason), { once: true })
    const hash = createHash('sha256')
    const { chunkCount } = this.verified
    while (this.#next < chunkCount) {
      const held = await this.#arrivals.until(() => this.#held.get(this.#next), signal)
      await updateInSteps(hash, held.bytes)
      if (this.#next === chunkCount - 1 && hash.digest('hex') !== this.#content.sha256)
        throw new AppError('HASH_MISMATCH', {
          source: 'The peers that announced it',
          what: `'${this.#name}' as a whole`,
        })
      await Promise.race([write(held.bytes), aborted.promise])
      this.#onPassed(held.release)
    }
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
