import type { Clock } from '../../common/clock.ts'
import type { Random } from '../../common/random.ts'
import { retryDelayMs } from './retry-delay.ts'

export interface Rest {
  /** Refusals in a row. */
  readonly failures: number
  readonly code: string
  /** One line for users, from the peer. */
  readonly reason: string | undefined
  /** Monotonic time when it is asked again. */
  readonly untilMs: number
}

/** Why a peer could not carry out a task, as far as known. */
export interface PeerFailure {
  readonly code: string
  /** One line for users. */
  readonly reason?: string | undefined
}

/**
 * Copies that fail in a row, whatever their contents, until the peer itself is the likely cause: a
 * disk that has become read-only fails with each of them.
 */
const failuresInRowMax = 8

/**
 * Peers that refused a task for their own reasons (a full disk, a full queue): they get no new
 * tasks for a while.
 */
export class RestingPeers {
  readonly #clock: Clock
  readonly #random: Random
  readonly #rests = new Map<string, Rest>()
  /** Contents whose copies failed since the last success, by peer. */
  readonly #failing = new Map<string, Set<number>>()

  constructor(dependencies: { clock: Clock; random: Random }) {
    this.#clock = dependencies.clock
    this.#random = dependencies.random
  }

  /** The peer's current rest, if any. */
  restOf(peerId: string): Rest | undefined {
    const rest = this.#rests.get(peerId)
    return rest !== undefined && rest.untilMs > this.#clock.monotonicMs() ? rest : undefined
  }

  /** Whether the peer takes no drops now; one that is full needs them. */
  isDropRefused(peerId: string): boolean {
    const rest = this.restOf(peerId)
    return rest !== undefined && rest.code !== 'DISK_FULL' && rest.code !== 'CAPACITY_FULL'
  }

  /** Starts a rest; further refusals during it belong to the same one. */
  refuse(peerId: string, { code, reason }: PeerFailure): void {
    if (this.restOf(peerId) !== undefined) return
    const failures = (this.#rests.get(peerId)?.failures ?? 0) + 1
    const untilMs = this.#clock.monotonicMs() + retryDelayMs(failures, this.#random)
    this.#rests.set(peerId, { failures, code, reason, untilMs })
  }

  /** A copy failed at the peer, which is not known to be the cause. */
  onFailed(peerId: string, contentId: number, failure: PeerFailure): void {
    const failing = this.#failing.get(peerId) ?? new Set()
    this.#failing.set(peerId, failing.add(contentId))
    if (failing.size < failuresInRowMax) return
    this.#failing.delete(peerId)
    this.refuse(peerId, failure)
  }

  /** The peer completed a task, or is a new process. */
  forgive(peerId: string): void {
    this.#failing.delete(peerId)
    this.#rests.delete(peerId)
  }
}
