import type { Clock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { deadlines } from '../../common/limits.ts'

/** Lets one piece of work of a key run at a time, in the order they came; keys do not wait for each other. */
export class Turns {
  readonly #clock: Clock
  readonly #last = new Map<string, Promise<unknown>>()

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock
  }

  /**
   * What takes longer than the deadline keeps its turn until it ends: a disk that does not answer holds up
   * only what has the same key, and each of those no longer than this.
   * @returns what `work` returns; its failure does not keep the next from running
   * @throws AppError DEADLINE_EXCEEDED; what `work` throws
   */
  async take<T>(key: string, work: () => Promise<T>): Promise<T> {
    let isAwaited = true
    const before = this.#last.get(key) ?? Promise.resolve()
    const turn = before.then(async () => {
      if (!isAwaited) throw new Error('nothing waits for this turn any more')
      return await work()
    })
    const ended = turn
      .then(
        () => {},
        () => {},
      )
      .then(() => {
        if (this.#last.get(key) === ended) this.#last.delete(key)
      })
    this.#last.set(key, ended)
    const deadline = { what: 'the disk', deadlineMs: deadlines.diskTurnMs }
    try {
      return await withDeadline(deadline, this.#clock, () => turn)
    } finally {
      isAwaited = false
    }
  }
}
