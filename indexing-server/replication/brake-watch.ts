import type { Clock } from '../../common/clock.ts'
import type { Log } from '../../common/log.ts'
import type { Change, RequestOf } from '../../common/protocol/messages.ts'
import type { EventRecorder } from '../events/event.ts'
import type { Arrival, Peer } from '../registry.ts'
import {
  type BrakeOptions,
  type Hold,
  type LossState,
  lossHold,
  nextLossState,
  noLoss,
  startHold,
} from './brake.ts'

interface Dependencies {
  readonly peers: () => Iterable<Peer>
  readonly events: EventRecorder
  readonly clock: Clock
  readonly log: Log
}

/**
 * Collects the facts for the brake's policy, and logs and records when the brake is applied or released.
 */
export class BrakeWatch {
  readonly #options: BrakeOptions
  readonly #peers: Dependencies['peers']
  readonly #events: EventRecorder
  readonly #clock: Clock
  readonly #log: Log
  readonly #startedMs: number
  /** By peer, the copies of those that were neither dead nor excused at the start. */
  readonly #knownCopies = new Map<string, number>()
  /** Peers that the index knows. */
  readonly #seen = new Set<string>()
  /** Peers with a complete inventory, among those that registered. */
  readonly #complete = new Set<string>()
  /** Peers that have begun a full inventory and not ended it. */
  readonly #announcing = new Set<string>()
  #lastArrivalMs: number | undefined
  #hasForgotten = false
  #hasSettled = false
  #isResumed = false
  #losses: LossState = noLoss
  #logged: Hold | undefined

  constructor(options: BrakeOptions, dependencies: Dependencies) {
    this.#options = options
    this.#peers = dependencies.peers
    this.#events = dependencies.events
    this.#clock = dependencies.clock
    this.#log = dependencies.log
    this.#startedMs = dependencies.clock.monotonicMs()
  }

  /** Takes the peers that the index knows when it starts. */
  load(): void {
    for (const { peerId, state, holdings, isExcused } of this.#peers()) {
      this.#seen.add(peerId)
      if (state !== 'dead' && !isExcused) this.#knownCopies.set(peerId, holdings.copies)
    }
  }

  /** Why nothing is copied or dropped now, if so. */
  get hold(): Hold | undefined {
    const nowMs = this.#clock.monotonicMs()
    const hold = this.#startHold(nowMs) ?? this.#lossHold(nowMs)
    this.#logChange(hold)
    return hold
  }

  /**
   * Releases the brake, and does not apply it again for this start or for peers that are gone now.
   * @returns whether it was on
   */
  resume(): boolean {
    const { hold } = this
    this.#isResumed = true
    this.#losses = { acceptedMs: this.#clock.monotonicMs(), held: undefined }
    this.#logChange(undefined)
    return hold !== undefined
  }

  onRegistered(peerId: string, { isComplete, hasAnnounced }: Arrival): void {
    if (!this.#isStarting) return
    const isNew = !this.#seen.has(peerId)
    this.#seen.add(peerId)
    if (isNew && !isComplete && hasAnnounced) this.#hasForgotten = true
    this.#announcing.delete(peerId)
    if (isComplete) this.#complete.add(peerId)
    else this.#complete.delete(peerId)
    this.#lastArrivalMs = this.#clock.monotonicMs()
  }

  onAnnounced(peerId: string, { begin, end, changes }: RequestOf<'announce'>): void {
    if (!this.#isStarting) return
    if (begin === true) this.#announcing.add(peerId)
    if (!this.#announcing.has(peerId)) return
    this.#lastArrivalMs = this.#clock.monotonicMs()
    // Replicas come from tasks, and an index without inventory has given none.
    if (this.#isWithoutInventory) this.#hasForgotten ||= changes.some(isReplica)
    if (end !== true) return
    this.#announcing.delete(peerId)
    this.#complete.add(peerId)
  }

  get #isStarting(): boolean {
    return this.#clock.monotonicMs() < this.#startedMs + this.#options.deadAfterMs
  }

  get #isWithoutInventory(): boolean {
    return this.#knownCopies.size === 0 && !this.#hasSettled
  }

  #startHold(nowMs: number): Hold | undefined {
    if (!this.#isStarting || this.#isResumed) return undefined
    if (this.#hasSettled && !this.#hasForgotten) return undefined
    const facts = {
      startedMs: this.#startedMs,
      knownCopies: sumOf(this.#knownCopies.values()),
      returnedCopies: this.#returnedCopies,
      lastArrivalMs: this.#lastArrivalMs,
      isReceiving: this.#announcing.size > 0,
      hasForgotten: this.#hasForgotten,
    }
    const hold = startHold(facts, this.#options, nowMs)
    this.#hasSettled = hold === undefined
    return hold
  }

  get #returnedCopies(): number {
    let copies = 0
    for (const { peerId, state } of this.#peers())
      if (state === 'live' && this.#complete.has(peerId))
        copies += this.#knownCopies.get(peerId) ?? 0
    return copies
  }

  #lossHold(nowMs: number): Hold | undefined {
    this.#losses = nextLossState(this.#losses, this.#peers(), this.#options, nowMs)
    return lossHold(this.#losses, this.#options, nowMs)
  }

  #logChange(hold: Hold | undefined): void {
    const before = this.#logged
    this.#logged = hold
    if (hold?.cause === before?.cause) return
    if (hold !== undefined) {
      const { cause, reason, sinceMs, untilMs } = hold
      const atMostMs = Math.round(untilMs - sinceMs)
      this.#log.warn({ cause, reason, atMostMs }, 'copying and dropping are paused')
      this.#events.record({ kind: 'brake-on', reason })
    } else if (before !== undefined) {
      const heldMs = Math.round(this.#clock.monotonicMs() - before.sinceMs)
      this.#log.info({ cause: before.cause, heldMs }, 'copying and dropping continue')
      this.#events.record({ kind: 'brake-off', durationMs: heldMs })
    }
  }
}

function isReplica(change: Change): boolean {
  return change.op === 'put' && change.kind === 'replicated'
}

function sumOf(numbers: Iterable<number>): number {
  let sum = 0
  for (const number of numbers) sum += number
  return sum
}
