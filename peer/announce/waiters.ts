/** Lets any number of callers wait for a condition, which is checked again at each `notify`. */
export class Waiters {
  #changed = Promise.withResolvers<void>()

  /** Something that a condition looks at has changed. */
  notify(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  /**
   * What `check` returns, as soon as that is not undefined.
   * @throws what `check` throws, or the signal's reason
   */
  async until<T>(check: () => T | undefined, signal: AbortSignal): Promise<T> {
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    const onAbort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      for (;;) {
        signal.throwIfAborted()
        const found = check()
        if (found !== undefined) return found
        await Promise.race([this.#changed.promise, aborted])
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }
}
