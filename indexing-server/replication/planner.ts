import assert from 'node:assert/strict'
import type { Clock } from '../../common/clock.ts'
import { type Lane, laneOf, lanes } from '../../common/content/lanes.ts'
import { deadlines, limits } from '../../common/limits.ts'
import type { Source, Task } from '../../common/protocol/messages.ts'
import { type Random, randomId } from '../../common/random.ts'
import { rankSources } from '../rank.ts'
import type { Peer } from '../registry.ts'
import type { FileKey, ReplicatedCopy, StoredContent } from '../store/store.ts'
import type { Duty } from './duty.ts'
import type { FailedPairs } from './failed-pairs.ts'
import type { Moves } from './moves.ts'
import type { Need, Urgency } from './needs.ts'
import type { NoRoom } from './no-room.ts'
import type { Slot } from './open-routes.ts'
import {
  ableTargets,
  bestTarget,
  type Eligibility,
  eligibleTargets,
  type PlacementPeer,
  type PlacementRequest,
  type Refusal,
} from './placement.ts'
import type { NeedQueue } from './queue.ts'
import { type Rank, rankOf } from './ranks.ts'
import type { RateBudget } from './rate-budget.ts'
import { confirmMs, type ReportedCopies } from './reported-copies.ts'
import type { RestingPeers } from './resting-peers.ts'
import { type RoomOptions, roomBytes } from './room.ts'
import type { Route } from './route-queues.ts'
import type { Batch, RunningTask, RunningTasks, StreamKey, TaskCause } from './running-tasks.ts'
import { streamOf } from './running-tasks.ts'
import type { Slots } from './slots.ts'
import { copyCause, moveCause, movedTo } from './task-events.ts'

export interface PlannerDependencies {
  readonly peers: { all(): Iterable<Peer>; peerOf(peerId: string): Peer | undefined }
  readonly queue: NeedQueue
  readonly running: RunningTasks
  readonly slots: Slots
  readonly resting: RestingPeers
  readonly pairs: FailedPairs
  readonly noRoom: NoRoom
  readonly moves: Moves
  readonly reported: Pick<ReportedCopies, 'peersOf'>
  readonly budget: RateBudget
  readonly duty: Duty
  readonly clock: Clock
  readonly random: Random
}

/** Refusals that end without an event. */
const freedByTime: readonly Refusal[] = ['resting', 'flapping', 'maintenance']

/** A peer that may take a copy, and the sources that it may read it from. */
interface AbleTarget extends PlacementPeer {
  readonly sources: readonly Source[]
}

type CopiesNeed = Extract<Need, { kind: 'copies' }>

/**
 * Why no peer can take a copy: until the rate allows it, a task ends, a retry is due, or a peer
 * changes.
 */
type Obstacle = 'rate' | Busy | 'waiting' | 'resting' | 'no space' | 'no peer'

/** The routes on which it could be copied if their peers were not busy. */
interface Busy {
  readonly routes: readonly Route[]
}

/**
 * Turns the needs of contents into tasks, collected in batches until they are sent.
 * Fully synchronous: nothing else changes between two contents.
 */
export class Planner {
  readonly #options: RoomOptions
  readonly #peers: PlannerDependencies['peers']
  readonly #queue: NeedQueue
  readonly #running: RunningTasks
  readonly #resting: RestingPeers
  readonly #pairs: FailedPairs
  readonly #noRoom: NoRoom
  readonly #moves: Moves
  readonly #reported: Pick<ReportedCopies, 'peersOf'>
  readonly #budget: RateBudget
  readonly #clock: Clock
  readonly #random: Random
  readonly #duty: Duty
  readonly #slots: Slots

  constructor(options: RoomOptions, dependencies: PlannerDependencies) {
    this.#options = options
    this.#peers = dependencies.peers
    this.#queue = dependencies.queue
    this.#running = dependencies.running
    this.#slots = dependencies.slots
    this.#resting = dependencies.resting
    this.#pairs = dependencies.pairs
    this.#noRoom = dependencies.noRoom
    this.#moves = dependencies.moves
    this.#reported = dependencies.reported
    this.#budget = dependencies.budget
    this.#clock = dependencies.clock
    this.#random = dependencies.random
    this.#duty = dependencies.duty
  }

  /**
   * Whether any peer can take a task of this lane now and, for copies, a second one can be its
   * source.
   */
  couldPlace(what: 'copies' | 'drops', lane: Lane): boolean {
    const live = [...this.#peers.all()].filter(({ state }) => state === 'live')
    if (what === 'copies' && (live.length < 2 || this.#budget.isSpent)) return false
    return live.some(
      (peer) =>
        this.#slots.slotOf(peer.peerId, lane, 0) !== undefined &&
        (what === 'drops'
          ? !this.#resting.isDropRefused(peer.peerId)
          : this.#resting.restOf(peer.peerId) === undefined),
    )
  }

  /** The bytes of further copies that fit on a peer; 0 if it is not live. */
  roomOf(peerId: string): number {
    const peer = this.#peers.peerOf(peerId)
    return peer?.state === 'live' ? roomBytes(this.placementPeer(peer), this.#options) : 0
  }

  /** The lanes in which {@link couldPlace} is true. */
  lanesFor(what: 'copies' | 'drops'): readonly Lane[] {
    return lanes.filter((lane) => this.couldPlace(what, lane))
  }

  /** The targets for a copy of `content`. */
  targetsFor(content: StoredContent): Eligibility<PlacementPeer> {
    const peers = Array.from(this.#peers.all(), (peer) => this.placementPeer(peer))
    const request = this.requestFor(content)
    const move = this.#moves.of(content.contentId)
    if (move === undefined) return eligibleTargets(request, peers, this.#options)
    const only = peers.filter(({ peerId }) => peerId === move.to)
    return { eligible: ableTargets(request, only, this.#options), refusals: new Map() }
  }

  /** What placement has to know of a content. */
  requestFor(content: StoredContent): PlacementRequest {
    const holding = content.holders.filter(
      ({ peerId }) => this.#peers.peerOf(peerId)?.isLost === false,
    )
    const getting = this.#getting(content.contentId)
    const takenBy = new Set([...holding.map(({ peerId }) => peerId), ...getting])
    return {
      sizeBytes: content.size,
      takenBy,
      ownedBy: new Set(content.owners),
      isWaiting: (peerId: string) => this.#pairs.isTargetWaiting(content.contentId, peerId),
      isLastCopy: takenBy.size <= 1,
      isTrashed: content.isTrashed,
    }
  }

  /**
   * Whether `content` could be copied now if `batch` released its target or its source's stream.
   */
  isHeldUp(content: StoredContent, batch: Batch): boolean {
    const sources = this.#liveSources(content)
    const { eligible } = this.targetsFor(content)
    const lane = laneOf(content.size)
    return eligible.some((peer) => {
      const isSlotHeld = peer.peerId === batch.target
      const slot = this.#slots.slotOf(peer.peerId, lane, content.size)
      if (!isSlotHeld && slot === undefined) return false
      return this.#sourcesOf(content.contentId, peer, sources).some(({ peerId }) => {
        const isSpare = this.#slots.spareStreams(streamOf(lane, peerId)) > 0
        return peerId === batch.source ? !isSlotHeld && !isSpare : isSlotHeld && isSpare
      })
    })
  }

  /** Whether a live peer that the task for `content` does not name could be its source instead. */
  hasOtherSource(content: StoredContent, { target, tasks }: Batch): boolean {
    const { contentId } = content
    const task = tasks.values().find((running) => running.contentId === contentId)?.task
    if (task?.kind !== 'replicate') return false
    const named = new Set(task.sources.map(({ peerId }) => peerId))
    return this.#liveSources(content).some(
      ({ peerId }) =>
        !named.has(peerId) &&
        peerId !== target &&
        !this.#pairs.isSourceWaiting(contentId, peerId, target),
    )
  }

  /**
   * Plans the missing copies of `content`, beyond running ones, and updates its place in the queue.
   * Peers among `earlierHolders`, which have another version of the file, are preferred.
   */
  planCopies(
    content: StoredContent,
    file: FileKey,
    { need, earlierHolders }: { need: CopiesNeed; earlierHolders: ReadonlySet<string> },
  ): void {
    const { contentId } = content
    const sources = this.#liveSources(content)
    const rank = rankOf(need.urgency, content.size)
    let obstacle: Obstacle | undefined
    this.#noRoom.delete(contentId)
    if (need.urgency !== 'move') this.#moves.cancel(contentId)
    while (obstacle === undefined && this.#getting(contentId).length < need.lacking)
      obstacle =
        sources.length === 0
          ? 'no peer'
          : this.#planCopy(content, file, { sources, earlierHolders })
    // It stays ready.
    if (obstacle === 'rate') return
    if (typeof obstacle === 'object') this.#queue.enqueue(contentId, rank, obstacle.routes)
    else if (this.#running.copiesOf(contentId).length > 0) this.#queue.hold(contentId, rank)
    else if (obstacle === undefined) this.#confirm(contentId, rank)
    else if (need.urgency === 'move') {
      // Another one is found later.
      this.#moves.cancel(contentId)
      this.#queue.remove(contentId)
    } else if (obstacle === 'waiting')
      this.#queue.delay(contentId, rank, {
        reason: 'failed at peers',
        dueMs: this.#nextTryMs(contentId),
      })
    else {
      if (obstacle === 'no space') this.#onNoRoom(content, need)
      const retryMs = this.#clock.monotonicMs() + deadlines.noSpaceRetryMs
      const nextMs = Math.min(retryMs, this.#nextTryMs(contentId))
      this.#queue.park(contentId, rank, obstacle === 'resting' ? nextMs : Infinity)
    }
  }

  /** The peers that are receiving the content, or have reported it and not announced it yet. */
  #getting(contentId: number): readonly string[] {
    const running = this.#running.copiesOf(contentId).map(({ target }) => target)
    return [...running, ...this.#reported.peersOf(contentId)]
  }

  /** Only announcements are lacking. */
  #confirm(contentId: number, rank: Rank): void {
    const [awaited] = this.#reported.peersOf(contentId)
    assert(awaited !== undefined)
    const dueMs = this.#clock.monotonicMs() + confirmMs
    this.#queue.delay(contentId, rank, { reason: 'confirming', dueMs, awaited })
  }

  /** Plans dropping `copies`, all of one content, and updates its place in the queue. */
  planDrops(
    { contentId, sha256, size: bytes, file }: StoredContent,
    copies: readonly ReplicatedCopy[],
    urgency: Urgency,
  ): void {
    const rank = rankOf(urgency, 0)
    const cause: TaskCause =
      file === undefined
        ? { kind: 'dropped', bytes, reason: 'no longer shared' }
        : { kind: 'trimmed', bytes, ...movedTo(this.#moves.of(contentId)) }
    const routes: Route[] = []
    let isResting = false
    let isAwaited = false
    for (const { peerId, owner, name } of copies) {
      const isRunning = ({ target, task }: RunningTask): boolean =>
        target === peerId && task.owner === owner && task.name === name
      if (this.#running.ofContent(contentId).some(isRunning)) continue
      const peer = this.#peers.peerOf(peerId)
      // The contents of a lost peer are judged again when it returns.
      if (peer?.isLost === false) isAwaited = true
      if (peer?.state !== 'live') continue
      const mustWait = this.#pairs.isTargetWaiting(contentId, peerId)
      if (mustWait || this.#resting.isDropRefused(peerId)) isResting = true
      else if (this.#slots.slotOf(peerId, 'small', 0) !== undefined)
        this.#slots.assign({
          contentId,
          target: peerId,
          sizeBytes: 0,
          task: { kind: 'drop', taskId: this.#taskId(), name, owner, sha256 },
          cause,
          startedMs: this.#clock.monotonicMs(),
        })
      else routes.push({ lane: 'small', target: peerId })
    }
    if (routes.length > 0) this.#queue.enqueue(contentId, rank, routes)
    else if (this.#running.ofContent(contentId).length > 0) this.#queue.hold(contentId, rank)
    else if (isAwaited) {
      const retryMs = this.#clock.monotonicMs() + deadlines.noSpaceRetryMs
      this.#queue.park(contentId, rank, isResting ? retryMs : Infinity)
    } else this.#queue.remove(contentId)
  }

  #onNoRoom(content: StoredContent, { lacking }: CopiesNeed): void {
    const { refusals } = this.targetsFor(content)
    const peerIds = [...refusals].flatMap(([id, refusal]) => (refusal === 'no space' ? [id] : []))
    this.#noRoom.set(content.contentId, { sizeBytes: content.size, copies: lacking, peerIds })
  }

  #planCopy(
    content: StoredContent,
    { owner, name }: FileKey,
    {
      sources,
      earlierHolders,
    }: { sources: readonly Source[]; earlierHolders: ReadonlySet<string> },
  ): Obstacle | undefined {
    const { contentId, sha256, size, chunkRoot } = content
    const { eligible, refusals } = this.targetsFor(content)
    if (eligible.length === 0) {
      const reasons = new Set(refusals.values())
      // A resting or full peer may take it sooner than one where it failed.
      if (freedByTime.some((reason) => reasons.has(reason))) return 'resting'
      if (reasons.has('waiting')) return reasons.has('no space') ? 'resting' : 'waiting'
      return reasons.has('no space') ? 'no space' : 'no peer'
    }
    const lane = laneOf(size)
    const able = eligible.map((peer) => ({
      ...peer,
      sources: this.#sourcesOf(contentId, peer, sources),
    }))
    if (able.every((peer) => peer.sources.length === 0)) return 'waiting'
    if (this.#budget.isSpent) return 'rate'
    const slotOf = (peer: PlacementPeer): Slot | undefined =>
      this.#slots.slotOf(peer.peerId, lane, size)
    const isAnyIdle = able.some((peer) => slotOf(peer) === 'own')
    const free = able.filter(
      (peer) =>
        slotOf(peer) === (isAnyIdle ? 'own' : 'next') &&
        this.#sourceFor(content, peer) !== undefined,
    )
    const target = bestTarget(free, {
      ...this.#options,
      hasFailed: (peerId) => this.#hasFailed(contentId, 'target', peerId),
      hasEarlierVersion: (peerId) => earlierHolders.has(peerId),
      random: this.#random,
      scoreOf: (peerId) => this.#duty.scoreOf(sha256, peerId),
    })
    const source = target === undefined ? undefined : this.#sourceFor(content, target)
    if (target === undefined || source === undefined)
      return { routes: this.#routesOf(content, able) }
    const others = target.sources.filter((other) => other !== source)
    const task: Task = {
      kind: 'replicate',
      taskId: this.#taskId(),
      name,
      owner,
      content: { sha256, size, chunkRoot },
      sources: [source, ...others].slice(0, limits.sourcesPerTaskMax),
    }
    const move = this.#moves.of(contentId)
    const cause =
      move === undefined
        ? copyCause(content, (peerId) => this.#peers.peerOf(peerId))
        : moveCause(move)
    const { peerId } = target
    this.#budget.spend(size)
    const startedMs = this.#clock.monotonicMs()
    const planned = { contentId, target: peerId, sizeBytes: size, startedMs, task, cause }
    this.#slots.assign(planned, source.peerId)
    return undefined
  }

  /** The routes on which a content could be copied, idle targets and short queues first. */
  #routesOf({ size }: StoredContent, able: readonly AbleTarget[]): Route[] {
    const lane = laneOf(size)
    const lengthsOf = (route: Route): { ofRoute: number; ofTarget: number } =>
      this.#queue.lengthsOf(route)
    const routes = able.flatMap(({ peerId: target, sources }) => {
      const all = sources.map(({ peerId: source }): Route => ({ lane, source, target }))
      return all.toSorted((a, b) => lengthsOf(a).ofRoute - lengthsOf(b).ofRoute).slice(0, 1)
    })
    const isIdle = ({ target }: Route): number =>
      Number(this.#slots.slotOf(target, lane, size) === 'own')
    return routes.toSorted(
      (a, b) => isIdle(b) - isIdle(a) || lengthsOf(a).ofTarget - lengthsOf(b).ofTarget,
    )
  }

  /** The source for a task: that of the peer's unsent batch, or the least busy one with a stream. */
  #sourceFor(
    { contentId, size }: StoredContent,
    { peerId: target, sources }: AbleTarget,
  ): Source | undefined {
    const stream = ({ peerId }: Source): StreamKey => streamOf(laneOf(size), peerId)
    const streams = (source: Source): number => this.#running.streamsOf(stream(source))
    const failures = ({ peerId }: Source): number =>
      Number(this.#hasFailed(contentId, 'source', peerId))
    return sources
      .filter(({ peerId: source }) => this.#slots.isOpen({ source, target }, size))
      .toSorted((a, b) => failures(a) - failures(b) || streams(a) - streams(b))[0]
  }

  /** The sources that the target may read the content from now. */
  #sourcesOf(
    contentId: number,
    { peerId: target }: PlacementPeer,
    sources: readonly Source[],
  ): Source[] {
    return sources.filter(({ peerId }) => !this.#pairs.isSourceWaiting(contentId, peerId, target))
  }

  #hasFailed(contentId: number, role: 'target' | 'source', peerId: string): boolean {
    return this.#pairs.of(contentId, role, peerId) !== undefined
  }

  /** When the first retry at a peer where the content failed is due. */
  #nextTryMs(contentId: number): number {
    const [first] = this.#pairs.waitingOf(contentId)
    return first?.untilMs ?? this.#clock.monotonicMs() + deadlines.noSpaceRetryMs
  }

  #liveSources(content: StoredContent): Source[] {
    return rankSources(content.holders, (peerId) => {
      const peer = this.#peers.peerOf(peerId)
      return peer?.state === 'live' ? peer : undefined
    })
  }

  /** The facts about a peer that placement uses. */
  placementPeer(peer: Peer): PlacementPeer {
    const { peerId, zone, state, freeBytes, diskBytes, capacityBytes, holdings } = peer
    const assignedBytes = this.#running.assignedBytes(peerId)
    const isResting = this.#resting.restOf(peerId) !== undefined
    const held = { storedBytes: holdings.bytes, replicaBytes: holdings.replicaBytes, assignedBytes }
    const room = { freeBytes, diskBytes, capacityBytes, ...held }
    const unsteady = unsteadyOf(peer)
    const { isDraining, isDistrusted } = peer
    return { peerId, zone, state, ...room, isResting, isDraining, isDistrusted, unsteady }
  }

  #taskId(): string {
    return randomId(this.#random)
  }
}

function unsteadyOf({ flapping, maintenance }: Peer): PlacementPeer['unsteady'] {
  if (maintenance !== undefined) return 'maintenance'
  return flapping === undefined ? undefined : 'flapping'
}
