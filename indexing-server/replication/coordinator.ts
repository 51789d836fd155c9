/**
 * Keeps wanted contents at their factor. One loop has three steps, which therefore never race:
 *
 *   judge  what was announced, unshared, or held by a peer that died or returned -> NeedQueue
 *   plan   what is ready -> Planner -> a batch of tasks for each free peer
 *   send   the batches; reports and peers' changes wake the loop
 *
 * It trusts only the store: a content leaves the queue when an announcement shows its copies.
 */

import { setImmediate as turn } from 'node:timers/promises'
import { BackgroundWork } from '../../common/background.ts'
import { bytesPerSecondOf } from '../../common/byte-rate.ts'
import type { Cancel, Clock } from '../../common/clock.ts'
import { chunkCountFor } from '../../common/content/chunks.ts'
import type { Lane } from '../../common/content/lanes.ts'
import { reasonOf } from '../../common/errors.ts'
import { deadlines, limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { Task, TaskOutcome, TaskProgress } from '../../common/protocol/messages.ts'
import type { Random } from '../../common/random.ts'
import { WakeUp } from '../../common/wake-up.ts'
import type { EventRecorder } from '../events/event.ts'
import type { Liveness } from '../liveness.ts'
import type { Peer } from '../registry.ts'
import type { IndexStore, ReplicatedCopy, StoredContent } from '../store/store.ts'
import type { Hold } from './brake.ts'
import type { DropGrants } from './drop-grants.ts'
import { Explainer } from './explainer.ts'
import { FailedPairs } from './failed-pairs.ts'
import { Judge, type JudgeOptions } from './judge.ts'
import { Mover, type MoverOptions } from './mover.ts'
import { Moves } from './moves.ts'
import type { Urgency } from './needs.ts'
import { NoRoom, type Shortage } from './no-room.ts'
import type { Healed } from './open-needs.ts'
import { Planner } from './planner.ts'
import { NeedQueue } from './queue.ts'
import { type Rank, rankOf, ranks } from './ranks.ts'
import { RateBudget } from './rate-budget.ts'
import { RepairMeter } from './repair-meter.ts'
import { RestingPeers } from './resting-peers.ts'
import { type Batch, RunningTasks } from './running-tasks.ts'
import { Slots } from './slots.ts'
import { TaskDesk } from './task-desk.ts'
import { Trimmer } from './trimmer.ts'

/** Contents per planning pass while peers are free; the others wait for the next pass. */
const contentsPerPass = 4_000
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
  readonly grants: DropGrants
  readonly events: EventRecorder
  readonly onHealed: (healed: Healed) => void
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Entries in memory about work on copies; none once no copy is missing or to be dropped. */
export type KeptEntries = Readonly<
  Record<'needs' | 'tasks' | 'failures' | 'noRoom' | 'moves' | 'grants', number>
>

/** What `status` and metrics read about missing copies. */
export interface Repairs {
  readonly needs: Judge['needs']
  readonly meter: Pick<RepairMeter, 'failures' | 'speed' | 'totals'>
  readonly running: Pick<RunningTasks, 'copies'>
  readonly kept: () => KeptEntries
}

export class Coordinator implements AsyncDisposable {
  readonly #store: CoordinatorDependencies['store']
  readonly #peers: CoordinatorDependencies['peers']
  readonly #brake: CoordinatorDependencies['brake']
  readonly #clock: Clock
  readonly #log: Log
  readonly #background: BackgroundWork
  readonly #cancelTasks: CoordinatorDependencies['cancelTasks']
  readonly #queue = new NeedQueue()
  readonly #noRoom = new NoRoom()
  readonly #moves: Moves
  readonly #budget: RateBudget
  readonly #running = new RunningTasks()
  readonly #resting: RestingPeers
  readonly #pairs: FailedPairs
  readonly #slots: Slots
  readonly #planner: Planner
  readonly #desk: TaskDesk
  readonly #trimmer: Trimmer
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
    const { store, peers, sendTasks, cancelTasks, brake, clock, random, log } = dependencies
    this.#store = store
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
    const parts = {
      queue: this.#queue,
      running: this.#running,
      slots: this.#slots,
      resting: this.#resting,
      pairs: this.#pairs,
      noRoom: this.#noRoom,
      moves: this.#moves,
      budget: this.#budget,
      clock,
      random,
    }
    const peerOf = (peerId: string): Peer | undefined => peers.peerOf(peerId)
    const trimmer = new Trimmer(options, { ...parts, peerOf })
    const planner = new Planner(options, { ...parts, peers })
    const judge = new Judge(options, { ...parts, store, grants, peers, trimmer, onHealed })
    this.#trimmer = trimmer
    this.#planner = planner
    this.#judge = judge
    this.#explainer = new Explainer(options, { ...parts, peers, brake, judge, planner, trimmer })
    this.#desk = new TaskDesk(options, {
      ...parts,
      sendTasks,
      cancelTasks: (peerId, taskIds) =>
        this.#background.start('cancel tasks', (signal) => this.#cancel(peerId, taskIds, signal)),
      isContended: (batch) => this.#isContended(batch),
      onFreed: () => this.#wake(),
      events: dependencies.events,
      meter: this.#meter,
      log,
    })
    this.#cancelTasks = cancelTasks
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

  /** What is missing, and how fast it is made. */
  get repairs(): Repairs {
    const kept = (): KeptEntries => ({
      needs: this.#queue.size,
      tasks: this.#running.count,
      failures: this.#pairs.count,
      noRoom: this.#noRoom.size,
      moves: this.#moves.size,
      grants: this.#grants.count,
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
    this.#slots.admitQueued()
    const { readyCount } = this.#queue
    for (const lane of this.#planner.lanesFor('copies'))
      await this.#planReady(
        { urgencies: ['last-copy', 'draining', 'copies'], lane },
        'copies',
        signal,
      )
    for (const urgency of ['drop', 'trim'] as const)
      await this.#planReady({ urgencies: [urgency], lane: 'small' }, 'drops', signal)
    if (!this.#queue.areRepairsWaiting)
      for (const lane of this.#planner.lanesFor('copies'))
        await this.#planReady({ urgencies: ['move'], lane }, 'copies', signal)
    for (const batch of this.#slots.takeUnsent())
      this.#background.start('hand out tasks', (ending) => this.#desk.handOut(batch, ending))
    if (this.#planner.lanesFor('copies').length === 0) return false
    // A content that was tried and stayed waits for a task to end.
    const hasMoved = this.#queue.readyCount < readyCount
    return this.#slots.couldAdmit || (hasMoved && readyCount > contentsPerPass)
  }

  async #planReady(
    { urgencies, lane }: { urgencies: readonly Urgency[]; lane: Lane },
    what: 'copies' | 'drops',
    signal: AbortSignal,
  ): Promise<void> {
    const of = urgencies.map((urgency): Rank => `${urgency}/${lane}`)
    if (!this.#planner.couldPlace(what, lane)) return
    const ready = this.#queue.ready(of, contentsPerPass)
    for (let start = 0; start < ready.length; start += limits.contentsPerSlice) {
      if (!this.#planner.couldPlace(what, lane)) return
      const slice = ready.slice(start, start + limits.contentsPerSlice)
      for (const content of await this.#store.contents(slice)) await this.#plan(content)
      await turn()
      signal.throwIfAborted()
    }
    // All of these were tried, and there may be others behind them.
    if (ready.length === contentsPerPass) this.#queue.moveBack(ready)
  }

  /** Checks a sample of the waiting contents: a batch that is in the way is checked again soon. */
  async #isContended(batch: Batch): Promise<boolean> {
    const waiting = this.#queue.waitingIn(batch.lane, limits.contentsPerSlice)
    const own = Array.from(batch.tasks.values(), ({ contentId }) => contentId)
    const contents = await this.#store.contents([...new Set([...own, ...waiting])])
    const isOwn = new Set(own)
    if (this.#running.isAwaited(batch)) return true
    return contents.some((content) =>
      isOwn.has(content.contentId)
        ? this.#planner.hasOtherSource(content, batch)
        : this.#planner.isHeldUp(content, batch),
    )
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

  /** The peers that have another version of its file, if they could reuse its chunks. */
  async #earlierHoldersOf({ contentId, file, size }: StoredContent): Promise<ReadonlySet<string>> {
    if (file === undefined || chunkCountFor(size) === 1) return new Set()
    const versions = await this.#store.versionsOf(file)
    const others = versions.filter(({ content }) => content.contentId !== contentId)
    return new Set(others.flatMap(({ content }) => content.holders.map(({ peerId }) => peerId)))
  }

  async #plan(content: StoredContent): Promise<void> {
    const { contentId, file } = content
    const max = limits.tasksPerRequestMax
    const isSurplus = this.#judge.needOf(content).kind === 'surplus'
    const trimmed = isSurplus ? this.#trimmer.peerToTrim(content) : undefined
    let drops: readonly ReplicatedCopy[] = []
    if (file === undefined) drops = await this.#store.obsoleteCopies(contentId, max)
    else if (trimmed !== undefined) drops = await this.#store.replicasAt(contentId, trimmed, max)
    const earlierHolders = await this.#earlierHoldersOf(content)
    // It may have been settled while the store was read.
    if (this.#queue.placeOf(contentId)?.state !== 'ready') return
    const need = this.#judge.verdictOn(content)
    if (need.kind === 'drop') this.#planner.planDrops(content, drops, need.urgency)
    else if (need.kind === 'copies' && file !== undefined)
      this.#planner.planCopies(content, file, { need, earlierHolders })
    else if (need.kind === 'surplus' && drops.length > 0)
      this.#planner.planDrops(content, drops, need.urgency)
    else if (need.kind === 'surplus') {
      const dueMs = this.#trimmer.nextLookMs(content)
      this.#queue.delay(contentId, rankOf(need.urgency, content.size), {
        reason: 'settling',
        dueMs,
      })
    }
  }
}
