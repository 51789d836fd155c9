/** Which connections a server at its limit gives up for a new one. */
import type { Clock } from '../clock.ts'
import { deadlines } from '../limits.ts'

/** The facts about a connection that decide. */
export interface Occupant {
  /** Identifies its host. */
  readonly hostKey: string
  /** Whether its hello was accepted. */
  readonly isGreeted: boolean
  /** Whether a peer is registered on it. */
  readonly isRegistered: boolean
  /** Whether it has unanswered requests. */
  readonly isBusy: boolean
  /** Milliseconds without traffic. */
  readonly silentMs: number
}

interface Candidate<T> {
  readonly one: T
  readonly rank: number
  readonly hostCount: number
  readonly silentMs: number
}

/** To look at all of thousands of connections takes milliseconds: so many are found by one look, … */
const candidatesMax = 64
/** … and used for so long. */
const candidatesMs = 100

/** Least valuable first: silent before hello, idle, busy, registered. */
function rankOf({ isGreeted, isRegistered, isBusy }: Occupant): number {
  if (!isGreeted) return 0
  if (isRegistered) return 3
  return isBusy ? 2 : 1
}

function leavesBefore(a: Candidate<unknown>, b: Candidate<unknown>): number {
  return a.rank - b.rank || b.hostCount - a.hostCount || b.silentMs - a.silentMs
}

/** The connections of a server. */
export class ConnectionSlots<T extends Occupant> {
  readonly #clock: Clock
  readonly #all = new Set<T>()
  readonly #hostCounts = new Map<string, number>()
  /** Least valuable first. */
  #candidates: readonly Candidate<T>[] = []
  #lookedMs = Number.NEGATIVE_INFINITY

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock
  }

  get size(): number {
    return this.#all.size
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.#all.values()
  }

  add(one: T): void {
    this.#all.add(one)
    this.#hostCounts.set(one.hostKey, this.#countOf(one.hostKey) + 1)
  }

  delete(one: T): void {
    if (!this.#all.delete(one)) return
    const count = this.#countOf(one.hostKey) - 1
    if (count > 0) this.#hostCounts.set(one.hostKey, count)
    else this.#hostCounts.delete(one.hostKey)
  }

  /**
   * The connections to close so that one from `hostKey` can be served: all that have been silent before
   * their hello for `deadlines.slotIdleMs`, or one; none if it must be refused. A host with more
   * connections than the newcomer's host would have gives up one. Otherwise only a connection that is
   * not busy and was silent for `slotIdleMs` leaves, also one of the newcomer's host.
   */
  leavingFor(hostKey: string): readonly T[] {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#lookedMs < candidatesMs) {
      const known = this.#candidates.find((one) => this.#mayLeave(one, hostKey))
      if (known !== undefined) return [known.one]
    }
    const silent = [...this.#all].filter(
      ({ isGreeted, silentMs }) => !isGreeted && silentMs >= deadlines.slotIdleMs,
    )
    if (silent.length > 0) return silent
    const order = Array.from(this.#all, (one) => this.#candidate(one)).sort(leavesBefore)
    this.#candidates = order.slice(0, candidatesMax)
    this.#lookedMs = nowMs
    const found = order.find((one) => this.#mayLeave(one, hostKey))
    return found === undefined ? [] : [found.one]
  }

  #candidate(one: T): Candidate<T> {
    const { hostKey, silentMs } = one
    return { one, rank: rankOf(one), hostCount: this.#countOf(hostKey), silentMs }
  }

  #mayLeave({ one, rank }: Candidate<T>, newcomer: string): boolean {
    // It may be worth more, or be gone, since it was looked at.
    if (!this.#all.has(one) || rankOf(one) > rank) return false
    const { hostKey, silentMs } = one
    const share = this.#countOf(newcomer) + 1
    const count = this.#countOf(hostKey)
    if (count > share) return true
    const isIdle = rank <= 1 && silentMs >= deadlines.slotIdleMs
    return isIdle && (hostKey === newcomer || count >= share)
  }

  #countOf(hostKey: string): number {
    return this.#hostCounts.get(hostKey) ?? 0
  }
}
