import type { Clock } from '../../common/clock.ts'
import type { Random } from '../../common/random.ts'
import { retryDelayMs } from './retry-delay.ts'

export interface Rest {
  /** How often in a row the peer refused. */
  readonly failures: number
  readonly code: string
  /** One line for people, from the peer. */
  readonly reason: string | undefined
  /** Monotonic time at which it is asked again. */
  readonly untilMs: number
}

/** Why a peer could not do what it was handed, as far as it is known. */
export interface PeerFailure {
  readonly code: string
  /** One line for people. */
  readonly reason?: string | undefined
}

/** Peers that refused a task for reasons of their own (a full disk, a full queue): nothing new for a while. */
export class RestingPeers {
  readonly #clock: Clock
  readonly #random: Random
  readonly #rests = new Map<string, Rest>()

  constructor(dependencies: { clock: Clock; random: Random }) {
    this.#clock = dependencies.clock
    this.#random = dependencies.random
  }

  /** The peer's rest, if it rests now. */
  restOf(peerId: string): Rest | undefined {
    const rest = this.#rests.get(peerId)
    return rest !== undefined && rest.untilMs > this.#clock.monotonicMs() ? rest : undefined
  }

  /** Whether the peer takes no drops now; one whose disk is full needs them. */
  isDropRefused(peerId: string): boolean {
    const rest = this.restOf(peerId)
    return rest !== undefined && rest.code !== 'DISK_FULL'
  }

  /** Sends the peer to rest; further refusals until it is up again belong to the same one. */
  refuse(peerId: string, { code, reason }: PeerFailure): void {
    if (this.restOf(peerId) !== undefined) return
    const failures = (this.#rests.get(peerId)?.failures ?? 0) + 1
    const untilMs = this.#clock.monotonicMs() + retryDelayMs(failures, this.#random)
    this.#rests.set(peerId, { failures, code, reason, untilMs })
  }

  /** The peer did a task, or is a new process. */
  forgive(peerId: string): void {
    this.#rests.delete(peerId)
  }
}
