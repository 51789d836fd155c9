import type { Clock } from '../../common/clock.ts'
import type { ExplainedContent } from '../../common/protocol/messages.ts'
import type { Peer } from '../registry.ts'
import type { Holder, StoredContent } from '../store/store.ts'
import type { Hold } from './brake.ts'
import { type ExplainedRoom, reasonsFor, type Situation, waitingReasons } from './explain.ts'
import type { FailedPairs } from './failed-pairs.ts'
import type { Judge } from './judge.ts'
import type { Move, Moves } from './moves.ts'
import type { Planner } from './planner.ts'
import type { NeedQueue } from './queue.ts'
import type { RestingPeers } from './resting-peers.ts'
import { keptFreeBytes, type RoomOptions } from './room.ts'
import type { RunningTasks } from './running-tasks.ts'
import type { Trimmer } from './trimmer.ts'

interface Dependencies {
  readonly peers: { all(): Iterable<Peer>; peerOf(peerId: string): Peer | undefined }
  readonly brake: { readonly hold: Hold | undefined }
  readonly judge: Pick<Judge, 'needOf'>
  readonly queue: Pick<NeedQueue, 'placeOf' | 'failureOf'>
  readonly running: Pick<RunningTasks, 'ofContent'>
  readonly resting: Pick<RestingPeers, 'restOf'>
  readonly pairs: Pick<FailedPairs, 'waitingOf'>
  readonly planner: Pick<Planner, 'targetsFor' | 'roomOf'>
  readonly trimmer: Pick<Trimmer, 'explain'>
  readonly moves: Pick<Moves, 'of'>
  readonly clock: Clock
}

/** As long as the protocol allows. */
const whyCharactersMax = 500

/** Collects what is known about a content into the explanation that `why` shows. */
export class Explainer {
  readonly #options: RoomOptions
  readonly #dependencies: Dependencies

  constructor(options: RoomOptions, dependencies: Dependencies) {
    this.#options = options
    this.#dependencies = dependencies
  }

  explain(
    content: StoredContent,
  ): Pick<ExplainedContent, 'factor' | 'wanted' | 'missing' | 'moving' | 'surplus'> {
    const { brake, judge, trimmer, moves } = this.#dependencies
    const move = moves.of(content.contentId)
    const need = judge.needOf(content)
    const missing = reasonsFor({ ...this.#situationOf(content), need })
    const surplus =
      need.kind === 'surplus' ? trimmer.explain(content, need.extra, brake.hold?.reason) : undefined
    return {
      factor: content.factor,
      wanted: content.file !== undefined,
      missing,
      ...(surplus !== undefined && { surplus }),
      ...(move !== undefined && { moving: moveSentence(move) }),
    }
  }

  /** Why no peer can take a copy of a content that waits for one. */
  whyParked(content: StoredContent): string {
    return waitingReasons(this.#situationOf(content)).join('; ').slice(0, whyCharactersMax)
  }

  #situationOf(content: StoredContent): Omit<Situation, 'need'> {
    const { peers, brake, queue, running, pairs, planner, clock } = this.#dependencies
    const { contentId, holders, owners } = content
    const nowMs = clock.monotonicMs()
    const place = queue.placeOf(contentId)
    const { eligible, refusals } = planner.targetsFor(content)
    return {
      paused: brake.hold?.reason,
      holders: [...new Set(holders.map(({ peerId }) => peerId))],
      liveOwners: owners.filter((owner) => peers.peerOf(owner)?.state === 'live'),
      doubted: idsOf(holders, (one) => one.isDoubted === true && one.isUnproven !== true),
      unproven: idsOf(holders, (one) => one.isUnproven === true),
      draining: [...new Set(holders.map(({ peerId }) => peerId))].filter(
        (peerId) => peers.peerOf(peerId)?.isDraining,
      ),
      running: running
        .ofContent(contentId)
        .map(({ target, startedMs }) => ({ target, forMs: nowMs - startedMs })),
      place,
      delayMs: place?.state === 'delayed' ? place.dueMs - nowMs : 0,
      failure: queue.failureOf(contentId),
      failedPairs: pairs
        .waitingOf(contentId)
        .map((pair) => ({ ...pair, leftMs: pair.untilMs - nowMs })),
      refusals,
      rests: this.#restsOf(refusals.keys(), nowMs),
      sizeBytes: content.size,
      rooms: new Map(Array.from(peers.all(), (peer) => [peer.peerId, this.#roomOf(peer)])),
      flapping: new Map(
        Array.from(peers.all()).flatMap(({ peerId, flapping }) =>
          flapping === undefined ? [] : [[peerId, flapping] as const],
        ),
      ),
      eligible: eligible.length,
    }
  }

  #restsOf(peerIds: Iterable<string>, nowMs: number): Situation['rests'] {
    const rests = Array.from(peerIds).flatMap((peerId) => {
      const rest = this.#dependencies.resting.restOf(peerId)
      return rest === undefined
        ? []
        : [[peerId, { ...rest, leftMs: rest.untilMs - nowMs }] as const]
    })
    return new Map(rests)
  }

  #roomOf(peer: Peer): ExplainedRoom {
    const { peerId, freeBytes, capacityBytes, holdings } = peer
    return {
      roomBytes: this.#dependencies.planner.roomOf(peerId),
      freeBytes,
      keptFreeBytes: keptFreeBytes(peer, this.#options),
      capacityBytes,
      replicaBytes: holdings.replicaBytes,
    }
  }
}

/** The peers of those holders, each once. */
function idsOf(holders: readonly Holder[], isMeant: (holder: Holder) => boolean): string[] {
  return [...new Set(holders.filter(isMeant).map(({ peerId }) => peerId))]
}

function moveSentence({ from, to, reason }: Move): string {
  const why = reason === 'zone' ? 'in another zone' : 'which is less full'
  return `a replica moves from ${from} to ${to}, ${why}: it is copied first`
}
