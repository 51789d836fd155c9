import type { Clock } from '../../common/clock.ts'
import { type ErrorCode } from '../../common/error-table.ts'
import { isErrorCode, taskReasonOf, toAppError } from '../../common/errors.ts'
import { deadlines, limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import { oneLine } from '../../common/one-line.ts'
import type { Task, TaskOutcome, TaskProgress } from '../../common/protocol/messages.ts'
import type { Random } from '../../common/random.ts'
import type { EventRecorder } from '../events/event.ts'
import type { FailedPairs } from './failed-pairs.ts'
import { blameOf } from './failure-cause.ts'
import type { Moves } from './moves.ts'
import { judgePace, movePace, nextWindow, startPace } from './pace.ts'
import type { NeedQueue } from './queue.ts'
import type { RepairMeter } from './repair-meter.ts'
import { confirmMs, type ReportedCopies } from './reported-copies.ts'
import type { PeerFailure, RestingPeers } from './resting-peers.ts'
import { type Batch, type RunningTask, type RunningTasks, tellBytes } from './running-tasks.ts'
import { doneEvent, failedEvent } from './task-events.ts'

/**
 * Peers at which a content may be failing at a time; then the content itself waits, as it may be
 * the cause.
 */
const failingPeersAtOnceMax = 16
export interface TaskDeskDependencies {
  readonly queue: NeedQueue
  readonly running: RunningTasks
  readonly resting: RestingPeers
  readonly pairs: FailedPairs
  readonly moves: Pick<Moves, 'of'>
  readonly reported: Pick<ReportedCopies, 'add'>
  readonly sendTasks: (peerId: string, tasks: Task[], signal: AbortSignal) => Promise<void>
  /** Tells a peer that tasks are cancelled; never rejects. */
  readonly cancelTasks: (peerId: string, taskIds: string[]) => void
  /**
   * Whether other copies wait for what a batch occupies, or other sources could serve its contents.
   */
  readonly isContended: (batch: Batch) => Promise<boolean>
  /** Called when a peer has become free, or a content ready for a retry. */
  readonly onFreed: () => void
  readonly events: EventRecorder
  readonly meter: Pick<RepairMeter, 'onCopied' | 'onFailed'>
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Assigns batches to peers and ensures that each task ends: with a report or at a deadline. */
export class TaskDesk {
  readonly #settleMs: number
  readonly #queue: NeedQueue
  readonly #running: RunningTasks
  readonly #resting: RestingPeers
  readonly #pairs: FailedPairs
  readonly #moves: Pick<Moves, 'of'>
  readonly #reported: Pick<ReportedCopies, 'add'>
  readonly #sendTasks: TaskDeskDependencies['sendTasks']
  readonly #cancelTasks: TaskDeskDependencies['cancelTasks']
  readonly #isContended: TaskDeskDependencies['isContended']
  readonly #onFreed: () => void
  readonly #events: EventRecorder
  readonly #meter: TaskDeskDependencies['meter']
  readonly #clock: Clock
  readonly #random: Random
  readonly #log: Log

  constructor(options: { readonly settleMs: number }, dependencies: TaskDeskDependencies) {
    this.#settleMs = options.settleMs
    this.#queue = dependencies.queue
    this.#running = dependencies.running
    this.#resting = dependencies.resting
    this.#pairs = dependencies.pairs
    this.#moves = dependencies.moves
    this.#reported = dependencies.reported
    this.#sendTasks = dependencies.sendTasks
    this.#cancelTasks = dependencies.cancelTasks
    this.#isContended = dependencies.isContended
    this.#onFreed = dependencies.onFreed
    this.#events = dependencies.events
    this.#meter = dependencies.meter
    this.#clock = dependencies.clock
    this.#random = dependencies.random
    this.#log = dependencies.log
  }

  /** Resolves when the peer has accepted the batch, or refused it and rests. */
  async handOut(batch: Batch, signal: AbortSignal): Promise<void> {
    const { target } = batch
    const tasks = Array.from(batch.tasks.values(), ({ task }) => task)
    batch.pace = startPace(this.#clock.monotonicMs())
    this.#lookLater(batch)
    this.#log.debug({ target, source: batch.source, tasks: tasks.length }, 'tasks assigned')
    try {
      await this.#sendTasks(target, tasks, signal)
    } catch (error) {
      const failure = { code: toAppError(error).code, reason: taskReasonOf(error) }
      this.#log.info({ target, ...failure }, 'tasks refused')
      if (!this.#running.isOpen(batch)) return
      this.#resting.refuse(target, failure)
      this.#releaseAll(this.#running.abandonBatch(batch))
    }
  }

  /**
   * A peer reports how tasks ended. Only an announcement proves that a copy exists.
   * @returns the contents of successful tasks, which may have been announced already
   */
  report(peerId: string, outcomes: readonly TaskOutcome[]): number[] {
    const contentIds: number[] = []
    for (const { taskId, error, reason } of outcomes) {
      const batch = this.#running.batchWith(peerId, taskId)
      const running = this.#running.settle(peerId, taskId)
      if (batch === undefined || running === undefined) continue
      this.#onSettled(batch, running)
      if (error === undefined) {
        this.#resting.forgive(peerId)
        this.#release(running, 'confirming')
        if (running.task.kind === 'replicate') {
          this.#meter.onCopied(running.sizeBytes)
          this.#reported.add(running.contentId, running.target)
        }
        this.#events.record(doneEvent(running, this.#clock.monotonicMs()))
        contentIds.push(running.contentId)
      } else {
        const line = reason && oneLine(reason, limits.taskReasonCharactersMax)
        this.#onFailed(running, { code: isErrorCode(error) ? error : 'INTERNAL', reason: line })
      }
    }
    this.#onFreed()
    return contentIds
  }

  /** A settled task counts as progress of the batch. */
  #onSettled(batch: Batch, { task: { taskId }, sizeBytes }: RunningTask): void {
    const nowMs = this.#clock.monotonicMs()
    batch.heardMs = nowMs
    tellBytes(batch, taskId, sizeBytes)
    const moved = movePace(batch.pace, { bytes: batch.toldBytes, isStoring: false }, nowMs)
    batch.pace = { ...moved, movedMs: nowMs }
  }

  /** Forgets the tasks of a peer; their contents are checked again soon. */
  abandon(target: string): void {
    this.#releaseAll(this.#running.abandon(target))
  }

  #releaseAll(tasks: readonly RunningTask[]): void {
    for (const running of tasks) this.#release(running, 'settling')
    this.#onFreed()
  }

  /** All tasks of a peer have failed, as far as the index can know. */
  failAll(target: string, code: ErrorCode): void {
    for (const running of this.#running.abandon(target)) this.#onFailed(running, { code })
    this.#onFreed()
  }

  #onFailed(running: RunningTask, failure: PeerFailure): void {
    const { contentId, target } = running
    const { code, reason: why } = failure
    this.#log.info({ target, code, reason: why, contentId }, 'task failed')
    this.#meter.onFailed(code)
    this.#events.record(failedEvent(running, failure, this.#clock.monotonicMs()))
    const blame = blameOf(code)
    if (blame === 'whole target') this.#resting.refuse(target, failure)
    else if (blame === 'target' && running.task.kind === 'replicate')
      this.#resting.onFailed(target, contentId, failure)
    // Judged meanwhile to need nothing: its failures were forgotten.
    if (!this.#queue.has(contentId)) return
    const isElsewherePossible = blame !== 'content' && this.#failAt(running, failure)
    if (isElsewherePossible) return this.#queue.retry(contentId)
    const reason = blame === 'content' ? 'failed' : 'failed at peers'
    const how = { code, why, target, reason } as const
    this.#queue.fail(contentId, how, this.#clock.monotonicMs(), this.#random)
  }

  /** Records a failure of a content at its peers; returns whether others are tried immediately. */
  #failAt({ contentId, target, task }: RunningTask, { code, reason }: PeerFailure): boolean {
    const isSourcesToo = blameOf(code) === 'both' && task.kind === 'replicate'
    const sources = isSourcesToo ? task.sources.map(({ peerId }) => peerId) : []
    this.#pairs.fail(contentId, { code, reason, target, sources })
    return this.#pairs.waitingOf(contentId).length < failingPeersAtOnceMax
  }

  #lookLater(batch: Batch): void {
    batch.cancelDeadline = this.#clock.after(deadlines.taskLookMs, () => {
      // A failing store says nothing about the batch: the next check does.
      this.#look(batch).catch(() => this.#lookLater(batch))
    })
  }

  async #look(batch: Batch): Promise<void> {
    if (!this.#running.isOpen(batch)) return
    const nowMs = this.#clock.monotonicMs()
    // Its time begins when its target begins with it.
    if (this.#running.batchBefore(batch) !== undefined) batch.pace = startPace(nowMs)
    const verdict = judgePace(batch.pace, batch.bytesInAll, nowMs)
    if (verdict === 'stalled') return this.#takeBack(batch, 'DEADLINE_EXCEEDED')
    if (verdict !== 'unknown') batch.pace = nextWindow(batch.pace, nowMs)
    const isInTheWay = verdict === 'slow' && (await this.#isContended(batch))
    if (!this.#running.isOpen(batch)) return
    if (isInTheWay) this.#takeBack(batch, 'SOURCE_SLOW')
    else this.#lookLater(batch)
  }

  /** Cancels a batch at its target, which keeps partial data for the retry. */
  #takeBack(batch: Batch, code: ErrorCode): void {
    const { target } = batch
    // A target that reports progress is healthy, even if its sources are not.
    const isSilent = this.#clock.monotonicMs() - batch.heardMs >= deadlines.taskMs
    if (code === 'DEADLINE_EXCEEDED' && isSilent) this.#resting.refuse(target, { code })
    const tasks = this.#running.abandonBatch(batch)
    for (const running of tasks) this.#onFailed(running, { code })
    this.#cancelTasks(
      target,
      tasks.map(({ task }) => task.taskId),
    )
    this.#onFreed()
  }

  /** Cancels batches of copies that nothing lacks, at targets that keep partial data for later. */
  yieldMoves(): void {
    for (const batch of this.#running.batches()) {
      const isMove = ({ contentId, task }: RunningTask): boolean =>
        task.kind === 'replicate' && this.#moves.of(contentId) !== undefined
      if (!batch.tasks.values().every(isMove)) continue
      const tasks = this.#running.abandonBatch(batch)
      const ids = tasks.map(({ task }) => task.taskId)
      this.#releaseAll(tasks)
      this.#cancelTasks(batch.target, ids)
    }
  }

  /** A peer reports the progress of copies. */
  onProgress(peerId: string, progress: readonly TaskProgress[]): void {
    const nowMs = this.#clock.monotonicMs()
    for (const { taskId, bytes, isStoring = false } of progress) {
      const batch = this.#running.batchWith(peerId, taskId)
      if (batch === undefined) continue
      batch.heardMs = nowMs
      tellBytes(batch, taskId, Math.min(bytes, batch.bytesInAll))
      batch.pace = movePace(batch.pace, { bytes: batch.toldBytes, isStoring }, nowMs)
    }
  }

  #release({ contentId, target }: RunningTask, reason: 'settling' | 'confirming'): void {
    const nowMs = this.#clock.monotonicMs()
    this.#queue.release(
      contentId,
      reason === 'settling'
        ? { reason, dueMs: nowMs + this.#settleMs }
        : { reason, dueMs: nowMs + confirmMs, awaited: target },
    )
  }
}
