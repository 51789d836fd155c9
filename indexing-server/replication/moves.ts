import type { Clock } from '../../common/clock.ts'
import type { StoredContent } from '../store/store.ts'
import type { Need } from './needs.ts'

/** Why a replica moves: to another zone, or to a less full peer. */
export type MoveReason = 'zone' | 'balance'

/**
 * A replica that is to move: `to` makes a copy first, then `from` drops its replica, which is beyond
 * the factor by then.
 */
export interface Move {
  readonly contentId: number
  readonly sizeBytes: number
  readonly from: string
  readonly to: string
  readonly reason: MoveReason
}

interface TrackedMove extends Move {
  readonly startedMs: number
  /** Whether `to` has its copy. */
  isCopied: boolean
}

/** A move that is not complete by then is given up: a copy that is too many is trimmed like others. */
const moveMs = 3_600_000

/** Moves in progress. Lives in memory: after a restart of the index, others are planned. */
export class Moves {
  readonly #clock: Clock
  readonly #onDone: (move: Move) => void
  /** By content, oldest first. */
  readonly #moves = new Map<number, TrackedMove>()

  /** @param dependencies.onDone called when a replica has moved */
  constructor(dependencies: { readonly clock: Clock; readonly onDone: (move: Move) => void }) {
    this.#clock = dependencies.clock
    this.#onDone = dependencies.onDone
  }

  get size(): number {
    return this.#moves.size
  }

  /** The number of moves of a reason. */
  countOf(reason: MoveReason): number {
    return this.#moves.values().reduce((count, move) => count + Number(move.reason === reason), 0)
  }

  of(contentId: number): Move | undefined {
    return this.#moves.get(contentId)
  }

  start(move: Move): void {
    const startedMs = this.#clock.monotonicMs()
    this.#moves.set(move.contentId, { ...move, startedMs, isCopied: false })
  }

  /** Gives up a move. */
  cancel(contentId: number): void {
    this.#moves.delete(contentId)
  }

  /** Gives up all moves of a reason; returns their contents. */
  cancelAll(reason: MoveReason): number[] {
    const ended = [...this.#moves.values()].filter((move) => move.reason === reason)
    for (const { contentId } of ended) this.cancel(contentId)
    return ended.map(({ contentId }) => contentId)
  }

  /** Gives up moves that take too long; returns their contents. */
  expire(): number[] {
    const nowMs = this.#clock.monotonicMs()
    const late = [...this.#moves.values()].filter(({ startedMs }) => nowMs - startedMs >= moveMs)
    for (const { contentId } of late) this.cancel(contentId)
    return late.map(({ contentId }) => contentId)
  }

  /** What a content needs, given what it needs without a move. */
  needOf({ contentId, holders }: StoredContent, need: Need): Need {
    const move = this.#moves.get(contentId)
    if (move === undefined || need.kind !== 'none') return need
    const isHeld = holders.some(({ peerId }) => peerId === move.to)
    return isHeld ? need : { kind: 'copies', lacking: 1, urgency: 'move' }
  }

  /** Follows a move by what was announced. `need` is that of the content without the move. */
  onHolders({ contentId, holders, file }: StoredContent, { kind }: Need): void {
    const move = this.#moves.get(contentId)
    if (move === undefined) return
    const isHeld = holders.some(({ peerId }) => peerId === move.to)
    const isLeft = !holders.some((one) => one.peerId === move.from && one.kind === 'replicated')
    move.isCopied = isHeld
    if (file === undefined || kind === 'copies' || kind === 'lost') this.cancel(contentId)
    else if (isLeft) {
      this.cancel(contentId)
      if (isHeld) this.#onDone(move)
    } else if (isHeld ? kind === 'none' : kind === 'surplus') this.cancel(contentId)
  }

  /** The bytes that moves will add to a peer, less those that they will remove. */
  pendingBytes(peerId: string): number {
    let bytes = 0
    for (const { from, to, sizeBytes, isCopied } of this.#moves.values()) {
      if (to === peerId && !isCopied) bytes += sizeBytes
      if (from === peerId) bytes -= sizeBytes
    }
    return bytes
  }
}
