/**
 * Keeps wanted contents at their factor. One loop has three steps, which therefore never race:
 *
 *   judge  what was announced, unshared, or held by a peer that died or returned -> NeedQueue
 *   plan   what is ready -> PlanningPass -> batches of tasks for peers with free slots
 *   send   the batches; reports and peers' changes wake the loop
 *
 * It trusts only the store: a content leaves the queue when an announcement shows its copies.
 */

import { BackgroundWork } from '../../common/background.ts'
import { bytesPerSecondOf } from '../../common/byte-rate.ts'
import type { Cancel, Clock } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import { deadlines } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { Task, TaskOutcome, TaskProgress } from '../../common/protocol/messages.ts'
import type { Random } from '../../common/random.ts'
import { WakeUp } from '../../common/wake-up.ts'
import type { EventRecorder } from '../events/event.ts'
import type { Liveness } from '../liveness.ts'
import type { Peer } from '../registry.ts'
import type { IndexStore, StoredContent } from '../store/store.ts'
import type { Hold } from './brake.ts'
import type { DropGrants } from './drop-grants.ts'
import { type Duty, wholeDuty } from './duty.ts'
import { Explainer } from './explainer.ts'
import { FailedPairs } from './failed-pairs.ts'
import { Judge, type JudgeOptions } from './judge.ts'
import { Mover, type MoverOptions } from './mover.ts'
import { Moves } from './moves.ts'
import { NoRoom, type Shortage } from './no-room.ts'
import type { Healed } from './open-needs.ts'
import { Planner } from './planner.ts'
import { PlanningPass } from './planning-pass.ts'
import { NeedQueue } from './queue.ts'
import { ranks } from './ranks.ts'
import { RateBudget } from './rate-budget.ts'
import { RepairMeter } from './repair-meter.ts'
import { ReportedCopies } from './reported-copies.ts'
import { RestingPeers } from './resting-peers.ts'
import { type Batch, RunningTasks } from './running-tasks.ts'
import { Slots } from './slots.ts'
import { TaskDesk } from './task-desk.ts'
import { Trimmer } from './trimmer.ts'

/** Events within this time are planned together, so that small contents share a batch. */
const passDelayMs = 20
/** Delay after a failure of replication itself, for example when the database cannot be read. */
const replicationRetryMs = 5_000

export interface CoordinatorOptions extends JudgeOptions, MoverOptions {
  /** Of all copies together, as written in the settings. */
  readonly repairBytesPerSecond: number | string
  /** Space that a copy must leave free on the target's disk. */
  readonly reserveBytes: number
}

export interface CoordinatorDependencies {
  readonly store: Pick<
    IndexStore,
    | 'contents'
    | 'contentIds'
    | 'listNames'
    | 'obsoleteCopies'
    | 'replicasAt'
    | 'trash'
    | 'versionsOf'
  >
  readonly peers: { all(): Iterable<Peer>; peerOf(peerId: string): Peer | undefined }
  readonly sendTasks: (peerId: string, tasks: Task[], signal: AbortSignal) => Promise<void>
  readonly cancelTasks: (peerId: string, taskIds: string[], signal: AbortSignal) => Promise<void>
  readonly brake: { readonly hold: Hold | undefined }
  /** By default all contents. */
  readonly duty?: Duty
  readonly grants: DropGrants
  readonly events: EventRecorder
  readonly onHealed: (healed: Healed) => void
  /** Resolves when more urgent events have had their turn; by default all others have one. */
  readonly pause?: (() => Promise<void>) | undefined
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/**
 * Entries in memory about work on copies; none once no copy is missing or to be dropped, but for the
 * failures of moves that were given up.
 */
export type KeptEntries = Readonly<
  Record<'needs' | 'tasks' | 'failures' | 'noRoom' | 'moves' | 'grants' | 'reported', number>
>

/** What `status` and metrics read about missing copies. */
export interface Repairs {
  readonly needs: Judge['needs']
  readonly meter: Pick<RepairMeter, 'failures' | 'speed' | 'totals'>
  readonly running: Pick<RunningTasks, 'copies'>
  readonly kept: () => KeptEntries
}

export class Coordinator implements AsyncDisposable {
  readonly #peers: CoordinatorDependencies['peers']
  readonly #brake: CoordinatorDependencies['brake']
  readonly #clock: Clock
  readonly #log: Log
  readonly #background: BackgroundWork
  readonly #cancelTasks: CoordinatorDependencies['cancelTasks']
  readonly #queue = new NeedQueue()
  readonly #noRoom = new NoRoom()
  readonly #moves: Moves
  readonly #reported: ReportedCopies
  readonly #budget: RateBudget
  readonly #running = new RunningTasks()
  readonly #resting: RestingPeers
  readonly #pairs: FailedPairs
  readonly #slots: Slots
  readonly #planner: Planner
  readonly #pass: PlanningPass
  readonly #desk: TaskDesk
  readonly #grants: DropGrants
  readonly #judge: Judge
  readonly #meter: RepairMeter
  readonly #explainer: Explainer
  /** Moves replicas to other zones and less full peers. */
  readonly mover: Mover
  readonly #wakeUp = new WakeUp()
  #isWoken = false
  #cancelTimer: Cancel = () => {}

  constructor(options: CoordinatorOptions, dependencies: CoordinatorDependencies) {
    const { store, peers, sendTasks, cancelTasks, brake, clock, random, log, pause } = dependencies
    this.#peers = peers
    this.#brake = brake
    this.#clock = clock
    this.#log = log
    this.#background = new BackgroundWork({ log })
    this.#resting = new RestingPeers({ clock, random })
    this.#pairs = new FailedPairs({ clock, random })
    this.#budget = new RateBudget(
      { bytesPerSecond: bytesPerSecondOf(options.repairBytesPerSecond) },
      { clock },
    )
    this.#moves = new Moves({
      clock,
      onDone: (move) => move.reason === 'balance' && this.mover.rebalance.onMoved(move),
    })
    this.#meter = new RepairMeter({ clock })
    const { grants, onHealed } = dependencies
    this.#grants = grants
    this.#slots = new Slots({ queue: this.#queue, running: this.#running })
    const reported = new ReportedCopies({ clock })
    this.#reported = reported
    const parts = {
      queue: this.#queue,
      running: this.#running,
      slots: this.#slots,
      resting: this.#resting,
      pairs: this.#pairs,
      noRoom: this.#noRoom,
      moves: this.#moves,
      reported,
      budget: this.#budget,
      duty: dependencies.duty ?? wholeDuty,
      clock,
      random,
    }
    const peerOf = (peerId: string): Peer | undefined => peers.peerOf(peerId)
    const trimmer = new Trimmer(options, { ...parts, peerOf })
    const planner = new Planner(options, { ...parts, peers })
    const judge = new Judge(options, { ...parts, store, grants, peers, trimmer, onHealed, pause })
    this.#planner = planner
    this.#judge = judge
    this.#explainer = new Explainer(options, { ...parts, peers, brake, judge, planner, trimmer })
    this.#desk = new TaskDesk(options, {
      ...parts,
      sendTasks,
      cancelTasks: (peerId, taskIds) =>
        this.#background.start('cancel tasks', (signal) => this.#cancel(peerId, taskIds, signal)),
      isContended: (batch) => this.#pass.isContended(batch),
      onFreed: () => this.#wake(),
      events: dependencies.events,
      meter: this.#meter,
      log,
    })
    this.#cancelTasks = cancelTasks
    const handOut = (batch: Batch): void => this.#handOut(batch)
    this.#pass = new PlanningPass({ ...parts, store, judge, planner, trimmer, handOut })
    this.mover = new Mover(options, {
      ...parts,
      store,
      peers,
      brake,
      planner,
      judge,
      touch: (contentIds) => contentIds.length > 0 && this.onTouched(contentIds),
      yieldMoves: () => this.#desk.yieldMoves(),
      log,
    })
  }

  start(): void {
    this.#background.start('replicate', (signal) => this.#run(signal))
    this.mover.start()
    this.#wake()
  }

  get counts(): { atFactor: number; aboveFactor: number; waiting: number; running: number } {
    const { atFactor, aboveFactor } = this.#judge.verdicts
    const waiting = this.#queue.waitingCount
    return { atFactor, aboveFactor, waiting, running: this.#running.count }
  }

  /** Whether there are contents to judge. */
  get isJudging(): boolean {
    return this.#judge.isToJudge
  }

  /** What is missing, and how fast it is made. */
  get repairs(): Repairs {
    const kept = (): KeptEntries => ({
      needs: this.#queue.size,
      tasks: this.#running.count,
      failures: this.#pairs.count,
      noRoom: this.#noRoom.size,
      moves: this.#moves.size,
      grants: this.#grants.count,
      reported: this.#reported.size,
    })
    return { needs: this.#judge.needs, meter: this.#meter, running: this.#running, kept }
  }

  /** Contents that lack copies and want more than `copies` of them. */
  belowFactorOver(copies: number): number {
    return this.#judge.verdicts.belowFactorOver(copies)
  }

  /** The number of copies changed that files matching a pattern should have. */
  onFactorsChanged(pattern: string): void {
    for (const over of ['names', 'trash'] as const) this.#judge.walk({ over, pattern })
    this.#wake()
  }

  /** What fits on no peer, if anything. */
  get shortage(): Shortage | undefined {
    return this.#noRoom.shortage((peerId) => this.#planner.roomOf(peerId))
  }

  /** Why nothing is copied or dropped now, if so. */
  get hold(): Hold | undefined {
    return this.#brake.hold
  }

  /** Contents whose copies or files changed. */
  onTouched(contentIds: readonly number[]): void {
    this.#judge.touch(contentIds)
    this.#wake()
  }

  /** This index acts for other contents than before. */
  onDuty(): void {
    this.#judge.walk({ over: 'all' })
    this.#wake()
  }

  /** The brake was released. */
  onResumed(): void {
    this.#wake()
  }

  onPeerChange({ peerId, state, isLost }: Peer, before: Liveness): void {
    if (isLost !== before.isLost) this.#judge.walk({ over: 'peer', peerId })
    if (isLost) this.#desk.abandon(peerId)
    if (state === 'live') {
      this.#unpark()
      this.#queue.admitAll()
      this.#queue.retryFailedAtPeers()
    }
    // Without it, all peers but an owner that lost the file may have a copy.
    if (state === 'dead') this.#unpark()
    this.#wake()
  }

  /** A peer gives more or less than before: what fitted on no peer may fit now. */
  onCapacity(): void {
    this.#wake()
  }

  /** The plan for a peer has changed: its copies may count or not, and it may be a target again. */
  onPlan(peerId: string): void {
    this.#judge.walk({ over: 'peer', peerId })
    this.#queue.unpark()
    this.#queue.admitAll()
    this.#wake()
  }

  /**
   * A peer that says hello again may have lost its tasks, or crashed because of one; otherwise it
   * announces their copies.
   */
  onRegistered(peerId: string): void {
    this.#resting.forgive(peerId)
    this.#pairs.onArrival(peerId)
    this.#queue.retryFailedAtPeers()
    this.#desk.failAll(peerId, 'CONNECTION_CLOSED')
  }

  report(peerId: string, outcomes: readonly TaskOutcome[]): void {
    this.onTouched(this.#desk.report(peerId, outcomes))
  }

  onProgress(peerId: string, progress: readonly TaskProgress[]): void {
    this.#desk.onProgress(peerId, progress)
  }

  /** The explanation of a content for `why`. */
  explain(content: StoredContent): ReturnType<Explainer['explain']> {
    return this.#explainer.explain(content)
  }

  /** Whether a content lacks copies that no peer can take now. */
  isParked(contentId: number): boolean {
    return this.#queue.placeOf(contentId)?.state === 'parked'
  }

  /** Why no peer can take a copy of such a content, as sentences. */
  whyParked(content: StoredContent): string {
    return this.#explainer.whyParked(content)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mover[Symbol.asyncDispose]()
    await this.#background[Symbol.asyncDispose]()
    this.#cancelTimer()
    for (const { peerId } of this.#peers.all()) this.#running.abandon(peerId)
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#wakeUp.until(() => this.#isWoken || undefined, signal)
      this.#isWoken = false
      // Collects events for a moment and handles them together.
      await this.#clock.sleep(passDelayMs, signal)
      this.#cancelTimer()
      try {
        await this.#judge.judge(signal)
        const isMoreToPlace = await this.#place(signal)
        if (isMoreToPlace || this.#judge.isToJudge) this.#wake()
        else this.#wakeAt(this.#nextMs)
      } catch (error) {
        signal.throwIfAborted()
        this.#log.error({ error, reason: reasonOf(error) }, 'replication failed; it restarts')
        this.#judge.walk({ over: 'all' })
        this.#wakeAt(this.#clock.monotonicMs() + replicationRetryMs)
      }
    }
  }

  #unpark(): void {
    this.#noRoom.onRetry()
    this.#queue.unpark()
  }

  #wake(): void {
    this.#isWoken = true
    this.#wakeUp.notify()
  }

  /** Delay until there is work even without an event. */
  get #nextMs(): number {
    const { hold } = this
    if (hold !== undefined) return hold.untilMs
    // Contents wait for a peer that rests or lacks space: no event announces the end of that.
    const isReady = this.#queue.ready(ranks, 1).length > 0 || this.#noRoom.size > 0
    const waitMs = this.#budget.isSpent ? this.#budget.leftMs : deadlines.noSpaceRetryMs
    const retryMs = isReady ? this.#clock.monotonicMs() + waitMs : Infinity
    return Math.min(this.#queue.nextDueMs, retryMs)
  }

  #wakeAt(moment: number): void {
    const delayMs = Math.max(0, moment - this.#clock.monotonicMs())
    if (delayMs !== Infinity) this.#cancelTimer = this.#clock.after(delayMs, () => this.#wake())
  }

  /** Hands out all possible tasks; returns whether another pass would find more. */
  async #place(signal: AbortSignal): Promise<boolean> {
    for (const { contentId, target } of this.#queue.admitDue(this.#clock.monotonicMs()))
      this.#pairs.fail(contentId, { code: 'DEADLINE_EXCEEDED', target, sources: [] })
    if (this.hold !== undefined) return false
    if (this.#noRoom.mayFit((peerId) => this.#planner.roomOf(peerId))) this.#unpark()
    return await this.#pass.run(signal)
  }

  #handOut(batch: Batch): void {
    this.#background.start('hand out tasks', (signal) => this.#desk.handOut(batch, signal))
  }

  /**
   * A peer that cannot be told will report tasks that are unknown here by then, which is ignored.
   */
  async #cancel(peerId: string, taskIds: string[], signal: AbortSignal): Promise<void> {
    try {
      await this.#cancelTasks(peerId, taskIds, signal)
    } catch (error) {
      this.#log.debug({ peerId, reason: reasonOf(error) }, 'tasks were not cancelled')
    }
  }
}
