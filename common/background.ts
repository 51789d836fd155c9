import { reasonOf } from './errors.ts'
import type { Log } from './log.ts'

/**
 * Tracks work that has no awaiting caller: failures are logged, and disposing waits for all of it.
 * Work started here must end soon after the signal is aborted.
 */
export class BackgroundWork implements AsyncDisposable {
  readonly #log: Log
  readonly #stop = new AbortController()
  readonly #running = new Set<Promise<void>>()

  constructor(dependencies: { log: Log }) {
    this.#log = dependencies.log
  }

  /** Aborted when the owner is disposed. */
  get signal(): AbortSignal {
    return this.#stop.signal
  }

  /** Starts `work`, unless disposed. `what` names it in the log if it fails. */
  start(what: string, work: (signal: AbortSignal) => Promise<void>): void {
    if (this.#stop.signal.aborted) return
    const running = this.#run(what, work).finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  async #run(what: string, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    try {
      await work(this.#stop.signal)
    } catch (error) {
      if (this.#stop.signal.aborted) return
      this.#log.error({ what, error, reason: reasonOf(error) }, 'background work failed')
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    while (this.#running.size > 0) await Promise.all(this.#running)
  }
}
