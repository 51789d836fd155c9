import type { Cancel, Clock } from '../clock.ts'
import { Thread } from './thread.ts'

/** An idle thread ends: starting one takes 30 ms, keeping it 10 MiB. */
export const threadIdleMs = 10_000

/**
 * Calls a script in a thread that runs only while it is used: a call starts it, also after it
 * ended, and it is ended when idle. For work of many short system calls: synchronous calls take a
 * fraction of the time there, and the event loop does not wait for the disk.
 */
export class ThreadCaller<Request, Reply> implements AsyncDisposable {
  readonly #script: URL
  readonly #clock: Clock
  readonly #running = new Set<Promise<Reply>>()
  #thread: Thread<Request, Reply> | undefined
  #cancelIdleTimer: Cancel = () => {}
  /** Holders that need the thread to stay, because it keeps state between their calls. */
  #holds = 0

  constructor(script: URL, dependencies: { clock: Clock }) {
    this.#script = script
    this.#clock = dependencies.clock
  }

  /** See {@link Thread.call}. */
  async call(request: Request, transfer?: ArrayBuffer[]): Promise<Reply> {
    this.#thread ??= this.#start()
    const running = this.#thread.call(request, transfer)
    this.#cancelIdleTimer()
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
      this.#endWhenIdle()
    }
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

  /** Waits for pending calls. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#running)
    this.#cancelIdleTimer()
    await this.#thread?.[Symbol.asyncDispose]()
  }

  #start(): Thread<Request, Reply> {
    const thread: Thread<Request, Reply> = new Thread({
      script: this.#script,
      onEnded: () => {
        if (this.#thread === thread) this.#thread = undefined
      },
    })
    return thread
  }

  #endWhenIdle(): void {
    if (this.#holds > 0 || this.#running.size > 0 || this.#thread === undefined) return
    this.#cancelIdleTimer()
    this.#cancelIdleTimer = this.#clock.after(threadIdleMs, () => this.#end())
  }

  #end(): void {
    const thread = this.#thread
    this.#thread = undefined
    thread?.[Symbol.asyncDispose]().catch(() => {})
  }
}
