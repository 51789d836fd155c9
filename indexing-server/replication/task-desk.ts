import type { Clock } from '../../common/clock.ts'
import { type ErrorCode } from '../../common/error-table.ts'
import { isErrorCode, toAppError } from '../../common/errors.ts'
import { deadlines, limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { Task, TaskOutcome } from '../../common/protocol/messages.ts'
import type { Random } from '../../common/random.ts'
import type { NeedQueue } from './queue.ts'
import type { RestingPeers } from './resting-peers.ts'
import type { Batch, RunningTask, RunningTasks } from './running-tasks.ts'

export interface TaskDeskDependencies {
  readonly queue: NeedQueue
  readonly running: RunningTasks
  readonly resting: RestingPeers
  readonly sendTasks: (peerId: string, tasks: Task[], signal: AbortSignal) => Promise<void>
  /** Called when a peer has become free, or a content ready for its next try. */
  readonly onFreed: () => void
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** What is the target's own trouble: the content goes elsewhere, the target rests. */
const targetsOwn: ReadonlySet<string> = new Set(['DISK_FULL', 'TASK_REFUSED', 'STOPPING'])

/** Hands batches to peers and sees to it that each of their tasks ends: by a report, or a deadline. */
export class TaskDesk {
  readonly #settleMs: number
  readonly #queue: NeedQueue
  readonly #running: RunningTasks
  readonly #resting: RestingPeers
  readonly #sendTasks: TaskDeskDependencies['sendTasks']
  readonly #onFreed: () => void
  readonly #clock: Clock
  readonly #random: Random
  readonly #log: Log

  constructor(options: { readonly settleMs: number }, dependencies: TaskDeskDependencies) {
    this.#settleMs = options.settleMs
    this.#queue = dependencies.queue
    this.#running = dependencies.running
    this.#resting = dependencies.resting
    this.#sendTasks = dependencies.sendTasks
    this.#onFreed = dependencies.onFreed
    this.#clock = dependencies.clock
    this.#random = dependencies.random
    this.#log = dependencies.log
  }

  /** Resolves when the peer has taken the batch, or refused it and is left alone for a while. */
  async handOut(batch: Batch, signal: AbortSignal): Promise<void> {
    const { target } = batch
    const tasks = Array.from(batch.tasks.values(), ({ task }) => task)
    const deadlineMs = deadlines.taskMs + batch.bytes / limits.taskBytesPerMsMin
    batch.cancelDeadline = this.#clock.after(deadlineMs, () => this.#onOverdue(batch))
    this.#log.debug({ target, source: batch.source, tasks: tasks.length }, 'tasks handed out')
    try {
      await this.#sendTasks(target, tasks, signal)
    } catch (error) {
      const { code } = toAppError(error)
      this.#log.info({ target, code }, 'tasks refused')
      if (this.#running.batchOf(target) !== batch) return
      this.#resting.refuse(target, code)
      this.abandon(target)
    }
  }

  /**
   * A peer says how tasks ended. That a copy is there is believed when it is announced.
   * @returns the contents of those that ended well, which may have been announced before
   */
  report(peerId: string, outcomes: readonly TaskOutcome[]): number[] {
    const contentIds: number[] = []
    for (const { taskId, error } of outcomes) {
      const running = this.#running.settle(peerId, taskId)
      if (running === undefined) continue
      if (error === undefined) {
        this.#resting.forgive(peerId)
        this.#release(running, 'confirming')
        contentIds.push(running.contentId)
      } else this.#onFailed(running, isErrorCode(error) ? error : 'INTERNAL')
    }
    this.#onFreed()
    return contentIds
  }

  /** Forgets what a peer was handed; the contents are looked at again soon. */
  abandon(target: string): void {
    for (const running of this.#running.abandon(target)) this.#release(running, 'settling')
    this.#onFreed()
  }

  /** Whatever a peer was handed has failed, as far as the index can know. */
  failAll(target: string, code: ErrorCode): void {
    for (const running of this.#running.abandon(target)) this.#onFailed(running, code)
    this.#onFreed()
  }

  #onFailed(running: RunningTask, code: string): void {
    const { contentId, target } = running
    this.#log.info({ target, code, contentId }, 'task failed')
    if (targetsOwn.has(code)) {
      this.#resting.refuse(target, code)
      this.#release(running, 'settling')
    } else if (this.#queue.has(contentId))
      this.#queue.fail(contentId, { code, target }, this.#clock.monotonicMs(), this.#random)
  }

  #onOverdue({ target }: Batch): void {
    this.#resting.refuse(target, 'DEADLINE_EXCEEDED')
    this.failAll(target, 'DEADLINE_EXCEEDED')
  }

  #release({ contentId, target }: RunningTask, reason: 'settling' | 'confirming'): void {
    const nowMs = this.#clock.monotonicMs()
    this.#queue.release(
      contentId,
      reason === 'settling'
        ? { reason, dueMs: nowMs + this.#settleMs }
        : { reason, dueMs: nowMs + deadlines.confirmMs, awaited: target },
    )
  }
}
