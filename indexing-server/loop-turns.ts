import { setImmediate as turn } from 'node:timers/promises'

/**
 * Turns of the event loop, one each for those who ask, in that order: however many they are, every
 * other event waits for one of them at most.
 */
export class LoopTurns {
  #last: Promise<void> = Promise.resolve()

  next(): Promise<void> {
    this.#last = this.#last.then(() => turn())
    return this.#last
  }
}
