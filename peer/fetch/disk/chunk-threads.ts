import { limits } from '../../../common/limits.ts'
import { Thread } from '../../../common/thread/thread.ts'
import type { ChunkWork } from './chunk-work.js'

/** Somebody who does {@link ChunkWork} as soon as what he was asked before is done. Rejects with what the disk throws. */
export type ChunkWorker = {
  readonly [Part in keyof ChunkWork]: (
    given: Parameters<ChunkWork[Part]>[0],
  ) => Promise<ReturnType<ChunkWork[Part]>>
}

/** Those who do it. */
export interface ChunkWorkers {
  /** The one who will have time first. */
  leastBusy(): ChunkWorker
}

export interface ThreadRequest {
  readonly part: keyof ChunkWork
  readonly given: Parameters<ChunkWork[keyof ChunkWork]>[0]
}

/**
 * A few threads for the work of all fetches, so that the one of the event loop reads sockets meanwhile.
 * They start when they are needed. Disposing ends them: what they were asked must be done by then.
 */
export class ChunkThreads implements ChunkWorkers, AsyncDisposable {
  readonly #threads = new Set<ChunkThread>()

  leastBusy(): ChunkWorker {
    const [first] = [...this.#threads].toSorted((a, b) => a.waiting - b.waiting)
    if (
      first !== undefined &&
      (first.waiting === 0 || this.#threads.size >= limits.chunkThreadsMax)
    )
      return first
    const thread = new ChunkThread(() => this.#threads.delete(thread))
    this.#threads.add(thread)
    return thread
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#threads].map((thread) => thread[Symbol.asyncDispose]()))
  }
}

/** One thread, seen from outside. When it has ended, those who were hashing with it learn so from their next call. */
class ChunkThread implements ChunkWorker, AsyncDisposable {
  readonly #thread: Thread<ThreadRequest, never>

  constructor(onEnded: () => void) {
    this.#thread = new Thread({
      script: new URL('./chunk-thread.js', import.meta.url),
      // What it works on is not on its heap.
      resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16 },
      onEnded,
    })
  }

  /** Requests without an answer. */
  get waiting(): number {
    return this.#thread.waiting
  }

  readonly check: ChunkWorker['check'] = (given) => this.#thread.call({ part: 'check', given })
  readonly hashPieces: ChunkWorker['hashPieces'] = (given) =>
    this.#thread.call({ part: 'hashPieces', given })
  readonly hashOn: ChunkWorker['hashOn'] = (given) => this.#thread.call({ part: 'hashOn', given })
  readonly endHash: ChunkWorker['endHash'] = (given) =>
    this.#thread.call({ part: 'endHash', given })

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]()
  }
}
