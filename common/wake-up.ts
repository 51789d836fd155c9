import type { Clock } from './clock.ts'

/**
 * Wakes callers that wait for a change. A finished wait leaves nothing behind, not even a listener
 * on its signal.
 */
export class WakeUp {
  readonly #sleepers = new Set<() => void>()

  /** Reports a change: wakes all current waiters. */
  notify(): void {
    for (const wake of this.#sleepers) wake()
  }

  /** Resolves at the next `notify`, when `signal` is aborted or, with a timer, after its delay. */
  async next(signal?: AbortSignal, timer?: { clock: Clock; delayMs: number }): Promise<void> {
    if (signal?.aborted === true) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const wake = (): void => resolve()
    this.#sleepers.add(wake)
    signal?.addEventListener('abort', wake)
    const cancelTimer = timer?.clock.after(timer.delayMs, wake)
    await promise
    cancelTimer?.()
    signal?.removeEventListener('abort', wake)
    this.#sleepers.delete(wake)
  }

  /**
   * The result of `check` as soon as it is not undefined; it is called now and at each `notify`.
   * @throws errors of `check`, or the signal's reason
   */
  async until<T>(check: () => T | undefined, signal: AbortSignal): Promise<T> {
    for (;;) {
      signal.throwIfAborted()
      const found = check()
      if (found !== undefined) return found
      await this.next(signal)
    }
  }
}
