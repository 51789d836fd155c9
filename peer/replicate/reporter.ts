import { BackgroundWork } from '../../common/background.ts'
import type { Clock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { reasonOf } from '../../common/errors.ts'
import { deadlines, limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { TaskOutcome, TaskProgress } from '../../common/protocol/messages.ts'

/** Outcomes are added to a report up to this size: half of a request. */
const reportBytesTarget = 32 * 1024

/** What reporting needs of the peer's connection to the index. */
export interface TaskLink {
  /**
   * Resolves when every change of the catalog up to now has been sent to the index.
   * @throws the signal's reason
   */
  announced(signal: AbortSignal): Promise<void>
  /** Sends outcomes, at most `tasksPerRequestMax`, on the connection of the announcements. */
  report(outcomes: TaskOutcome[], signal: AbortSignal): Promise<unknown>
  /** Sends the progress of copies, on the same connection. */
  progress(tasks: TaskProgress[], signal: AbortSignal): Promise<unknown>
}

/**
 * Reports the outcomes of tasks to the index, in batches: outcomes that are added during one
 * request form the next batch. A batch that cannot be sent is dropped, because the index assigns a
 * task again if its copy is not announced.
 */
export class Reporter implements AsyncDisposable {
  readonly #link: TaskLink
  readonly #clock: Clock
  readonly #log: Log
  readonly #background: BackgroundWork
  readonly #outcomes: TaskOutcome[] = []
  #isReporting = false

  constructor(dependencies: { link: TaskLink; clock: Clock; log: Log }) {
    this.#link = dependencies.link
    this.#clock = dependencies.clock
    this.#log = dependencies.log
    this.#background = new BackgroundWork(dependencies)
  }

  add(outcomes: readonly TaskOutcome[]): void {
    this.#outcomes.push(...outcomes)
    if (this.#isReporting) return
    this.#isReporting = true
    this.#background.start('reporting tasks', (signal) => this.#reportAll(signal))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#background[Symbol.asyncDispose]()
  }

  async #reportAll(signal: AbortSignal): Promise<void> {
    while (this.#outcomes.length > 0 && !signal.aborted) {
      const group = this.#outcomes.splice(0, groupCount(this.#outcomes))
      try {
        await this.#report(group, signal)
      } catch (error) {
        this.#log.debug({ count: group.length, reason: reasonOf(error) }, 'outcomes not reported')
      }
    }
    this.#isReporting = false
  }

  /** The index trusts only announcements: a report that arrives before them would look false. */
  async #report(group: TaskOutcome[], signal: AbortSignal): Promise<void> {
    const deadline = { what: 'Reporting tasks', deadlineMs: deadlines.requestMs, signal }
    await withDeadline(deadline, this.#clock, async (inTime) => {
      await this.#link.announced(inTime)
      await this.#link.report(group, inTime)
    })
  }
}

/** The number of outcomes, at least one, that fit into the next report. */
function groupCount(outcomes: readonly TaskOutcome[]): number {
  let bytes = 0
  const first = outcomes.slice(0, limits.tasksPerRequestMax)
  const end = first.findIndex((outcome, index) => {
    bytes += Buffer.byteLength(JSON.stringify(outcome)) + 1
    return index > 0 && bytes > reportBytesTarget
  })
  return end === -1 ? first.length : end
}
