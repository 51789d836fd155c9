import { Worker } from 'node:worker_threads'
import type { Cancel, Clock } from './clock.ts'
import { deadlines } from './limits.ts'

interface Call {
  readonly resolve: (reply: unknown) => void
  readonly reject: (error: Error) => void
}

/**
 * Calls what a script of its own answers with {@link answerCalls}, in a thread of its own, one call
 * after another. For work that consists of many short system calls: made synchronously there they take
 * a fraction of the time, and nobody here waits for the disk. The thread runs while it is used.
 */
export class ThreadCaller<Request, Reply> implements AsyncDisposable {
  readonly #script: URL
  readonly #clock: Clock
  readonly #calls: Call[] = []
  #worker: Worker | undefined
  #cancelIdleTimer: Cancel = () => {}
  /** How many need the thread to stay, because it remembers something between their calls. */
  #holds = 0
  #idle = Promise.withResolvers<void>()

  constructor(script: URL, dependencies: { clock: Clock }) {
    this.#script = script
    this.#clock = dependencies.clock
    this.#idle.resolve()
  }

  /**
   * @param transfer buffers of the request that the thread takes over
   * @throws Error what the script threw, or how the thread ended
   */
  async call(request: Request, transfer: ArrayBuffer[] = []): Promise<Reply> {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>()
    const worker = (this.#worker ??= this.#start())
    // What cannot be sent fails here, and nobody waits for an answer to it.
    worker.postMessage(request, transfer)
    worker.ref()
    this.#cancelIdleTimer()
    if (this.#calls.length === 0) this.#idle = Promise.withResolvers()
    this.#calls.push({ resolve: resolve as Call['resolve'], reject })
    return await promise
  }

  /** Keeps the thread running between calls until the result is disposed. */
  hold(): Disposable {
    this.#holds++
    this.#cancelIdleTimer()
    return {
      [Symbol.dispose]: () => {
        this.#holds--
        this.#endWhenIdle()
      },
    }
  }

  /** Waits for the calls that were made. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#idle.promise
    this.#cancelIdleTimer()
    await this.#worker?.terminate()
  }

  #start(): Worker {
    // Flags of the process are for its main thread.
    const worker = new Worker(this.#script, { execArgv: [] })
    worker.on('message', (reply: unknown) => this.#calls[0] && this.#onEnd(this.#calls[0], reply))
    worker.on('error', (error) => this.#onLost(worker, error as Error))
    worker.on('exit', () => this.#onLost(worker, new Error('the thread ended')))
    return worker
  }

  #onEnd(call: Call, reply: unknown): void {
    this.#calls.shift()
    call.resolve(reply)
    if (this.#calls.length > 0) return
    this.#idle.resolve()
    // Nobody waits for it: it does not keep the process alive.
    this.#worker?.unref()
    this.#endWhenIdle()
  }

  #endWhenIdle(): void {
    if (this.#holds > 0 || this.#calls.length > 0 || this.#worker === undefined) return
    this.#cancelIdleTimer()
    this.#cancelIdleTimer = this.#clock.after(deadlines.threadIdleMs, () => this.#end())
  }

  #end(): void {
    const worker = this.#worker
    this.#worker = undefined
    worker?.terminate().catch(() => {})
  }

  #onLost(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    for (const { reject } of this.#calls.splice(0)) reject(error)
    this.#idle.resolve()
  }
}
