import type { Clock } from '../../common/clock.ts'
import type { Random } from '../../common/random.ts'
import type { Peer } from '../registry.ts'
import type { StoredContent } from '../store/store.ts'
import type { Judge } from './judge.ts'
import {
  balanceMove,
  isCrowded,
  type MovableContent,
  type PlannedMove,
  roomAfter,
  zoneMove,
} from './move-policy.ts'
import type { Move, MoveReason, Moves } from './moves.ts'
import { ableTargets, type PlacementPeer } from './placement.ts'
import type { Planner } from './planner.ts'
import { isSteady, surplusHolders } from './surplus-holders.ts'

export interface MoveFinderOptions {
  readonly trimAfterMs: number
  readonly reserveBytes: number
}

export interface MoveFinderDependencies {
  readonly peers: { all(): Iterable<Peer>; peerOf(peerId: string): Peer | undefined }
  readonly planner: Pick<Planner, 'requestFor' | 'placementPeer'>
  readonly judge: Pick<Judge, 'isDuty' | 'needOf'>
  readonly moves: Pick<Moves, 'of' | 'pendingBytes'>
  readonly clock: Clock
  readonly random: Random
}

/** The peers between which replicas may move, with their rooms once all moves so far are complete. */
export type Rooms = Map<string, PlacementPeer>

/** Applies the policy of moves to the state of the index. */
export class MoveFinder {
  readonly #options: MoveFinderOptions
  readonly #dependencies: MoveFinderDependencies

  constructor(options: MoveFinderOptions, dependencies: MoveFinderDependencies) {
    this.#options = options
    this.#dependencies = dependencies
  }

  /** The peers that have been live for `forMs`, at least `trimAfterMs`, without a break. */
  rooms(forMs = 0): Rooms {
    const { peers, planner, moves } = this.#dependencies
    const rooms: Rooms = new Map()
    for (const peer of peers.all())
      if (this.#isSteady(peer, forMs)) {
        const room = roomAfter(planner.placementPeer(peer), moves.pendingBytes(peer.peerId))
        rooms.set(peer.peerId, room)
      }
    return rooms
  }

  /**
   * The move of a content to another zone, if it should move; `blocked` if no peer can take it now.
   * Updates `rooms`.
   */
  zoneMove(content: StoredContent, rooms: Rooms): Move | 'blocked' | undefined {
    const movable = this.#movable(content)
    if (movable === undefined || !isCrowded(movable)) return undefined
    const choice = { ...this.#options, random: this.#dependencies.random }
    const planned = zoneMove(movable, this.#targets(content, rooms), choice)
    return planned === undefined ? 'blocked' : this.#moved(content, planned, 'zone', rooms)
  }

  /** The move of a content from a peer to one that is less full, if there is one. Updates `rooms`. */
  balanceMove(
    content: StoredContent,
    from: string,
    rooms: Rooms,
    goal: { readonly differenceMin: number },
  ): Move | undefined {
    const room = rooms.get(from)
    const isReplica = content.holders.some(
      ({ peerId, kind }) => peerId === from && kind === 'replicated',
    )
    const movable = room !== undefined && isReplica ? this.#movable(content) : undefined
    if (room === undefined || movable === undefined) return undefined
    const planned = balanceMove(movable, room, this.#targets(content, rooms), goal)
    return planned && this.#moved(content, planned, 'balance', rooms)
  }

  #moved(content: StoredContent, planned: PlannedMove, reason: MoveReason, rooms: Rooms): Move {
    const { contentId, size } = content
    for (const [peerId, bytes] of [
      [planned.from, -size],
      [planned.to, size],
    ] as const) {
      const room = rooms.get(peerId)
      if (room !== undefined) rooms.set(peerId, roomAfter(room, bytes))
    }
    return { contentId, sizeBytes: size, ...planned, reason }
  }

  /** Undefined if the content needs something else, or moves already. */
  #movable(content: StoredContent): MovableContent | undefined {
    const { peers, judge, moves, clock } = this.#dependencies
    const { contentId, file, size: sizeBytes } = content
    if (file === undefined || moves.of(contentId) !== undefined) return undefined
    if (!judge.isDuty(content) || judge.needOf(content).kind !== 'none') return undefined
    const holders = surplusHolders(
      { holders: content.holders.filter(({ peerId }) => isKeeper(peers.peerOf(peerId))) },
      {
        peerOf: (peerId) => peers.peerOf(peerId),
        nowMs: clock.monotonicMs(),
        isCounted: (peer) => this.#isSteady(peer, 0),
      },
    )
    return { sizeBytes, factor: content.factor, holders }
  }

  #targets(content: StoredContent, rooms: Rooms): PlacementPeer[] {
    const request = this.#dependencies.planner.requestFor(content)
    return ableTargets(request, [...rooms.values()], this.#options)
  }

  #isSteady(peer: Peer, forMs: number): boolean {
    const nowMs = this.#dependencies.clock.monotonicMs()
    const trimAfterMs = Math.max(this.#options.trimAfterMs, forMs)
    const { unsteady } = this.#dependencies.planner.placementPeer(peer)
    return unsteady === undefined && isSteady(peer, { nowMs, trimAfterMs })
  }
}

/** Copies on lost and draining peers are replaced; others have to be relied on. */
function isKeeper(peer: Peer | undefined): boolean {
  return peer !== undefined && !peer.isLost && !peer.isDraining
}
