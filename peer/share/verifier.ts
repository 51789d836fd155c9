import type { Clock } from '../../common/clock.ts'

/** Files queued to be verified, and recently verified ones remembered. */
export const verifiedWaitingMax = 1_000
/** A file that was just verified is not verified again for this long. */
export const verifyPauseMs = 60_000

interface Dependencies {
  /**
   * Reads the file at this path and updates its entry; with `mustAnnounce` it is announced in any
   * case.
   */
  readonly verify: (path: string, mustAnnounce: boolean) => Promise<void>
  /** Starts background work that ends with the share. */
  readonly start: (work: (signal: AbortSignal) => Promise<void>) => void
  readonly clock: Clock
}

/**
 * Reads files again that another peer reports as wrong although they look untouched. One at a time,
 * none again within `verifyPauseMs`, and at most `verifiedWaitingMax` queued, because others may
 * request this as often as they like.
 */
export class Verifier {
  readonly #dependencies: Dependencies
  readonly #waiting = new Map<string, boolean>()
  /** When each was last read (monotonic). */
  readonly #readMs = new Map<string, number>()
  #isRunning = false
  /** The file that is being read, if it will be announced in any case. */
  #readingToAnnounce: string | undefined

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Queues the file for reading, unless it was read less than `verifyPauseMs` ago. `mustAnnounce`:
   * the index waits for its announcement.
   */
  add(path: string, mustAnnounce: boolean): void {
    const { clock, start } = this.#dependencies
    if (path === this.#readingToAnnounce) return
    const readMs = this.#readMs.get(path)
    if (readMs !== undefined && clock.monotonicMs() - readMs < verifyPauseMs) return
    if (!this.#waiting.has(path) && this.#waiting.size >= verifiedWaitingMax) return
    this.#waiting.set(path, mustAnnounce || this.#waiting.get(path) === true)
    if (this.#isRunning) return
    this.#isRunning = true
    start((signal) => this.#run(signal))
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, verify } = this.#dependencies
    try {
      for (const [path, mustAnnounce] of this.#waiting) {
        if (signal.aborted) return
        this.#waiting.delete(path)
        this.#remember(path, clock.monotonicMs())
        this.#readingToAnnounce = mustAnnounce ? path : undefined
        await verify(path, mustAnnounce)
        this.#remember(path, clock.monotonicMs())
      }
    } finally {
      this.#readingToAnnounce = undefined
      this.#isRunning = false
    }
  }

  #remember(path: string, nowMs: number): void {
    this.#readMs.delete(path)
    this.#readMs.set(path, nowMs)
    const [oldest] = this.#readMs.keys()
    if (this.#readMs.size > verifiedWaitingMax && oldest !== undefined) this.#readMs.delete(oldest)
  }
}
