/** Time comes in through constructors: of the page, only this file touches timers and dates. */

export interface PageClock {
  /** Milliseconds since 1970. */
  nowMs(): number
  /** Calls `callback` once, unless the returned function is called before. */
  after(delayMs: number, callback: () => void): () => void
}

export const browserClock: PageClock = {
  nowMs: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
}
