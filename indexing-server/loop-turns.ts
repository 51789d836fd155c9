import { setImmediate as turn } from 'node:timers/promises'

/**
 * Hands out turns of the event loop one at a time, in order of request: however many callers there
 * are, any other event waits for at most one of them.
 */
export class LoopTurns {
  #last: Promise<void> = Promise.resolve()

  next(): Promise<void> {
    this.#last = this.#last.then(() => turn())
    return this.#last
  }
}
