import assert from 'node:assert/strict'
import type { Lane } from '../../common/content/lanes.ts'
import { laneOf } from '../../common/content/lanes.ts'
import { limits } from '../../common/limits.ts'
import { openRoutes, type Slot } from './open-routes.ts'
import type { NeedQueue } from './queue.ts'
import {
  type Batch,
  batchesPerTarget,
  fitsBatch,
  type RunningTask,
  type RunningTasks,
  type StreamKey,
  streamOf,
} from './running-tasks.ts'

/**
 * Batches per lane that read from one peer: more would take its disk and network from its users.
 */
const streamsPerSourceMax = 2

interface Dependencies {
  readonly queue: Pick<NeedQueue, 'admit' | 'heads'>
  readonly running: RunningTasks
}

/** Which peers have room for further tasks, and the batches that are filled with them. */
export class Slots {
  readonly #queue: Dependencies['queue']
  readonly #running: RunningTasks
  readonly #unsent = new Set<Batch>()
  #contended: ReadonlySet<StreamKey> = new Set()

  constructor({ queue, running }: Dependencies) {
    this.#queue = queue
    this.#running = running
  }

  /** The slot that a target has left for a content of this size. */
  slotOf(target: string, lane: Lane, sizeBytes: number): Slot | undefined {
    const batches = this.#running.batchesIn(target, lane)
    const filled = batches.length - (this.#fillable(target, lane, sizeBytes) === undefined ? 0 : 1)
    if (filled === 0) return 'own'
    return filled < batchesPerTarget(lane) ? 'next' : undefined
  }

  /** Whether a content of this size could be copied from `source` to `target` now. */
  isOpen({ source, target }: { source: string; target: string }, sizeBytes: number): boolean {
    const lane = laneOf(sizeBytes)
    const slot = this.slotOf(target, lane, sizeBytes)
    if (slot === undefined) return false
    const fixed = this.#fillable(target, lane, sizeBytes)?.source
    if (fixed !== undefined) return fixed === source
    const stream = streamOf(lane, source)
    const continues = slot === 'next' && this.#sourceAt(target, lane) === source
    return continues ? !this.#contended.has(stream) : this.spareStreams(stream) > 0
  }

  /** The streams that a source has left. */
  spareStreams(stream: StreamKey): number {
    return streamsPerSourceMax - this.#running.streamsOf(stream)
  }

  /** Adds a task to the unsent batch of its target, or to a new one. */
  assign(planned: RunningTask, source?: string): void {
    const { target, sizeBytes } = planned
    const lane = laneOf(sizeBytes)
    assert(this.slotOf(target, lane, sizeBytes) !== undefined)
    const batch = this.#fillable(target, lane, sizeBytes) ?? this.#running.open(target, lane)
    this.#unsent.add(batch)
    this.#running.add(batch, planned, source)
  }

  /** The batches filled since the last call, except those of peers lost since. */
  takeUnsent(): Batch[] {
    const batches = [...this.#unsent].filter(({ tasks }) => tasks.size > 0)
    this.#unsent.clear()
    return batches
  }

  /** Whether contents are queued that {@link admitQueued} would make ready. */
  get couldAdmit(): boolean {
    return this.#open().open.length > 0
  }

  /** Makes as many queued contents ready as fit into one batch for each free target. */
  admitQueued(): void {
    const { open, contended } = this.#open()
    this.#contended = contended
    for (const route of open) this.#queue.admit(route, limits.tasksPerRequestMax)
  }

  #open(): ReturnType<typeof openRoutes> {
    const slotOf = (target: string, lane: Lane): Slot | undefined => this.slotOf(target, lane, 0)
    const heads = this.#queue.heads((lane, target) => slotOf(target, lane) !== undefined)
    return openRoutes(heads, {
      slotOf,
      sourceAt: (target, lane) => this.#sourceAt(target, lane),
      spareStreams: (stream) => this.spareStreams(stream),
    })
  }

  #sourceAt(target: string, lane: Lane): string | undefined {
    return this.#running.batchesIn(target, lane)[0]?.source
  }

  /** The unsent batch of a target, if it has room. */
  #fillable(target: string, lane: Lane, sizeBytes: number): Batch | undefined {
    const last = this.#running.batchesIn(target, lane).at(-1)
    const isFillable = last !== undefined && this.#unsent.has(last) && fitsBatch(last, sizeBytes)
    return isFillable ? last : undefined
  }
}
