import type { Random } from '../../common/random.ts'
import { DueHeap } from './due-heap.ts'
import { type Urgency, urgencies } from './needs.ts'
import { SourceLines } from './source-lines.ts'

const secondMs = 1_000
const minuteMs = 60 * secondMs
const retryDelaysMs = [15 * secondMs, minuteMs, 5 * minuteMs, 30 * minuteMs, 60 * minuteMs] as const

/** How long to wait after the `failures`-th failure in a row (from 1): a quarter more or less, so that not all come back together. */
export function retryDelayMs(failures: number, random: Random): number {
  const step = Math.min(failures, retryDelaysMs.length) - 1
  const baseMs = retryDelaysMs[step] ?? retryDelaysMs[0]
  return baseMs * (0.75 + 0.5 * random.fraction())
}

/** Why a content waits for a moment. */
export type DelayReason = 'settling' | 'confirming' | 'failed'

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

/** How the attempts at a content ended so far. */
export interface Failure {
  readonly failures: number
  readonly code: string
  readonly target: string
}

interface Delayed extends Delay {
  readonly contentId: number
  readonly urgency: Urgency
}

/**
 * The contents that need something, each in one of five places: `delayed` until a moment, `ready`
 * to be planned (most urgent first, oldest first inside), `in-line` until a source can give more,
 * `parked` until another peer comes, or `held` while tasks for it run. Knows no clock; a million
 * contents cost some 50 MB.
 */
export class NeedQueue {
  readonly #ready: Readonly<Record<Urgency, Set<number>>> = {
    'last-copy': new Set(),
    copies: new Set(),
    drop: new Set(),
  }
  readonly #inLine = new SourceLines()
  readonly #parked = new Map<number, Urgency>()
  #unparkMs = Infinity
  readonly #held = new Map<number, Urgency>()
  readonly #delayed = new Map<number, Delayed>()
  /** Has what is in `#delayed`, and what was there and is no more. */
  readonly #heap = new DueHeap<Delayed>()
  readonly #failures = new Map<number, Failure>()

  get size(): number {
    const waiting = this.#inLine.size + this.#parked.size + this.#delayed.size
    return this.readyCount + waiting + this.#held.size
  }

  get readyCount(): number {
    return urgencies.reduce((count, urgency) => count + this.#ready[urgency].size, 0)
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
    if (this.#inLine.urgencyOf(contentId) !== undefined) return { state: 'in-line' }
    if (this.#parked.has(contentId)) return { state: 'parked' }
    if (this.#held.has(contentId)) return { state: 'held' }
    return urgencies.some((urgency) => this.#ready[urgency].has(contentId))
      ? { state: 'ready' }
      : undefined
  }

  failureOf(contentId: number): Failure | undefined {
    return this.#failures.get(contentId)
  }

  /** A content was found to need something; one that waits already keeps its place, and moves up or down. */
  need(contentId: number, urgency: Urgency, settledMs: number): void {
    const state = this.placeOf(contentId)?.state
    if (state === 'ready' && !this.#ready[urgency].has(contentId)) {
      this.#detach(contentId)
      this.#ready[urgency].add(contentId)
    } else if (state === undefined || state === 'held')
      this.delay(contentId, urgency, { reason: 'settling', dueMs: settledMs })
  }

  delay(contentId: number, urgency: Urgency, delay: Delay): void {
    this.#detach(contentId)
    const delayed = { contentId, urgency, ...delay }
    this.#delayed.set(contentId, delayed)
    this.#heap.push(delayed)
  }

  /** All of its `sources`, one or more, give as much as they may: it gets in line for one of them. */
  lineUp(contentId: number, urgency: Urgency, sources: readonly string[]): void {
    this.#detach(contentId)
    this.#inLine.add(contentId, urgency, sources)
  }

  /** The sources that contents are in line for. */
  get awaitedSources(): readonly string[] {
    return this.#inLine.sources
  }

  /** Makes the first `max` in the line of `source` ready. */
  admit(source: string, max: number): void {
    for (const contentId of this.#inLine.first(source, max)) {
      const urgency = this.#urgencyOf(contentId)
      this.#detach(contentId)
      this.#ready[urgency].add(contentId)
    }
  }

  /** No peer can take it: it waits for another one, or until `untilMs` if those there may change their mind. */
  park(contentId: number, urgency: Urgency, untilMs = Infinity): void {
    this.#detach(contentId)
    this.#parked.set(contentId, urgency)
    this.#unparkMs = Math.min(this.#unparkMs, untilMs)
  }

  unpark(): void {
    for (const [contentId, urgency] of this.#parked) this.#ready[urgency].add(contentId)
    this.#parked.clear()
    this.#unparkMs = Infinity
  }

  /** Tasks for it run. */
  hold(contentId: number, urgency: Urgency): void {
    this.#detach(contentId)
    this.#held.set(contentId, urgency)
  }

  /** It failed once more and waits for its next try. */
  fail(contentId: number, how: Omit<Failure, 'failures'>, nowMs: number, random: Random): void {
    const dueMs = nowMs + retryDelayMs(this.#countFailure(contentId, how), random)
    this.delay(contentId, this.#urgencyOf(contentId), { reason: 'failed', dueMs })
  }

  /** A held content's task ended without a verdict on the content itself. */
  release(contentId: number, delay: Delay): void {
    const urgency = this.#held.get(contentId)
    if (urgency !== undefined) this.delay(contentId, urgency, delay)
  }

  /** It needs nothing any more. */
  remove(contentId: number): void {
    this.#detach(contentId)
    this.#failures.delete(contentId)
  }

  /** Makes what is due ready. */
  admitDue(nowMs: number): void {
    if (this.#unparkMs <= nowMs) this.unpark()
    for (let next = this.#heap.first; next && next.dueMs <= nowMs; next = this.#heap.first) {
      this.#heap.pop()
      if (this.#delayed.get(next.contentId) !== next) continue
      this.#delayed.delete(next.contentId)
      // It was never announced: somebody else is asked first.
      if (next.awaited !== undefined)
        this.#countFailure(next.contentId, { code: 'DEADLINE_EXCEEDED', target: next.awaited })
      this.#ready[next.urgency].add(next.contentId)
    }
  }

  /** The first `max` contents that are ready and of one of these urgencies. */
  ready(of: readonly Urgency[], max: number): number[] {
    const found: number[] = []
    for (const urgency of of)
      for (const contentId of this.#ready[urgency]) {
        if (found.length === max) return found
        found.push(contentId)
      }
    return found
  }

  #countFailure(contentId: number, how: Omit<Failure, 'failures'>): number {
    const failures = (this.#failures.get(contentId)?.failures ?? 0) + 1
    this.#failures.set(contentId, { ...how, failures })
    return failures
  }

  #urgencyOf(contentId: number): Urgency {
    return (
      this.#held.get(contentId) ??
      this.#inLine.urgencyOf(contentId) ??
      this.#parked.get(contentId) ??
      this.#delayed.get(contentId)?.urgency ??
      urgencies.find((urgency) => this.#ready[urgency].has(contentId)) ??
      'copies'
    )
  }

  #detach(contentId: number): void {
    this.#delayed.delete(contentId)
    this.#inLine.delete(contentId)
    this.#parked.delete(contentId)
    this.#held.delete(contentId)
    for (const urgency of urgencies) this.#ready[urgency].delete(contentId)
  }
}
