import { Worker } from 'node:worker_threads'
import { limits } from '../../../common/limits.ts'
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
  readonly id: number
  readonly part: keyof ChunkWork
  readonly given: Parameters<ChunkWork[keyof ChunkWork]>[0]
}

export interface ThreadAnswer {
  readonly id: number
  readonly result?: ReturnType<ChunkWork[keyof ChunkWork]>
  readonly failure?: { readonly code: string | undefined; readonly message: string }
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

/** One thread, seen from outside. It keeps the process running only while it has something to do. */
class ChunkThread implements ChunkWorker, AsyncDisposable {
  readonly #worker = new Worker(new URL('./chunk-thread.js', import.meta.url), {
    // What it works on is not on its heap.
    resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16 },
  })
  readonly #asked = new Map<number, PromiseWithResolvers<never>>()
  #lastId = 0
  /** Why it answers nothing any more: who was hashing with it finds out when it goes on. */
  #failure: Error | undefined

  constructor(onEnded: () => void) {
    const end = (error: Error): void => {
      onEnded()
      this.#failAll(error)
    }
    this.#worker.unref()
    this.#worker.on('message', (answer: ThreadAnswer) => this.#onAnswer(answer))
    this.#worker.on('error', (error) => end(error as Error))
    this.#worker.on('exit', () => end(new Error('the thread ended')))
  }

  /** Requests without an answer. */
  get waiting(): number {
    return this.#asked.size
  }

  readonly check: ChunkWorker['check'] = (given) => this.#ask('check', given)
  readonly hashPieces: ChunkWorker['hashPieces'] = (given) => this.#ask('hashPieces', given)
  readonly hashOn: ChunkWorker['hashOn'] = (given) => this.#ask('hashOn', given)
  readonly endHash: ChunkWorker['endHash'] = (given) => this.#ask('endHash', given)

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate()
  }

  async #ask(part: ThreadRequest['part'], given: ThreadRequest['given']): Promise<never> {
    if (this.#failure !== undefined) throw this.#failure
    const asked = Promise.withResolvers<never>()
    this.#lastId += 1
    this.#asked.set(this.#lastId, asked)
    this.#worker.ref()
    this.#worker.postMessage({ id: this.#lastId, part, given } satisfies ThreadRequest)
    return await asked.promise
  }

  #onAnswer({ id, result, failure }: ThreadAnswer): void {
    const asked = this.#asked.get(id)
    this.#asked.delete(id)
    if (this.#asked.size === 0) this.#worker.unref()
    if (failure === undefined) asked?.resolve(result as never)
    else asked?.reject(Object.assign(new Error(failure.message), { code: failure.code }))
  }

  #failAll(error: Error): void {
    this.#failure ??= error
    for (const asked of this.#asked.values()) asked.reject(error)
    this.#asked.clear()
  }
}
