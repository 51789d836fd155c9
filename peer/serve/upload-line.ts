import type { Cancel, Clock } from '../../common/clock.ts'
import { AppError } from '../../common/errors.ts'
import { deadlines, limits } from '../../common/limits.ts'
import { type Chunks, SendCounts } from './send-counts.ts'
import { nextWaiter, uploadsAtOnceAfter } from './upload-turns.ts'

/** What a read is for. */
export interface WantedChunks extends Chunks {
  /** Other single chunks that will do as well. */
  readonly or?: readonly number[] | undefined
}

/** Whose read it is. */
export interface Requester {
  /** The same for all connections of one peer. */
  readonly id: string
  /** Where it comes from: an id can be made up. */
  readonly host: string
}

/** A read whose turn it is; disposing ends that. */
export interface Turn extends Disposable {
  /** What to send, of what will do. */
  readonly chunk: number
}

interface Waiting {
  readonly requester: Requester
  readonly wanted: WantedChunks
  readonly signal: AbortSignal
  readonly sinceMs: number
  readonly turn: PromiseWithResolvers<Turn>
}

/**
 * The reads that this peer answers, so many at a time; the others stand in line. Each has its turn, or
 * is told that this peer is busy before whoever asked could take the silence for a stall.
 */
export class UploadLine {
  readonly #clock: Clock
  readonly #waiting = new Set<Waiting>()
  readonly #sends: SendCounts
  /** Reads being answered that are not slow. */
  #uploads = 0
  #uploadsMax: number = limits.uploadsAtOnceMin
  /** Each peer's last turn, the least recent one first. */
  readonly #lastTurns = new Map<string, { readonly number: number; readonly sent: Chunks }>()
  #turns = 0

  constructor(dependencies: { clock: Clock }) {
    this.#clock = dependencies.clock
    this.#sends = new SendCounts(dependencies)
  }

  /** Reads in line. */
  get length(): number {
    return this.#waiting.size
  }

  /**
   * Resolves when it is the read's turn; disposing what it resolves with, or aborting the signal, lets
   * the next one in.
   * @throws AppError BUSY when the line is too long, or moves too slowly; or the signal's reason
   */
  async enter(wanted: WantedChunks, requester: Requester, signal: AbortSignal): Promise<Turn> {
    signal.throwIfAborted()
    if (this.#isFullFor(requester)) throw new AppError('BUSY')
    const turn = Promise.withResolvers<Turn>()
    const waiting = { requester, wanted, signal, sinceMs: this.#clock.monotonicMs(), turn }
    this.#waiting.add(waiting)
    this.#letIn()
    const leave = (reason: unknown): void => {
      if (this.#waiting.delete(waiting)) turn.reject(reason as Error)
    }
    const onAbort = (): void => leave(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const cancelTimer = this.#clock.after(deadlines.uploadLineMs, () => leave(new AppError('BUSY')))
    try {
      return await turn.promise
    } finally {
      cancelTimer()
      signal.removeEventListener('abort', onAbort)
    }
  }

  #isFullFor({ id, host }: Requester): boolean {
    if (this.#waiting.size >= limits.uploadsWaitingMax) return true
    const sameHost = [...this.#waiting].filter(({ requester }) => requester.host === host)
    const samePeer = sameHost.filter(({ requester }) => requester.id === id)
    return (
      sameHost.length >= limits.uploadsWaitingPerHostMax ||
      samePeer.length >= limits.uploadsWaitingPerPeerMax
    )
  }

  #letIn(): void {
    while (this.#uploads < this.#uploadsMax) {
      const nowMs = this.#clock.monotonicMs()
      const next = nextWaiter(
        [...this.#waiting].map((waiting) => ({
          waiting,
          chunkSends: this.#sends.of(this.#choose(waiting)),
          lastTurn: this.#lastTurns.get(waiting.requester.id)?.number ?? 0,
          waitedMs: nowMs - waiting.sinceMs,
        })),
      )
      if (next === undefined) return
      this.#waiting.delete(next.waiting)
      next.waiting.turn.resolve(this.#begin(next.waiting))
    }
  }

  /** The chunks to send: those that were sent the fewest times, and not to this peer a moment ago. */
  #choose({ wanted: { or = [], ...first }, requester }: Waiting): Chunks {
    const last = this.#lastTurns.get(requester.id)?.sent
    const wasLast = (chunk: number): boolean =>
      chunk === last?.chunk && first.sha256 === last.sha256
    let best: Chunks = first
    let fewest = wasLast(first.chunk) ? Number.POSITIVE_INFINITY : this.#sends.of(first)
    for (const chunk of or) {
      // It is on its way there, although it was welcome when this was asked for.
      if (wasLast(chunk)) continue
      // Nothing was sent less often, and a long line offers many.
      if (fewest === 0) break
      const other = { ...first, chunk }
      const sends = this.#sends.of(other)
      if (sends < fewest) [best, fewest] = [other, sends]
    }
    return best
  }

  #begin(waiting: Waiting): Turn {
    const { requester, signal } = waiting
    const chosen = this.#choose(waiting)
    this.#sends.add(chosen)
    this.#noteTurn(requester.id, chosen)
    this.#uploads += 1
    const startMs = this.#clock.monotonicMs()
    let cancelTimer: Cancel = () => {}
    let isCounted = true
    const leave = (): void => {
      cancelTimer()
      signal.removeEventListener('abort', onAbort)
      if (isCounted) this.#end(this.#clock.monotonicMs() - startMs)
      isCounted = false
    }
    const onAbort = (): void => {
      // Whoever withdrew it passes these chunks on to nobody.
      this.#sends.remove(chosen)
      leave()
    }
    // A receiver that takes its bytes slowly keeps nobody else waiting.
    cancelTimer = this.#clock.after(deadlines.uploadTurnMs, leave)
    // Of a reply that never begins to leave nothing is asked: only the signal tells.
    signal.addEventListener('abort', onAbort, { once: true })
    return { chunk: chosen.chunk, [Symbol.dispose]: leave }
  }

  #noteTurn(id: string, sent: Chunks): void {
    this.#turns += 1
    this.#lastTurns.delete(id)
    this.#lastTurns.set(id, { number: this.#turns, sent })
    const [oldest] = this.#lastTurns.keys()
    if (this.#lastTurns.size > limits.connectionsMax && oldest !== undefined)
      this.#lastTurns.delete(oldest)
  }

  #end(tookMs: number): void {
    this.#uploads -= 1
    const isAnyWaiting = this.#waiting.size > 0
    this.#uploadsMax = uploadsAtOnceAfter(this.#uploadsMax, { tookMs, isAnyWaiting })
    this.#letIn()
  }
}
