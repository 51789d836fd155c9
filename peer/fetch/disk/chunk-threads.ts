import { Thread } from '../../../common/thread/thread.ts'
import type { ChunkWork } from './chunk-work.js'

/**
 * Threads that verify and write chunks, for all fetches: one of them does 1 GB/s, and users need
 * the other cores.
 */
export const chunkThreadsMax = 2

/** Does {@link ChunkWork}, one job after the other. Rejects with the error of the disk. */
export type ChunkWorker = {
  readonly [Part in keyof ChunkWork]: (
    given: Parameters<ChunkWork[Part]>[0],
  ) => Promise<ReturnType<ChunkWork[Part]>>
}

/** The workers. */
export interface ChunkWorkers {
  /** The worker with the fewest jobs waiting. */
  leastBusy(): ChunkWorker
}

export interface ThreadRequest {
  readonly part: keyof ChunkWork
  readonly given: Parameters<ChunkWork[keyof ChunkWork]>[0]
}

/**
 * A few threads for the work of all fetches, so that the thread of the event loop can read sockets
 * meanwhile. They start when they are needed. Disposing ends them: all jobs must be done by then.
 */
export class ChunkThreads implements ChunkWorkers, AsyncDisposable {
  readonly #threads = new Set<ChunkThread>()

  leastBusy(): ChunkWorker {
    const [first] = [...this.#threads].toSorted((a, b) => a.waiting - b.waiting)
    if (first !== undefined && (first.waiting === 0 || this.#threads.size >= chunkThreadsMax))
      return first
    const thread = new ChunkThread(() => this.#threads.delete(thread))
    this.#threads.add(thread)
    return thread
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#threads].map((thread) => thread[Symbol.asyncDispose]()))
  }
}

/** One thread, seen from outside. After it has ended, the next call of a fetch that hashed with it rejects. */
class ChunkThread implements ChunkWorker, AsyncDisposable {
  readonly #thread: Thread<ThreadRequest, never>

  constructor(onEnded: () => void) {
    this.#thread = new Thread({
      script: new URL('./chunk-thread.js', import.meta.url),
      // The chunks are not on its heap.
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
