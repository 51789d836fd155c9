/** Time is injected through constructors: only this file touches timers and dates. */

/** Cancels the pending call; later calls do nothing. */
export type Cancel = () => void

export interface Clock {
  /**
   * Wall time in milliseconds since 1970, with a fraction. It may jump; use it for display and
   * storage.
   */
  nowMs(): number
  /**
   * Milliseconds since a fixed moment, with a fraction, never decreasing. Use it for durations and
   * deadlines.
   */
  monotonicMs(): number
  /** Calls `callback` once after `delayMs`. A pending call does not keep the process alive. */
  after(delayMs: number, callback: () => void): Cancel
  /**
   * Resolves after `delayMs`.
   * @throws the signal's reason, as soon as it is aborted
   */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>
}

/** Implements `sleep` with `after`, for every {@link Clock}. */
export function sleepWith(
  after: Clock['after'],
  delayMs: number,
  signal?: AbortSignal,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  if (signal?.aborted) {
    reject(signal.reason as Error)
    return promise
  }
  const onAbort = (): void => {
    cancel()
    reject(signal?.reason as Error)
  }
  const cancel = after(delayMs, () => {
    signal?.removeEventListener('abort', onAbort)
    resolve()
  })
  signal?.addEventListener('abort', onAbort, { once: true })
  return promise
}

/** Longer delays overflow Node's timers and fire immediately. */
const delayMsMax = 2 ** 31 - 1

function after(delayMs: number, callback: () => void): Cancel {
  const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), delayMsMax))
  timer.unref()
  return () => clearTimeout(timer)
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after,
  sleep: (delayMs, signal) => sleepWith(after, delayMs, signal),
}
