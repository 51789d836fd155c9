import assert from 'node:assert/strict'
import type { Lane } from '../../common/content/lanes.ts'
import type { Random } from '../../common/random.ts'
import { DueHeap } from './due-heap.ts'
import { type Rank, ranks } from './ranks.ts'
import { retryDelayMs } from './retry-delay.ts'
import type { StreamKey } from './running-tasks.ts'
import { SourceLines } from './source-lines.ts'

/** Why a content waits for a moment: `failed` at all peers alike, or at each peer that may copy it now. */
export type DelayReason = 'settling' | 'confirming' | 'failed' | 'failed at peers'

export interface Delay {
  readonly reason: DelayReason
  readonly dueMs: number
  /** Whose announcement is waited for while confirming. */
  readonly awaited?: string
}

/** Where a content is in the queue. */
export type QueuePlace =
  | { readonly state: 'ready' | 'in-line' | 'parked' | 'held' }
  | ({ readonly state: 'delayed' } & Delay)

/** How the attempts at a content ended so far, if it is no single peer that is to blame. */
export interface Failure {
  readonly failures: number
  readonly code: string
  /** One line for people, from the target. */
  readonly why?: string | undefined
  readonly target: string
}

interface FailureReport extends Omit<Failure, 'failures'> {
  readonly reason?: 'failed' | 'failed at peers'
}

/** A copy that a peer reported and did not announce in time. */
export interface Unconfirmed {
  readonly contentId: number
  readonly target: string
}

interface Delayed extends Delay {
  readonly contentId: number
  readonly rank: Rank
}

/**
 * The contents that need something, each in one of five places: `delayed` until a moment, `ready`
 * to be planned (most urgent first, oldest first inside), `in-line` until a source can give more,
 * `parked` until another peer comes, or `held` while tasks for it run. Knows no clock; a million
 * contents cost some 50 MB.
 */
export class NeedQueue {
  readonly #ready = new Map<Rank, Set<number>>(ranks.map((rank) => [rank, new Set()]))
  readonly #inLine = new SourceLines()
  readonly #parked = new Map<number, Rank>()
  #unparkMs = Infinity
  readonly #held = new Map<number, Rank>()
  readonly #delayed = new Map<number, Delayed>()
  /** Has what is in `#delayed`, and what was there and is no more. */
  readonly #heap = new DueHeap<Delayed>()
  readonly #failures = new Map<number, Failure>()
  /** Those delayed because of failures at peers: another peer may copy them before they are due. */
  readonly #failedAtPeers = new Set<number>()

  get size(): number {
    const waiting = this.#inLine.size + this.#parked.size + this.#delayed.size
    return this.readyCount + waiting + this.#held.size
  }

  get readyCount(): number {
    return ranks.reduce((count, rank) => count + this.#readyOf(rank).size, 0)
  }

  get heldCount(): number {
    return this.#held.size
  }

  /** When {@link admitDue} has something to do next; Infinity when nothing waits for a moment. */
  get nextDueMs(): number {
    return Math.min(this.#heap.first?.dueMs ?? Infinity, this.#unparkMs)
  }

  has(contentId: number): boolean {
    return this.placeOf(contentId) !== undefined
  }

  placeOf(contentId: number): QueuePlace | undefined {
    const delayed = this.#delayed.get(contentId)
    if (delayed !== undefined) return { state: 'delayed', ...delayed }
    if (this.#inLine.rankOf(contentId) !== undefined) return { state: 'in-line' }
    if (this.#parked.has(contentId)) return { state: 'parked' }
    if (this.#held.has(contentId)) return { state: 'held' }
    return ranks.some((rank) => this.#readyOf(rank).has(contentId)) ? { state: 'ready' } : undefined
  }

  failureOf(contentId: number): Failure | undefined {
    return this.#failures.get(contentId)
  }

  /**
   * A content was found to need something; one that waits already keeps its place, and moves up or down.
   * One that no peer could take is ready: its copies or owners changed, and now one may.
   */
  need(contentId: number, rank: Rank, settledMs: number): void {
    const state = this.placeOf(contentId)?.state
    const isMoved = state === 'ready' && !this.#readyOf(rank).has(contentId)
    if (isMoved || state === 'parked') {
      this.#detach(contentId)
      this.#readyOf(rank).add(contentId)
    } else if (state === undefined || state === 'held')
      this.delay(contentId, rank, { reason: 'settling', dueMs: settledMs })
  }

  delay(contentId: number, rank: Rank, delay: Delay): void {
    this.#detach(contentId)
    const delayed = { contentId, rank, ...delay }
    this.#delayed.set(contentId, delayed)
    this.#heap.push(delayed)
    if (delay.reason === 'failed at peers') this.#failedAtPeers.add(contentId)
  }

  /** What failed at the peers there were is ready for another one. */
  retryFailedAtPeers(): void {
    for (const contentId of this.#failedAtPeers) this.retry(contentId)
  }

  /** It may be tried again now, wherever it waits. */
  retry(contentId: number): void {
    if (!this.has(contentId)) return
    const rank = this.#rankOf(contentId)
    this.#detach(contentId)
    this.#readyOf(rank).add(contentId)
  }

  /** All of its `sources`, one or more, give as much as they may: it gets in line for one of them. */
  lineUp(contentId: number, rank: Rank, sources: readonly StreamKey[]): void {
    this.#detach(contentId)
    this.#inLine.add(contentId, rank, sources)
  }

  /** The sources that contents are in line for. */
  get awaitedSources(): readonly StreamKey[] {
    return this.#inLine.sources
  }

  /** Makes the first `max` in the line of `source` ready. */
  admit(source: StreamKey, max: number): void {
    for (const contentId of this.#inLine.first(source, max)) this.retry(contentId)
  }

  /** No peer can take it: it waits for another one, or until `untilMs` if those there may change their mind. */
  park(contentId: number, rank: Rank, untilMs = Infinity): void {
    this.#detach(contentId)
    this.#parked.set(contentId, rank)
    this.#unparkMs = Math.min(this.#unparkMs, untilMs)
  }

  unpark(): void {
    for (const [contentId, rank] of this.#parked) this.#readyOf(rank).add(contentId)
    this.#parked.clear()
    this.#unparkMs = Infinity
  }

  /** Tasks for it run. */
  hold(contentId: number, rank: Rank): void {
    this.#detach(contentId)
    this.#held.set(contentId, rank)
  }

  /** It failed once more, whatever the peer, and waits for its next try. */
  fail(
    contentId: number,
    { reason = 'failed', ...how }: FailureReport,
    nowMs: number,
    random: Random,
  ): void {
    const failures = (this.#failures.get(contentId)?.failures ?? 0) + 1
    this.#failures.set(contentId, { ...how, failures })
    const dueMs = nowMs + retryDelayMs(failures, random)
    this.delay(contentId, this.#rankOf(contentId), { reason, dueMs })
  }

  /** A held content's task ended without a verdict on the content itself. */
  release(contentId: number, delay: Delay): void {
    const rank = this.#held.get(contentId)
    if (rank !== undefined) this.delay(contentId, rank, delay)
  }

  /** It needs nothing any more. */
  remove(contentId: number): void {
    this.#detach(contentId)
    this.#failures.delete(contentId)
  }

  /** Makes what is due ready; returns what was never announced. */
  admitDue(nowMs: number): Unconfirmed[] {
    const unconfirmed: Unconfirmed[] = []
    if (this.#unparkMs <= nowMs) this.unpark()
    for (let next = this.#heap.first; next && next.dueMs <= nowMs; next = this.#heap.first) {
      this.#heap.pop()
      if (this.#delayed.get(next.contentId) !== next) continue
      this.#delayed.delete(next.contentId)
      this.#failedAtPeers.delete(next.contentId)
      if (next.awaited !== undefined)
        unconfirmed.push({ contentId: next.contentId, target: next.awaited })
      this.#readyOf(next.rank).add(next.contentId)
    }
    return unconfirmed
  }

  /** The first `max` contents that are ready and of one of these ranks. */
  ready(of: readonly Rank[], max: number): number[] {
    const found: number[] = []
    for (const rank of of)
      for (const contentId of this.#readyOf(rank)) {
        if (found.length === max) return found
        found.push(contentId)
      }
    return found
  }

  /** Some contents of a lane that lack copies and wait for slots or streams, at most `max`. */
  waitingIn(lane: Lane, max: number): number[] {
    const of = [`last-copy/${lane}`, `copies/${lane}`] as const
    const ready = this.ready(of, max)
    const inLine = this.awaitedSources
      .filter((source) => source.startsWith(`${lane} `))
      .flatMap((source) => this.#inLine.first(source, max))
    return [...ready, ...inLine.slice(0, max)]
  }

  /** Looked at in vain: what was not looked at goes first next time. */
  moveBack(contentIds: readonly number[]): void {
    for (const contentId of contentIds)
      if (this.placeOf(contentId)?.state === 'ready') this.retry(contentId)
  }

  #readyOf(rank: Rank): Set<number> {
    const ready = this.#ready.get(rank)
    assert(ready !== undefined)
    return ready
  }

  #rankOf(contentId: number): Rank {
    return (
      this.#held.get(contentId) ??
      this.#inLine.rankOf(contentId) ??
      this.#parked.get(contentId) ??
      this.#delayed.get(contentId)?.rank ??
      ranks.find((rank) => this.#readyOf(rank).has(contentId)) ??
      'copies/small'
    )
  }

  #detach(contentId: number): void {
    this.#delayed.delete(contentId)
    this.#failedAtPeers.delete(contentId)
    this.#inLine.delete(contentId)
    this.#parked.delete(contentId)
    this.#held.delete(contentId)
    for (const rank of ranks) this.#readyOf(rank).delete(contentId)
  }
}
