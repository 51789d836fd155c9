import type { Clock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { deadlines } from '../../common/limits.ts'
import { SerialQueue } from '../../common/serial-queue.ts'

/** A queue for each folder: work in one folder runs one piece at a time, and no folder waits for another. */
export class FolderQueues {
  readonly #clock: Clock
  /** Those that are not empty. */
  readonly #queues = new Map<string, SerialQueue>()

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock
  }

  /**
   * Waits no longer than the deadline. Work that takes longer blocks its queue until it ends, so a disk
   * that does not respond holds up its own folders only; what is still queued at its deadline never runs.
   * @returns what `work` returns; its failure does not keep the next piece from running
   * @throws AppError DEADLINE_EXCEEDED; what `work` throws
   */
  async run<T>(folder: string, work: () => Promise<T>): Promise<T> {
    let isAwaited = true
    const queue = this.#queues.get(folder) ?? new SerialQueue()
    this.#queues.set(folder, queue)
    const running = queue.run(async () => {
      if (!isAwaited) throw new Error('nothing waits for this any more')
      return await work()
    })
    const deadline = { what: 'the disk', deadlineMs: deadlines.folderQueueMs }
    try {
      return await withDeadline(deadline, this.#clock, () =>
        running.finally(() => {
          if (queue.length === 0 && this.#queues.get(folder) === queue) this.#queues.delete(folder)
        }),
      )
    } finally {
      isAwaited = false
    }
  }
}
