import type { Cancel, Clock } from '../../common/clock.ts'
import { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import { type ContentChunk, SendCounts } from './send-counts.ts'
import { nextRead, uploadsAtOnceAfter } from './upload-policy.ts'

/**
 * A queued read is answered with BUSY after this: before the other side's `deadlines.bulkStallMs`.
 */
export const uploadQueueMs = 5_000
/** A slower read yields its slot to the next one: its receiver is slow. */
export const uploadSlotMs = 1_000

/** The chunk that a read asks for. */
export interface WantedChunks extends ContentChunk {
  /** Other chunks that the requester would accept instead. */
  readonly or?: readonly number[] | undefined
  /**
   * Whether it yields to other reads, and is not sent to a requester who passes it on. The caller bounds how
   * many there are.
   */
  readonly isBackground?: true
}

/** Who sent a read. */
export interface Requester {
  /** The same for all connections of one peer. */
  readonly id: string
  /** The address it comes from: an id can be made up. */
  readonly host: string
}

/** Permission to answer a read; disposing returns it. */
export interface UploadSlot extends Disposable {
  /** The chunk to send, of those that the requester accepts. */
  readonly chunk: number
}

interface QueuedRead {
  readonly requester: Requester
  readonly wanted: WantedChunks
  readonly signal: AbortSignal
  readonly sinceMs: number
  readonly slot: PromiseWithResolvers<UploadSlot>
}

/**
 * Answers a few reads at a time and queues the others. Each read gets a slot, or fails with BUSY before
 * its requester could take the silence for a stall.
 */
export class UploadQueue {
  readonly #clock: Clock
  readonly #queued = new Set<QueuedRead>()
  readonly #sends: SendCounts
  /** Reads being answered that are not slow. */
  #uploads = 0
  #uploadsMax: number = limits.uploadsAtOnceMin
  /** The last slot of each requester, the least recent one first. */
  readonly #lastSlots = new Map<string, { readonly number: number; readonly sent: ContentChunk }>()
  #slotCount = 0

  constructor(dependencies: { clock: Clock }) {
    this.#clock = dependencies.clock
    this.#sends = new SendCounts(dependencies)
  }

  /** Queued reads. */
  get length(): number {
    return this.#queued.size
  }

  /**
   * Resolves when the read has a slot; disposing the slot, or aborting the signal, admits the next read.
   * @throws AppError BUSY when the queue is too long, or moves too slowly; or the signal's reason
   */
  async enter(
    wanted: WantedChunks,
    requester: Requester,
    signal: AbortSignal,
  ): Promise<UploadSlot> {
    signal.throwIfAborted()
    // Those in the background are few, and a crowd must not keep them out.
    if (wanted.isBackground !== true && this.#isFullFor(requester)) throw new AppError('BUSY')
    const slot = Promise.withResolvers<UploadSlot>()
    const queued = { requester, wanted, signal, sinceMs: this.#clock.monotonicMs(), slot }
    this.#queued.add(queued)
    this.#admit()
    const leave = (reason: unknown): void => {
      if (this.#queued.delete(queued)) slot.reject(reason as Error)
    }
    const onAbort = (): void => leave(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const cancelTimer = this.#clock.after(uploadQueueMs, () => leave(new AppError('BUSY')))
    try {
      return await slot.promise
    } finally {
      cancelTimer()
      signal.removeEventListener('abort', onAbort)
    }
  }

  #isFullFor({ id, host }: Requester): boolean {
    if (this.#queued.size >= limits.uploadsWaitingMax) return true
    const sameHost = [...this.#queued].filter(({ requester }) => requester.host === host)
    const samePeer = sameHost.filter(({ requester }) => requester.id === id)
    return (
      sameHost.length >= limits.uploadsWaitingPerHostMax ||
      samePeer.length >= limits.uploadsWaitingPerPeerMax
    )
  }

  #admit(): void {
    while (this.#uploads < this.#uploadsMax) {
      const nowMs = this.#clock.monotonicMs()
      const next = nextRead(
        [...this.#queued].map((queued) => ({
          queued,
          chunkSends: this.#sends.of(this.#choose(queued)),
          lastSlot: this.#lastSlots.get(queued.requester.id)?.number ?? 0,
          waitedMs: nowMs - queued.sinceMs,
          isBackground: queued.wanted.isBackground === true,
        })),
      )
      if (next === undefined) return
      this.#queued.delete(next.queued)
      next.queued.slot.resolve(this.#begin(next.queued))
    }
  }

  /** The chunk to send: the one sent the fewest times, but not the one sent to this requester last. */
  #choose({ wanted: { or = [], ...first }, requester }: QueuedRead): ContentChunk {
    const last = this.#lastSlots.get(requester.id)?.sent
    const wasLast = (chunk: number): boolean =>
      chunk === last?.chunk && first.sha256 === last.sha256
    let best: ContentChunk = first
    let fewest = wasLast(first.chunk) ? Number.POSITIVE_INFINITY : this.#sends.of(first)
    for (const chunk of or) {
      // The requester accepted it when it sent this read, but it has been on its way there since.
      if (wasLast(chunk)) continue
      // No chunk was sent less often, and a long queue offers many.
      if (fewest === 0) break
      const other = { ...first, chunk }
      const sends = this.#sends.of(other)
      if (sends < fewest) [best, fewest] = [other, sends]
    }
    return best
  }

  #begin(queued: QueuedRead): UploadSlot {
    const { requester, signal, wanted } = queued
    const { isBackground = false } = wanted
    const chosen = this.#choose(queued)
    if (!isBackground) this.#sends.add(chosen)
    this.#noteSlot(requester.id, chosen)
    this.#uploads += 1
    const startMs = this.#clock.monotonicMs()
    let cancelTimer: Cancel = () => {}
    let isCounted = true
    const release = (): void => {
      cancelTimer()
      signal.removeEventListener('abort', onAbort)
      if (isCounted) this.#end(this.#clock.monotonicMs() - startMs)
      isCounted = false
    }
    const onAbort = (): void => {
      // A requester that withdrew the read will not pass the chunk on.
      if (!isBackground) this.#sends.remove(chosen)
      release()
    }
    // A slow receiver does not keep its slot.
    cancelTimer = this.#clock.after(uploadSlotMs, release)
    // The pieces of a reply that never starts are not iterated, so only the signal ends its slot.
    signal.addEventListener('abort', onAbort, { once: true })
    return { chunk: chosen.chunk, [Symbol.dispose]: release }
  }

  #noteSlot(id: string, sent: ContentChunk): void {
    this.#slotCount += 1
    this.#lastSlots.delete(id)
    this.#lastSlots.set(id, { number: this.#slotCount, sent })
    const [oldest] = this.#lastSlots.keys()
    if (this.#lastSlots.size > limits.connectionsMax && oldest !== undefined)
      this.#lastSlots.delete(oldest)
  }

  #end(tookMs: number): void {
    this.#uploads -= 1
    const isAnyQueued = this.#queued.size > 0
    this.#uploadsMax = uploadsAtOnceAfter(this.#uploadsMax, { tookMs, isAnyQueued })
    this.#admit()
  }
}
