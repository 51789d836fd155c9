/** Time comes in through the constructor: this is the only file that touches timers and dates. */

/** Cancels what it belongs to; calling it again, or late, does nothing. */
export type Cancel = () => void

export interface Clock {
  /** Wall time in milliseconds since 1970. May jump, and may have a fraction; for people and for the disk. */
  nowMs(): number
  /** Milliseconds since some fixed moment, with a fraction, never going back. For durations and deadlines. */
  monotonicMs(): number
  /** Calls `callback` once after `delayMs`. A pending call does not keep the process alive. */
  after(delayMs: number, callback: () => void): Cancel
  /**
   * Resolves after `delayMs`.
   * @throws the signal's reason, at once, when it is or becomes aborted.
   */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>
}

/** `sleep` in terms of `after`, for every implementation of {@link Clock}. */
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

/** Longer delays would overflow Node's timers and fire at once. */
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
