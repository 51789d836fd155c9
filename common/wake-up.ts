import type { Clock } from './clock.ts'

/** Wakes those who wait for something to change. A wait that is over leaves nothing behind, also not at its signal. */
export class WakeUp {
  readonly #sleepers = new Set<() => void>()

  /** Something has changed: wakes all who wait now. */
  notify(): void {
    for (const wake of this.#sleepers) wake()
  }

  /** Resolves at the next `notify`, when `signal` is aborted or, with a timer, after its delay. */
  async next(signal: AbortSignal, timer?: { clock: Clock; delayMs: number }): Promise<void> {
    if (signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const wake = (): void => resolve()
    this.#sleepers.add(wake)
    signal.addEventListener('abort', wake)
    const cancelTimer = timer?.clock.after(timer.delayMs, wake)
    await promise
    cancelTimer?.()
    signal.removeEventListener('abort', wake)
    this.#sleepers.delete(wake)
  }

  /**
   * What `check` returns as soon as that is not undefined; it is called now and at each `notify`.
   * @throws what `check` throws, or the signal's reason
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
