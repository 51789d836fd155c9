import type { Clock } from '../../common/clock.ts'
import type { Random } from '../../common/random.ts'
import { retryDelayMs } from './retry-delay.ts'

/** Failures remembered, about 20 MiB; the oldest are evicted. */
export const failedPairsMax = 100_000
/**
 * Failures remembered per content: one bad file in a cluster of ten thousand peers does not fill
 * the memory.
 */
export const failedPairsPerContentMax = 64
/**
 * Targets that must have failed to read a content before its source has to wait: one may be at
 * fault itself.
 */
const sourceAccusersMin = 2

export type PairRole = 'target' | 'source'

/** Recent failures of copies of one content at one peer. */
export interface FailedPair {
  readonly peerId: string
  readonly role: PairRole
  readonly code: string
  /** One line for users, from the peer that failed. */
  readonly reason?: string | undefined
  /** Failures in a row. */
  readonly failures: number
  /** Monotonic time of the last failure, and of the next attempt. */
  readonly failedMs: number
  readonly untilMs: number
  /** For a source: the targets that could not read from it. */
  readonly accusers: readonly string[]
}

/** A failed copy of a content on `target`, from any of `sources` if they may be the cause. */
export interface FailedCopy {
  readonly code: string
  readonly reason?: string | undefined
  readonly target: string
  readonly sources: readonly string[]
}

/**
 * Number of failures in a row after which the delay stops growing. A slow pair works if nothing
 * better does; a copy that is still needed may be dropped as soon as its replacement has its
 * copies.
 */
const countedFailuresMax: Readonly<Record<string, number>> = { SOURCE_SLOW: 3, STILL_NEEDED: 2 }

/**
 * Failures of contents at single peers. A target that failed waits before its next attempt at that
 * content; a source waits when several targets failed to read the content from it. Failures before
 * a peer's registration no longer count. Bounded: the least recent contents are evicted.
 */
export class FailedPairs {
  readonly #clock: Clock
  readonly #random: Random
  /** Most recent failure last. */
  readonly #byContent = new Map<number, Map<string, FailedPair>>()
  readonly #arrivedMs = new Map<string, number>()
  #count = 0

  constructor(dependencies: { clock: Clock; random: Random }) {
    this.#clock = dependencies.clock
    this.#random = dependencies.random
  }

  /** Number of pairs remembered. */
  get count(): number {
    return this.#count
  }

  /** A peer registered: a new process, possibly with a new disk or address, has no failures. */
  onArrival(peerId: string): void {
    this.#arrivedMs.delete(peerId)
    this.#arrivedMs.set(peerId, this.#clock.monotonicMs())
    const [oldest] = this.#arrivedMs.keys()
    if (this.#arrivedMs.size > failedPairsMax && oldest !== undefined)
      this.#arrivedMs.delete(oldest)
  }

  fail(contentId: number, { code, reason, target, sources }: FailedCopy): void {
    const pairs = this.#byContent.get(contentId) ?? new Map<string, FailedPair>()
    this.#byContent.delete(contentId)
    this.#byContent.set(contentId, pairs)
    this.#add(pairs, { peerId: target, role: 'target', code, reason, accuser: target })
    for (const peerId of sources)
      this.#add(pairs, { peerId, role: 'source', code, reason, accuser: target })
    this.#forgetOldest()
  }

  /** The failures of `contentId` at a peer in this role, unless it has registered since. */
  of(contentId: number, role: PairRole, peerId: string): FailedPair | undefined {
    const pair = this.#byContent.get(contentId)?.get(keyOf(role, peerId))
    return pair === undefined || this.#isStale(pair) ? undefined : pair
  }

  /** Whether the target waits for a retry of the content. */
  isTargetWaiting(contentId: number, target: string): boolean {
    const pair = this.of(contentId, 'target', target)
    return pair !== undefined && pair.untilMs > this.#clock.monotonicMs()
  }

  /** Whether `target` must not read the content from `source` now. A new target may still try. */
  isSourceWaiting(contentId: number, source: string, target: string): boolean {
    const pair = this.of(contentId, 'source', source)
    if (pair === undefined || !this.#isBlocking(pair)) return false
    return (this.#arrivedMs.get(target) ?? 0) <= pair.failedMs
  }

  /** Everything that blocks the content at some peer now, soonest to end first. */
  waitingOf(contentId: number): FailedPair[] {
    const pairs = [...(this.#byContent.get(contentId)?.values() ?? [])]
    return pairs
      .filter((pair) => !this.#isStale(pair) && this.#isBlocking(pair))
      .toSorted((a, b) => a.untilMs - b.untilMs)
  }

  /** The content needs nothing any longer. */
  forget(contentId: number): void {
    this.#count -= this.#byContent.get(contentId)?.size ?? 0
    this.#byContent.delete(contentId)
  }

  #isBlocking({ role, accusers, untilMs }: FailedPair): boolean {
    if (untilMs <= this.#clock.monotonicMs()) return false
    return role === 'target' || accusers.length >= sourceAccusersMin
  }

  #isStale({ peerId, failedMs }: FailedPair): boolean {
    return (this.#arrivedMs.get(peerId) ?? -Infinity) > failedMs
  }

  #add(
    pairs: Map<string, FailedPair>,
    failed: Pick<FailedPair, 'peerId' | 'role' | 'code' | 'reason'> & { accuser: string },
  ): void {
    const { peerId, role, code, reason, accuser } = failed
    const key = keyOf(role, peerId)
    const known = pairs.get(key)
    const before = known === undefined || this.#isStale(known) ? undefined : known
    const accusers = new Set([...(before?.accusers ?? []), accuser])
    // While only one target has failed, its own delay suffices.
    const isCounted = role === 'target' || accusers.size >= sourceAccusersMin
    const failures = (before?.failures ?? 0) + Number(isCounted)
    const failedMs = this.#clock.monotonicMs()
    const steps = Math.min(failures, countedFailuresMax[code] ?? failures)
    const untilMs = isCounted ? failedMs + retryDelayMs(steps, this.#random) : failedMs
    if (known === undefined) this.#count++
    pairs.delete(key)
    pairs.set(key, {
      peerId,
      role,
      code,
      reason,
      failures,
      failedMs,
      untilMs,
      accusers: [...accusers].slice(-sourceAccusersMin),
    })
    const [oldest] = pairs.keys()
    if (pairs.size > failedPairsPerContentMax && oldest !== undefined) {
      pairs.delete(oldest)
      this.#count--
    }
  }

  #forgetOldest(): void {
    while (this.#count > failedPairsMax) {
      const [oldest] = this.#byContent.keys()
      if (oldest === undefined) return
      this.forget(oldest)
    }
  }
}

function keyOf(role: PairRole, peerId: string): string {
  return `${role}/${peerId}`
}
