import type { Clock } from '../../common/clock.ts'
import type { IndexStore } from '../store/store.ts'
import { BalanceWalk, differenceOf } from './balance-walk.ts'
import type { MoveFinder, Rooms } from './move-finder.ts'
import type { Move, Moves } from './moves.ts'

/**
 * Differences in fullness that a rebalance leaves: placement does not distinguish smaller ones, so
 * it would recreate them.
 */
const levelDifference = 0.05
/** An automatic rebalance moves to peers that have been live for a day: not to one that leaves again. */
const lastingMs = 86_400_000
/** From the end of a rebalance to the next automatic one, which may find nothing else to move. */
const automaticEveryMs = 3_600_000
/** Contents looked at for a plan, about 1 s. */
const planStepsMax = 200

export type RebalanceCause = 'command' | 'automatic'

export interface PlannedFlow {
  readonly from: string
  readonly to: string
  readonly contents: number
  readonly bytes: number
}

export interface RebalancePlan {
  readonly flows: readonly PlannedFlow[]
  readonly contents: number
  readonly bytes: number
  /** Whether more would move: not all contents were looked at. */
  readonly isPartial: boolean
}

export interface RebalanceProgress {
  readonly cause: RebalanceCause
  readonly planned: RebalancePlan
  readonly isRunning: boolean
  /** Whether it was ended before it was complete. */
  readonly isStopped: boolean
  readonly movedContents: number
  readonly movedBytes: number
}

type Running = { -readonly [Key in keyof RebalanceProgress]: RebalanceProgress[Key] } & {
  /** Undefined once everything was looked at. */
  walk: BalanceWalk | undefined
}

export interface RebalanceOptions {
  /** The difference in fullness from which it starts by itself; 0 for never. */
  readonly automaticDifference: number
}

interface Dependencies {
  readonly store: Pick<IndexStore, 'contents' | 'contentIds'>
  readonly finder: MoveFinder
  readonly moves: Pick<Moves, 'cancelAll' | 'countOf'>
  readonly clock: Clock
}

/** Moves replicas from fuller to less full peers: on command, or when they differ much. */
export class Rebalance {
  readonly #options: RebalanceOptions
  readonly #dependencies: Dependencies
  #current: Running | undefined
  #automaticMs: number

  constructor(options: RebalanceOptions, dependencies: Dependencies) {
    this.#options = options
    this.#dependencies = dependencies
    this.#automaticMs = dependencies.clock.monotonicMs()
  }

  /** The rebalance that runs, or else the last one. */
  get progress(): RebalanceProgress | undefined {
    return this.#current
  }

  get isWalking(): boolean {
    return this.#current?.isRunning === true && this.#current.walk !== undefined
  }

  /** What a rebalance would move now. */
  async plan(): Promise<RebalancePlan> {
    return await this.#plan(this.#dependencies.finder.rooms(), levelDifference)
  }

  /** Starts a rebalance on command; one that runs continues. */
  async start(): Promise<void> {
    if (this.#current?.isRunning !== true) await this.#start('command', levelDifference)
  }

  /** Ends the rebalance; returns the contents whose moves were given up. */
  stop(): number[] {
    if (this.#current?.isRunning !== true) return []
    this.#current.isStopped = true
    this.#end(this.#current)
    return this.#dependencies.moves.cancelAll('balance')
  }

  /** Starts by itself if peers differ enough, and ends when all is done. */
  async look(): Promise<void> {
    const { clock, finder, moves } = this.#dependencies
    const { automaticDifference } = this.#options
    if (this.#current?.isRunning === true) {
      if (this.#current.walk === undefined && moves.countOf('balance') === 0)
        this.#end(this.#current)
      return
    }
    if (automaticDifference === 0 || clock.monotonicMs() < this.#automaticMs) return
    if (differenceOf(finder.rooms(lastingMs)) < automaticDifference) return
    this.#automaticMs = clock.monotonicMs() + automaticEveryMs
    await this.#start('automatic', automaticDifference / 2)
  }

  /** See {@link BalanceWalk}; returns no moves at the end. */
  async step(isEnough: (move: Move) => boolean): Promise<Move[]> {
    const running = this.#current
    if (running?.walk === undefined) return []
    const moves = await running.walk.step(this.#rooms(running.cause), isEnough)
    if (moves === undefined) running.walk = undefined
    // It may have been stopped meanwhile.
    return running.isRunning ? (moves ?? []) : []
  }

  onMoved({ sizeBytes }: Move): void {
    if (this.#current === undefined) return
    this.#current.movedContents += 1
    this.#current.movedBytes += sizeBytes
  }

  async #start(cause: RebalanceCause, differenceMin: number): Promise<void> {
    const planned = await this.#plan(this.#rooms(cause), differenceMin)
    if (this.#current?.isRunning === true) return
    const walk = new BalanceWalk({ differenceMin }, this.#dependencies)
    const moved = { movedContents: 0, movedBytes: 0 }
    this.#current = { cause, planned, isRunning: true, isStopped: false, walk, ...moved }
  }

  #end(running: Running): void {
    running.isRunning = false
    running.walk = undefined
    this.#automaticMs = this.#dependencies.clock.monotonicMs() + automaticEveryMs
  }

  #rooms(cause: RebalanceCause): Rooms {
    return this.#dependencies.finder.rooms(cause === 'automatic' ? lastingMs : 0)
  }

  async #plan(rooms: Rooms, differenceMin: number): Promise<RebalancePlan> {
    const walk = new BalanceWalk({ differenceMin }, this.#dependencies)
    const planned = new Set<number>()
    const flows = new Map<string, PlannedFlow>()
    let isPartial = true
    for (let steps = 0; steps < planStepsMax && isPartial; steps++) {
      const moves = await walk.step(rooms, () => false)
      isPartial = moves !== undefined
      for (const { contentId, from, to, sizeBytes } of moves ?? []) {
        if (planned.has(contentId)) continue
        planned.add(contentId)
        const flow = flows.get(`${from} ${to}`) ?? { from, to, contents: 0, bytes: 0 }
        const { contents, bytes } = flow
        flows.set(`${from} ${to}`, {
          ...flow,
          contents: contents + 1,
          bytes: bytes + sizeBytes,
        })
      }
    }
    const all = [...flows.values()].toSorted((a, b) => b.bytes - a.bytes)
    const bytes = all.reduce((sum, flow) => sum + flow.bytes, 0)
    return { flows: all, contents: planned.size, bytes, isPartial }
  }
}
