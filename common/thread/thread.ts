import { type ResourceLimits, Worker } from 'node:worker_threads'

/** A script's answer to one call: the reply and the buffers to transfer with it. */
export interface ThreadAnswer<Reply> {
  readonly reply: Reply
  readonly transfer?: ArrayBuffer[]
}

/** Posted by `answerCalls` for each call, in the order of the calls. */
type Answer<Reply> =
  | { readonly reply: Reply }
  | { readonly failure: { readonly code: string | undefined; readonly message: string } }

interface ThreadOptions {
  readonly script: URL
  readonly resourceLimits?: ResourceLimits
  /** Called once, when the thread answers no more calls. */
  readonly onEnded: () => void
}

/**
 * One run of a script in a thread. The script answers calls one at a time, by `answerCalls`. The thread
 * keeps the process running only while it has calls to answer. Disposing ends it: unanswered calls fail.
 */
export class Thread<Request, Reply> implements AsyncDisposable {
  readonly #worker: Worker
  readonly #onEnded: () => void
  readonly #calls: PromiseWithResolvers<Reply>[] = []
  /** Why it answers no more calls. */
  #failure: Error | undefined

  constructor({ script, onEnded, ...options }: ThreadOptions) {
    this.#onEnded = onEnded
    // Process flags are for the main thread.
    this.#worker = new Worker(script, { ...options, execArgv: [] })
    this.#worker.unref()
    this.#worker.on('message', (answer: Answer<Reply>) => this.#onAnswer(answer))
    this.#worker.on('error', (error) => this.#end(error as Error))
    this.#worker.on('exit', () => this.#end(new Error('the thread ended')))
  }

  /** Calls without an answer. */
  get waiting(): number {
    return this.#calls.length
  }

  /**
   * @param transfer buffers of the request to transfer to the thread
   * @throws Error of the script, or why the thread ended
   */
  async call(request: Request, transfer: ArrayBuffer[] = []): Promise<Reply> {
    if (this.#failure !== undefined) throw this.#failure
    // A request that cannot be sent throws here, without a pending call.
    this.#worker.postMessage(request, transfer)
    this.#worker.ref()
    const call = Promise.withResolvers<Reply>()
    this.#calls.push(call)
    return await call.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate()
  }

  #onAnswer(answer: Answer<Reply>): void {
    const call = this.#calls.shift()
    if (this.#calls.length === 0) this.#worker.unref()
    if ('reply' in answer) return call?.resolve(answer.reply)
    const { code, message } = answer.failure
    call?.reject(Object.assign(new Error(message), { code }))
  }

  #end(error: Error): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#onEnded()
    for (const { reject } of this.#calls.splice(0)) reject(error)
  }
}
