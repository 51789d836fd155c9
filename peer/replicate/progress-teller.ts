import { BackgroundWork } from '../../common/background.ts'
import type { Clock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { reasonOf } from '../../common/errors.ts'
import { deadlines, limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { TaskProgress } from '../../common/protocol/messages.ts'

interface Dependencies {
  /** Sends the progress on the connection on which this peer is registered. */
  readonly tell: (tasks: TaskProgress[], signal: AbortSignal) => Promise<unknown>
  readonly clock: Clock
  readonly log: Log
}

/** Reports the progress of running copies to the index every few seconds. */
export class ProgressTeller implements AsyncDisposable {
  readonly #dependencies: Dependencies
  readonly #background: BackgroundWork
  /** Reads how far each task is. */
  readonly #running = new Map<string, () => Omit<TaskProgress, 'taskId'>>()
  #isTelling = false

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
    this.#background = new BackgroundWork(dependencies)
  }

  /** @param read called whenever the index is told */
  add(taskId: string, read: () => Omit<TaskProgress, 'taskId'>): void {
    this.#running.set(taskId, read)
    if (this.#isTelling) return
    this.#isTelling = true
    this.#background.start('telling progress', (signal) => this.#tellAll(signal))
  }

  /** The task has ended. */
  delete(taskId: string): void {
    this.#running.delete(taskId)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#background[Symbol.asyncDispose]()
  }

  async #tellAll(signal: AbortSignal): Promise<void> {
    const { clock, log, tell } = this.#dependencies
    try {
      for (;;) {
        await clock.sleep(deadlines.taskLookMs, signal)
        const running = [...this.#running].slice(0, limits.progressTasksMax)
        const tasks = running.map(([taskId, read]) => ({ taskId, ...read() }))
        if (tasks.length === 0) return
        const deadline = { what: 'Telling progress', deadlineMs: deadlines.requestMs, signal }
        try {
          await withDeadline(deadline, clock, (inTime) => tell(tasks, inTime))
        } catch (error) {
          signal.throwIfAborted()
          log.debug({ reason: reasonOf(error) }, 'progress not told')
        }
      }
    } finally {
      this.#isTelling = false
    }
  }
}
