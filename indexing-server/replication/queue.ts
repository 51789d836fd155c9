import type { Lane } from '../../common/content/lanes.ts'
import type { Random } from '../../common/random.ts'
import { DueHeap } from './due-heap.ts'
import { classOf, isRepair, type Rank, type RankClass, ranks } from './ranks.ts'
import { ReadyContents } from './ready-contents.ts'
import { retryDelayMs } from './retry-delay.ts'
import { type Route, type RouteHead, RouteQueues } from './route-queues.ts'

/**
 * Why a content is delayed: `failed` regardless of the peer, or at each peer that can copy it now.
 */
export type DelayReason = 'settling' | 'confirming' | 'failed' | 'failed at peers'

export interface Delay {
  readonly reason: DelayReason
  readonly dueMs: number
  /** The peer whose announcement is awaited while confirming. */
  readonly awaited?: string
}

/** A content's place in the queue. */
export type QueuePlace =
  | { readonly state: 'ready' | 'queued' | 'parked' | 'held' }
  | ({ readonly state: 'delayed' } & Delay)

/** How attempts at a content have failed, if no single peer is the cause. */
export interface Failure {
  readonly failures: number
  readonly code: string
  /** One line for users, from the target. */
  readonly why?: string | undefined
  readonly target: string
}

interface FailureReport extends Omit<Failure, 'failures'> {
  readonly reason?: 'failed' | 'failed at peers'
}

/** A copy that a peer reported but did not announce in time. */
export interface Unconfirmed {
  readonly contentId: number
  readonly target: string
}

interface Delayed extends Delay {
  readonly contentId: number
  readonly rank: Rank
}

/**
 * The contents that need work, each in one of five places: `delayed` until a time, `ready` to be
 * planned (most urgent first, then oldest first, also after it was parked), `queued` for peers that
 * are busy, `parked` until another peer arrives, or `held` while tasks for it run. Has no clock.
 */
export class NeedQueue {
  readonly #ready = new ReadyContents()
  readonly #queued = new RouteQueues()
  readonly #parked = new Map<number, Rank>()
  #unparkMs = Infinity
  readonly #held = new Map<number, Rank>()
  readonly #delayed = new Map<number, Delayed>()
  /** Contains all of `#delayed`, and possibly entries that have left it. */
  readonly #heap = new DueHeap<Delayed>()
  readonly #failures = new Map<number, Failure>()
  /** Contents delayed by failures at peers: another peer may copy them before they are due. */
  readonly #failedAtPeers = new Set<number>()
  /** Contents in another place than `held` that lack nothing: they have replicas to trim or to move. */
  readonly #improved = new Set<number>()

  get size(): number {
    const waiting = this.#queued.size + this.#parked.size + this.#delayed.size
    return this.readyCount + waiting + this.#held.size
  }

  get readyCount(): number {
    return this.#ready.count
  }

  get heldCount(): number {
    return this.#held.size
  }

  /** Contents that wait, without those that lack nothing. */
  get waitingCount(): number {
    return this.size - this.heldCount - this.#improved.size
  }

  /** When {@link admitDue} has work next; Infinity if nothing is delayed. */
  get nextDueMs(): number {
    return Math.min(this.#heap.first?.dueMs ?? Infinity, this.#unparkMs)
  }

  /** What it is queued for; undefined if it is not. */
  classOf(contentId: number): RankClass | undefined {
    return this.has(contentId) ? classOf(this.#rankOf(contentId)) : undefined
  }

  /** Whether missing copies wait for the slots of peers. */
  get areRepairsWaiting(): boolean {
    const isReady = ranks.some((rank) => isRepair(rank) && this.#ready.countOf(rank) > 0)
    return isReady || this.#queued.hasRank(isRepair)
  }

  /** Whether missing copies are being made, or are about to be; not those that no peer can take now. */
  get isRepairing(): boolean {
    return (
      this.areRepairsWaiting ||
      this.#held.values().some(isRepair) ||
      this.#delayed
        .values()
        .some(({ rank, reason }) => isRepair(rank) && !reason.startsWith('failed'))
    )
  }

  has(contentId: number): boolean {
    return this.placeOf(contentId) !== undefined
  }

  placeOf(contentId: number): QueuePlace | undefined {
    const delayed = this.#delayed.get(contentId)
    if (delayed !== undefined) return { state: 'delayed', ...delayed }
    if (this.#queued.rankOf(contentId) !== undefined) return { state: 'queued' }
    if (this.#parked.has(contentId)) return { state: 'parked' }
    if (this.#held.has(contentId)) return { state: 'held' }
    return this.#ready.rankOf(contentId) === undefined ? undefined : { state: 'ready' }
  }

  failureOf(contentId: number): Failure | undefined {
    return this.#failures.get(contentId)
  }

  /**
   * A content needs work; one that is already queued keeps its place within its new rank. A parked
   * one becomes ready: its copies or owners changed, so a peer may take it now.
   */
  need(contentId: number, rank: Rank, settledMs: number): void {
    const state = this.placeOf(contentId)?.state
    if (state === 'parked') {
      this.#move(contentId, rank)
      this.#ready.rejoin([[contentId, rank]])
    } else if (state === 'ready' && !this.#ready.has(contentId, rank)) {
      this.#move(contentId, rank)
      this.#ready.add(contentId, rank)
    } else if (state === 'queued') {
      this.#queued.setRank(contentId, rank)
      this.#markImproved(contentId, rank)
    } else if (state === undefined || state === 'held')
      this.delay(contentId, rank, { reason: 'settling', dueMs: settledMs })
  }

  delay(contentId: number, rank: Rank, delay: Delay): void {
    this.#move(contentId, rank)
    const delayed = { contentId, rank, ...delay }
    this.#delayed.set(contentId, delayed)
    this.#heap.push(delayed)
    if (delay.reason === 'failed at peers') this.#failedAtPeers.add(contentId)
  }

  /** A new peer may copy what failed at the existing ones. */
  retryFailedAtPeers(): void {
    for (const contentId of this.#failedAtPeers) this.retry(contentId)
  }

  /** It may be tried again now, wherever it waits. */
  retry(contentId: number): void {
    if (!this.has(contentId)) return
    const rank = this.#rankOf(contentId)
    this.#move(contentId, rank)
    this.#ready.add(contentId, rank)
  }

  /** The peers of its `routes`, one or more, are busy: queues it until those of one are free. */
  enqueue(contentId: number, rank: Rank, routes: readonly Route[]): void {
    this.#move(contentId, rank)
    this.#queued.add(contentId, rank, routes)
  }

  /** The first content of each route to such a target, most urgent and oldest first. */
  heads(isTarget: (lane: Lane, target: string) => boolean): RouteHead[] {
    return this.#queued.heads(isTarget)
  }

  /** The number of contents queued for a route, and for its target. */
  lengthsOf(route: Route): { ofRoute: number; ofTarget: number } {
    return { ofRoute: this.#queued.lengthOf(route), ofTarget: this.#queued.lengthAt(route) }
  }

  /** Makes the first `max` contents queued for a route ready, before those that were never tried. */
  admit(route: Route, max: number): void {
    this.#admit(this.#queued.first(route, max))
  }

  /** A peer has arrived that may take what is queued for others. */
  admitAll(): void {
    this.#admit([...this.#queued.contentIds])
  }

  #admit(contentIds: readonly number[]): void {
    const admitted = contentIds.map((contentId) => [contentId, this.#rankOf(contentId)] as const)
    for (const [contentId, rank] of admitted) this.#move(contentId, rank)
    this.#ready.rejoin(admitted)
  }

  /**
   * No peer can take it: it waits for another one, or until `untilMs` if existing ones may become
   * able.
   */
  park(contentId: number, rank: Rank, untilMs = Infinity): void {
    this.#move(contentId, rank)
    this.#parked.set(contentId, rank)
    this.#ready.onParked(contentId)
    this.#unparkMs = Math.min(this.#unparkMs, untilMs)
  }

  unpark(): void {
    this.#ready.rejoin(this.#parked)
    this.#parked.clear()
    this.#unparkMs = Infinity
  }

  /** Tasks for it are running. */
  hold(contentId: number, rank: Rank): void {
    this.#detach(contentId)
    this.#ready.forget(contentId)
    this.#held.set(contentId, rank)
  }

  /** It failed again, regardless of the peer, and waits for a retry. */
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

  /** A task of a held content ended without a verdict on the content. */
  release(contentId: number, delay: Delay): void {
    const rank = this.#held.get(contentId)
    if (rank !== undefined) this.delay(contentId, rank, delay)
  }

  /** It needs nothing any longer. */
  remove(contentId: number): void {
    this.#detach(contentId)
    this.#ready.forget(contentId)
    this.#failures.delete(contentId)
  }

  /** Makes due contents ready; returns reported copies that were never announced. */
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
      this.#ready.add(next.contentId, next.rank)
    }
    return unconfirmed
  }

  /** The first `max` ready contents of these ranks. */
  ready(of: readonly Rank[], max: number): number[] {
    return this.#ready.first(of, max)
  }

  /** At most `max` contents of a lane that lack copies and wait for slots or streams. */
  waitingIn(lane: Lane, max: number): number[] {
    const of = [`last-copy/${lane}`, `draining/${lane}`, `copies/${lane}`] as const
    const ready = this.ready(of, max)
    const queued = this.#queued
      .heads((each) => each === lane)
      .flatMap(({ route }) => this.#queued.first(route, max))
    return [...ready, ...queued.slice(0, max)]
  }

  /** Moves contents that could not be planned behind those that were not tried. */
  moveBack(contentIds: readonly number[]): void {
    for (const contentId of contentIds)
      if (this.placeOf(contentId)?.state === 'ready') this.retry(contentId)
  }

  #rankOf(contentId: number): Rank {
    return (
      this.#held.get(contentId) ??
      this.#queued.rankOf(contentId) ??
      this.#parked.get(contentId) ??
      this.#delayed.get(contentId)?.rank ??
      this.#ready.rankOf(contentId) ??
      'copies/small'
    )
  }

  /** Takes it from its place, to be put into another with this rank. */
  #move(contentId: number, rank: Rank): void {
    this.#detach(contentId)
    this.#markImproved(contentId, rank)
  }

  #markImproved(contentId: number, rank: Rank): void {
    if (classOf(rank) === 'needed') this.#improved.delete(contentId)
    else this.#improved.add(contentId)
  }

  #detach(contentId: number): void {
    this.#improved.delete(contentId)
    this.#delayed.delete(contentId)
    this.#failedAtPeers.delete(contentId)
    this.#queued.delete(contentId)
    this.#parked.delete(contentId)
    this.#held.delete(contentId)
    this.#ready.delete(contentId)
  }
}
