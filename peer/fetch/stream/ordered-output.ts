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
import { chunksAtOnceFor } from '../transfer/plan.ts'

/** Takes bytes, which are only valid until it resolves; it does when their reader has room for more. */
export type WriteBytes = (bytes: Uint8Array) => Promise<void>

/**
 * A content on its way to somebody who reads it while it comes. Verified chunks that came too early
 * are held, as many as one fetch has on its way; further ones are not wanted until the reader has
 * taken those, so that memory depends neither on the content's size nor on the reader's speed.
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
   * Passes the chunks on in order, as they come, until all are. The last one is held back until the
   * content as a whole has its SHA-256: a wrong one never ends as a complete one does.
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
          source: 'Whoever announced it',
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

/** Hashes one chunk; a large one in steps, so that nothing else waits for long. */
async function updateInSteps(hash: Hash, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; done += limits.chunkBytesMin) {
    if (done > 0) await nextTurn()
    hash.update(bytes.subarray(done, done + limits.chunkBytesMin))
  }
}
