import type { BackgroundWork } from '../common/background.ts'
import { backoffMs } from '../common/backoff.ts'
import type { Cancel, Clock } from '../common/clock.ts'
import { hasCode, reasonOf } from '../common/errors.ts'
import type { Address } from '../common/protocol/transport.ts'
import type { Random } from '../common/random.ts'

/** Concurrent dials: a blackholed address takes `deadlines.dialMs`, others a few ms. */
export const dialBacksAtOnce = 32
/** Minimum interval between dials of one peer, however many report that they cannot reach it. */
const dialBackPauseMs = 5_000

/**
 * Connects to a peer's address and asks for its id. @throws AppError why that peer cannot be
 * reached
 */
export type DialBack = (peerId: string, address: Address, signal: AbortSignal) => Promise<void>

/**
 * `unknown`: the first dial of this address has not finished. `sinceMs` is -Infinity for a peer that
 * was never reached.
 */
export type Reach =
  | { readonly name: 'unknown' | 'reachable' }
  | { readonly name: 'unreachable'; readonly reason: string; readonly sinceMs: number }

interface Watched {
  readonly address: Address
  reach: Reach
  failures: number
  checkedMs: number
  isChecking: boolean
  /** Whether its peer is no longer registered. */
  isPaused: boolean
  cancel: Cancel
}

/** An unreachable peer is dialled again as long as it is registered, at growing intervals. */
const retryBackoff = { firstMs: 2_000, maxMs: 60_000 }

/**
 * Whether peers answer at the addresses that they announce. Each is dialled when it registers and
 * when another peer reports that it cannot connect: a few at a time, each within a deadline.
 */
export class Reachability implements Disposable {
  readonly #dialBack: DialBack
  readonly #clock: Clock
  readonly #random: Random
  readonly #background: BackgroundWork
  /** Called after each dial, with whether the result changed. */
  readonly #onChecked: (peerId: string, isNews: boolean) => void
  readonly #watched = new Map<string, Watched>()
  /** Peers to dial next. */
  readonly #waiting = new Set<string>()
  #running = 0

  constructor(dependencies: {
    dialBack: DialBack
    clock: Clock
    random: Random
    background: BackgroundWork
    onChecked: (peerId: string, isNews: boolean) => void
  }) {
    this.#dialBack = dependencies.dialBack
    this.#clock = dependencies.clock
    this.#random = dependencies.random
    this.#background = dependencies.background
    this.#onChecked = dependencies.onChecked
  }

  of(peerId: string): Reach {
    return this.#watched.get(peerId)?.reach ?? { name: 'unknown' }
  }

  /**
   * The peer registered with this address. A known result for the same address stays until the next
   * dial.
   */
  watch(peerId: string, { host, port }: Address): void {
    const before = this.#watched.get(peerId)
    before?.cancel()
    const isSame = before?.address.host === host && before.address.port === port
    this.#watched.set(peerId, {
      address: { host, port },
      reach: isSame ? before.reach : { name: 'unknown' },
      failures: 0,
      checkedMs: Number.NEGATIVE_INFINITY,
      isChecking: false,
      isPaused: false,
      cancel: () => {},
    })
    this.#look(peerId)
  }

  /** The peer is no longer registered; the known result stays. */
  pause(peerId: string): void {
    const watched = this.#watched.get(peerId)
    this.#waiting.delete(peerId)
    if (watched === undefined) return
    watched.cancel()
    // A running dial must not schedule the next one.
    watched.isPaused = true
  }

  forget(peerId: string): void {
    this.pause(peerId)
    this.#watched.delete(peerId)
  }

  /** Another peer could not connect to it. */
  doubt(peerId: string): void {
    const watched = this.#watched.get(peerId)
    if (watched === undefined || watched.isChecking) return
    if (this.#clock.monotonicMs() - watched.checkedMs < dialBackPauseMs) return
    this.#look(peerId)
  }

  [Symbol.dispose](): void {
    for (const { cancel } of this.#watched.values()) cancel()
    this.#waiting.clear()
  }

  #look(peerId: string): void {
    this.#waiting.add(peerId)
    for (const next of this.#waiting) {
      if (this.#running >= dialBacksAtOnce) return
      this.#waiting.delete(next)
      const watched = this.#watched.get(next)
      if (watched === undefined || watched.isChecking) continue
      watched.cancel()
      watched.isChecking = true
      this.#running++
      this.#background.start('dial a peer back', (signal) => this.#check(next, watched, signal))
    }
  }

  async #check(peerId: string, watched: Watched, signal: AbortSignal): Promise<void> {
    let reason: string | undefined
    try {
      await this.#dialBack(peerId, watched.address, signal)
    } catch (error) {
      // It answers, but is too busy for a hello.
      if (!hasCode(error, 'TOO_MANY_CONNECTIONS')) reason = reasonOf(error)
    } finally {
      watched.isChecking = false
      this.#running--
    }
    if (signal.aborted) return
    // It may have registered again meanwhile, or be gone.
    if (this.#watched.get(peerId) === watched) this.#onLooked(peerId, watched, reason)
    const [next] = this.#waiting
    if (next !== undefined) this.#look(next)
  }

  #onLooked(peerId: string, watched: Watched, reason: string | undefined): void {
    const before = watched.reach
    watched.checkedMs = this.#clock.monotonicMs()
    watched.failures = reason === undefined ? 0 : watched.failures + 1
    if (reason === undefined) watched.reach = { name: 'reachable' }
    // A peer that was reached before gets a second dial: a single failure may be the network's.
    else if (before.name !== 'reachable' || watched.failures > 1) {
      const isNew = before.name === 'unknown'
      const firstMs = isNew ? Number.NEGATIVE_INFINITY : watched.checkedMs
      const sinceMs = before.name === 'unreachable' ? before.sinceMs : firstMs
      watched.reach = { name: 'unreachable', reason, sinceMs }
    }
    if (watched.failures > 0 && !watched.isPaused) {
      const delayMs = backoffMs(watched.failures, retryBackoff, this.#random)
      watched.cancel = this.#clock.after(delayMs, () => this.#look(peerId))
    }
    this.#onChecked(peerId, before.name !== watched.reach.name)
  }
}
