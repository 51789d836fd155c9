import { dirname, join } from 'node:path'
import type { Clock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { AppError, hasCode } from '../../common/errors.ts'
import { SerialQueue } from '../../common/serial-queue.ts'
import type { Location } from './folders.ts'

/** For moving one file into its place: a disk that takes longer does not respond at all. */
export const folderQueueMs = 60_000

/** A queue for each folder: work in one folder runs one piece at a time, and no folder waits for another. */
export class FolderQueues {
  readonly #clock: Clock
  /** Queues that are not empty. */
  readonly #queues = new Map<string, SerialQueue>()

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock
  }

  /**
   * Runs `work` in the queue of the folder of a file. Waits no longer than the deadline: work that takes
   * longer blocks its queue until it ends, so a disk that does not respond holds up its own folders only;
   * what is still queued at its deadline never runs.
   * @returns what `work` returns; its failure does not keep the next piece from running
   * @throws AppError DISK_FAILED at the deadline; what `work` throws
   */
  async run<T>(
    { root, diskName }: Pick<Location, 'root' | 'diskName'>,
    work: () => Promise<T>,
  ): Promise<T> {
    // Names that some disks do not distinguish share a queue.
    const folder = join(root, dirname(diskName)).toLowerCase()
    let isAwaited = true
    const queue = this.#queues.get(folder) ?? new SerialQueue()
    this.#queues.set(folder, queue)
    const running = queue.run(async () => {
      if (!isAwaited) throw new Error('no caller waits for this')
      return await work()
    })
    const ended = running.finally(() => {
      if (queue.length === 0 && this.#queues.get(folder) === queue) this.#queues.delete(folder)
    })
    try {
      const deadline = { what: 'the disk', deadlineMs: folderQueueMs }
      return await withDeadline(deadline, this.#clock, () => ended)
    } catch (error) {
      if (!hasCode(error, 'DEADLINE_EXCEEDED')) throw error
      const details = { action: 'write to', path: root, reason: 'the disk does not respond' }
      throw new AppError('DISK_FAILED', details, { cause: error })
    } finally {
      isAwaited = false
    }
  }
}
