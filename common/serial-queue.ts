/** Runs jobs one at a time, in the order they were added. */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve()
  #length = 0

  /** Queued and running jobs. */
  get length(): number {
    return this.#length
  }

  /** @returns the result of `work`; a failure does not stop the queue */
  run<T>(work: () => Promise<T>): Promise<T> {
    this.#length += 1
    const running = this.#last.then(work).finally(() => {
      this.#length -= 1
    })
    this.#last = running.catch(() => {})
    return running
  }
}
