import assert from 'node:assert/strict'
import type { Cancel } from '../../common/clock.ts'
import type { Lane } from '../../common/content/lanes.ts'
import { limits } from '../../common/limits.ts'
import type { Task } from '../../common/protocol/messages.ts'
import { type Pace, startPace } from './pace.ts'

/**
 * Size at which a request of tasks is full: half a frame, as a task with the longest name takes a
 * hundredth of one.
 */
const taskRequestBytesTarget = 512 * 1024
/** Bytes of contents per batch, unless a single content is larger. */
const taskBatchBytesMax = 16 * 1024 * 1024
/**
 * Bytes of contents in a batch that waits behind another: as much as a target receives while it
 * announces and reports. More would only delay what becomes urgent meanwhile.
 */
const waitingBatchBytesMax = 4 * 1024 * 1024

/** What a task is recorded as when it has ended well. */
export interface TaskCause {
  readonly kind: 'copied' | 'healed' | 'trimmed' | 'dropped'
  /** The size of the content. */
  readonly bytes: number
  readonly reason?: string
}

/** A task assigned to a peer and not reported yet. */
export interface RunningTask {
  readonly contentId: number
  readonly target: string
  readonly sizeBytes: number
  readonly startedMs: number
  readonly task: Task
  readonly cause: TaskCause
}

/** The tasks assigned to one peer in one request. */
export interface Batch {
  readonly target: string
  readonly lane: Lane
  /** The peer that it reads from; undefined if it only drops. */
  source: string | undefined
  /** Whether it occupies a stream of its source: one that waits for another from it does not. */
  hasStream: boolean
  readonly tasks: Map<string, RunningTask>
  /** Bytes of the contents in `tasks`, and how many there may be. */
  bytes: number
  readonly bytesMax: number
  /** Bytes of the tasks themselves in the request. */
  requestBytes: number
  /** Bytes of all contents that were ever in `tasks`. */
  bytesInAll: number
  /** Bytes that the target reported, by task, and their sum. */
  readonly told: Map<string, number>
  toldBytes: number
  /** Once sent: its progress, and when the target last reported it. */
  pace: Pace
  heardMs: number
  /** Once sent: cancels the next check of its progress. */
  cancelDeadline: Cancel
}

/** A peer's streams in one lane: small copies never wait for a stream used by a large one. */
export type StreamKey = `${Lane} ${string}`

export function streamOf(lane: Lane, source: string): StreamKey {
  return `${lane} ${source}`
}

/**
 * Batches that a peer is assigned per lane. It receives one at a time, its only incoming stream; of
 * small contents one is stored, announced and reported meanwhile, and one waits at the peer, which
 * otherwise would be idle until the index has planned the next.
 */
export function batchesPerTarget(lane: Lane): number {
  return lane === 'small' ? 3 : 1
}

/**
 * Running tasks by peer. A peer has at most {@link batchesPerTarget} batches, and is the source of
 * a limited number of them per lane. A batch is running until its last task is settled.
 */
export class RunningTasks {
  readonly #byTarget = new Map<string, Map<Lane, readonly Batch[]>>()
  readonly #streams = new Map<StreamKey, number>()
  readonly #byContent = new Map<number, Set<RunningTask>>()
  #count = 0

  get count(): number {
    return this.#count
  }

  /** The running copies, in the order of their batches. */
  *copies(): Generator<RunningTask> {
    for (const { tasks } of this.batches())
      for (const running of tasks.values()) if (running.task.kind === 'replicate') yield running
  }

  /** The batches of a peer in a lane, oldest first. */
  batchesIn(target: string, lane: Lane): readonly Batch[] {
    return this.#byTarget.get(target)?.get(lane) ?? []
  }

  /** All batches with unsettled tasks. */
  batches(): readonly Batch[] {
    return [...this.#byTarget.keys()].flatMap((target) => this.batchesOf(target))
  }

  batchesOf(target: string): readonly Batch[] {
    return [...(this.#byTarget.get(target)?.values() ?? [])].flat()
  }

  batchWith(target: string, taskId: string): Batch | undefined {
    return this.batchesOf(target).find(({ tasks }) => tasks.has(taskId))
  }

  assignedBytes(target: string): number {
    return this.batchesOf(target).reduce((sum, { bytes }) => sum + bytes, 0)
  }

  streamsOf(key: StreamKey): number {
    return this.#streams.get(key) ?? 0
  }

  ofContent(contentId: number): readonly RunningTask[] {
    return [...(this.#byContent.get(contentId) ?? [])]
  }

  /** The running copies of a content, without drops. */
  copiesOf(contentId: number): readonly RunningTask[] {
    return this.ofContent(contentId).filter(({ task }) => task.kind === 'replicate')
  }

  /** Opens a batch for a peer that has fewer than {@link batchesPerTarget} in this lane. */
  open(target: string, lane: Lane): Batch {
    const others = this.batchesIn(target, lane)
    assert(others.length < batchesPerTarget(lane))
    const batch: Batch = {
      target,
      lane,
      source: undefined,
      hasStream: false,
      tasks: new Map(),
      bytes: 0,
      bytesMax: others.length === 0 ? taskBatchBytesMax : waitingBatchBytesMax,
      requestBytes: 0,
      bytesInAll: 0,
      told: new Map(),
      toldBytes: 0,
      pace: startPace(0),
      heardMs: -Infinity,
      cancelDeadline: () => {},
    }
    const ofTarget = this.#byTarget.get(target) ?? new Map<Lane, readonly Batch[]>()
    this.#byTarget.set(target, ofTarget.set(lane, [...others, batch]))
    return batch
  }

  add(batch: Batch, running: RunningTask, source?: string): void {
    if (batch.source === undefined && source !== undefined) {
      const others = this.batchesIn(batch.target, batch.lane)
      batch.hasStream = !others.some((other) => other.source === source)
      batch.source = source
      if (batch.hasStream) this.#countStream(batch, 1)
    }
    batch.tasks.set(running.task.taskId, running)
    batch.bytes += running.sizeBytes
    batch.bytesInAll += running.sizeBytes
    batch.requestBytes += Buffer.byteLength(JSON.stringify(running.task))
    this.#count++
    const siblings = this.#byContent.get(running.contentId) ?? new Set()
    this.#byContent.set(running.contentId, siblings.add(running))
  }

  /** Removes a task that `target` reported; undefined if it was not running there. */
  settle(target: string, taskId: string): RunningTask | undefined {
    const batch = this.batchWith(target, taskId)
    const running = batch?.tasks.get(taskId)
    if (batch === undefined || running === undefined) return undefined
    this.#remove(batch, running)
    if (batch.tasks.size === 0) this.#close(batch)
    return running
  }

  /** Removes and returns all tasks of a peer. */
  abandon(target: string): RunningTask[] {
    return this.batchesOf(target).flatMap((batch) => this.abandonBatch(batch))
  }

  /** Whether the batch has unsettled tasks. */
  isOpen(batch: Batch): boolean {
    return this.batchesIn(batch.target, batch.lane).includes(batch)
  }

  /** The open batch that its target carries out before this one. */
  batchBefore(batch: Batch): Batch | undefined {
    const batches = this.batchesIn(batch.target, batch.lane)
    return batches[batches.indexOf(batch) - 1]
  }

  /** Whether a batch with another source waits at the target for this one. */
  isAwaited(batch: Batch): boolean {
    const others = this.batchesIn(batch.target, batch.lane)
    return others.some(
      (other) => this.batchBefore(other) === batch && other.source !== batch.source,
    )
  }

  /** Removes and returns all tasks of a batch. */
  abandonBatch(batch: Batch): RunningTask[] {
    if (!this.isOpen(batch)) return []
    const tasks = [...batch.tasks.values()]
    for (const running of tasks) this.#remove(batch, running)
    this.#close(batch)
    return tasks
  }

  #remove(batch: Batch, running: RunningTask): void {
    batch.tasks.delete(running.task.taskId)
    batch.bytes -= running.sizeBytes
    this.#count--
    const siblings = this.#byContent.get(running.contentId)
    siblings?.delete(running)
    if (siblings?.size === 0) this.#byContent.delete(running.contentId)
  }

  #close(batch: Batch): void {
    const { target, lane, source } = batch
    batch.cancelDeadline()
    const left = this.batchesIn(target, lane).filter((other) => other !== batch)
    const ofTarget = this.#byTarget.get(target)
    if (left.length > 0) ofTarget?.set(lane, left)
    else ofTarget?.delete(lane)
    if (ofTarget?.size === 0) this.#byTarget.delete(target)
    if (!batch.hasStream) return
    const heir = left.find((other) => other.source === source)
    if (heir === undefined) this.#countStream(batch, -1)
    else heir.hasStream = true
  }

  #countStream({ lane, source = '' }: Batch, by: 1 | -1): void {
    const stream = streamOf(lane, source)
    const streams = this.streamsOf(stream) + by
    if (streams === 0) this.#streams.delete(stream)
    else this.#streams.set(stream, streams)
  }
}

/** Records how many bytes of a task its target reported. */
export function tellBytes(batch: Batch, taskId: string, bytes: number): void {
  batch.toldBytes += bytes - (batch.told.get(taskId) ?? 0)
  batch.told.set(taskId, bytes)
}

/**
 * Whether a content of `sizeBytes` may join a batch: small ones are grouped, a large one is alone.
 */
export function fitsBatch(batch: Batch, sizeBytes: number): boolean {
  if (batch.tasks.size === 0) return true
  return (
    batch.tasks.size < limits.tasksPerRequestMax &&
    batch.requestBytes < taskRequestBytesTarget &&
    batch.bytes + sizeBytes <= batch.bytesMax
  )
}
