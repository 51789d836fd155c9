/** Runs pieces of work one at a time, in the order they were added. */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve()
  #length = 0

  /** Pieces that wait or run. */
  get length(): number {
    return this.#length
  }

  /** @returns what `work` returns; its failure does not keep the next piece from running */
  run<T>(work: () => Promise<T>): Promise<T> {
    this.#length += 1
    const running = this.#last.then(work).finally(() => {
      this.#length -= 1
    })
    this.#last = running.catch(() => {})
    return running
  }
}
