/**
 * Moves replicas to where they should be: into other zones, and from fuller to less full peers.
 *
 *   ZoneWalk, Rebalance   find contents, page by page -> Move
 *   Moves                 has each until it is complete; Judge adds a copy to what its content needs
 *   Planner, Trimmer      make that copy, and drop the replica that is beyond the factor then
 */
import { BackgroundWork } from '../../common/background.ts'
import { bytesPerSecondOf } from '../../common/byte-rate.ts'
import { reasonOf } from '../../common/errors.ts'
import type { Log } from '../../common/log.ts'
import type { Peer } from '../registry.ts'
import type { IndexStore } from '../store/store.ts'
import type { Hold } from './brake.ts'
import { MoveFinder, type MoveFinderDependencies, type MoveFinderOptions } from './move-finder.ts'
import type { Move, MoveReason, Moves } from './moves.ts'
import { RateBudget } from './rate-budget.ts'
import { Rebalance } from './rebalance.ts'
import { ZoneWalk } from './zone-walk.ts'

/** Moves in progress: enough small ones for full batches, few enough to end soon. */
const movesMax = 1_000
/** While walking: 5,000 contents a second, a small part of a core. */
const stepMs = 100
const idleMs = 1_000
/**
 * Moves wait for repairs that run for so long, and for those that wait for slots without end: where
 * files are added all the time, some copy is always missing.
 */
const repairMs = 60_000

export interface MoverOptions extends MoveFinderOptions {
  /** Of all moves together, as written in the settings. */
  readonly moveBytesPerSecond: number | string
  /** The difference in fullness, in percent, from which replicas move by themselves; 0 for never. */
  readonly rebalanceAbove: number
}

interface Dependencies extends Omit<MoveFinderDependencies, 'moves'> {
  readonly store: Pick<IndexStore, 'contents' | 'contentIds'>
  readonly moves: Moves
  readonly brake: { readonly hold: Hold | undefined }
  readonly queue: { readonly isRepairing: boolean; readonly areRepairsWaiting: boolean }
  /** Has these contents judged again. */
  readonly touch: (contentIds: readonly number[]) => void
  /** Cancels running tasks of moves: others need their peers. */
  readonly yieldMoves: () => void
  readonly log: Log
}

export class Mover implements AsyncDisposable {
  readonly rebalance: Rebalance
  /** Infinite without a limit. */
  readonly bytesPerSecond: number
  readonly #dependencies: Dependencies
  readonly #background: BackgroundWork
  readonly #finder: MoveFinder
  readonly #zoneWalk: ZoneWalk
  readonly #budget: RateBudget
  /** Since when copies have been missing without a break. */
  #repairingMs: number | undefined

  constructor(options: MoverOptions, dependencies: Dependencies) {
    this.bytesPerSecond = bytesPerSecondOf(options.moveBytesPerSecond)
    this.#dependencies = dependencies
    this.#background = new BackgroundWork(dependencies)
    this.#finder = new MoveFinder(options, dependencies)
    const parts = { ...dependencies, finder: this.#finder }
    this.#zoneWalk = new ZoneWalk(parts)
    this.rebalance = new Rebalance({ automaticDifference: options.rebalanceAbove / 100 }, parts)
    this.#budget = new RateBudget(this, dependencies)
  }

  start(): void {
    this.#background.start('move replicas', (signal) => this.#run(signal))
  }

  /** Moves in progress. */
  count(reason: MoveReason): number {
    return this.#dependencies.moves.countOf(reason)
  }

  /** Why nothing moves now, if so. */
  get obstacle(): string | undefined {
    const { brake, queue, clock } = this.#dependencies
    if (brake.hold !== undefined) return brake.hold.reason
    const sinceMs = this.#repairingMs ?? clock.monotonicMs()
    const isNew = queue.isRepairing && clock.monotonicMs() - sinceMs < repairMs
    const isFirst = queue.areRepairsWaiting || isNew
    return isFirst ? 'missing copies are made first' : undefined
  }

  /** Ends the rebalance. Copies that were made for it and are beyond the factor are trimmed. */
  stopRebalance(): void {
    this.#dependencies.touch(this.rebalance.stop())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#background[Symbol.asyncDispose]()
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#dependencies
    for (;;) {
      const isWalking = this.#zoneWalk.isRunning || this.rebalance.isWalking
      await clock.sleep(isWalking ? stepMs : idleMs, signal)
      try {
        await this.#step()
      } catch (error) {
        signal.throwIfAborted()
        log.warn({ error, reason: reasonOf(error) }, 'moving replicas failed; it is tried again')
      }
    }
  }

  async #step(): Promise<void> {
    const { moves, touch, peers, yieldMoves, queue, clock } = this.#dependencies
    touch(moves.expire())
    this.#repairingMs = queue.isRepairing ? (this.#repairingMs ?? clock.monotonicMs()) : undefined
    if (queue.areRepairsWaiting) yieldMoves()
    if (this.obstacle !== undefined) return

    this.#zoneWalk.look(
      this.#finder.rooms(),
      Array.from(peers.all(), (peer: Peer) => peer.zone),
    )
    await this.rebalance.look()
    if (this.#budget.isSpent || moves.size >= movesMax) return
    const isEnough = ({ sizeBytes }: Move): boolean => {
      this.#budget.spend(sizeBytes)
      return this.#budget.isSpent
    }
    const found = this.#zoneWalk.isRunning
      ? await this.#zoneWalk.step(this.#finder.rooms(), isEnough)
      : await this.rebalance.step(isEnough)
    for (const move of found) moves.start(move)
    touch(found.map(({ contentId }) => contentId))
  }
}
