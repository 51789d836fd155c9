/** Lets one piece of work run at a time, in the order they came, however long each takes. */
export class InOrder {
  #last: Promise<unknown> = Promise.resolve()

  /** @returns what `work` returns; its failure does not keep the next from running */
  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => {})
    return turn
  }
}
