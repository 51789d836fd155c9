import type { Clock } from '../../common/clock.ts'
import { deadlines } from '../../common/limits.ts'
import type { Peer } from '../registry.ts'
import type { StoredContent } from '../store/store.ts'
import { surplusSentence } from './explain-surplus.ts'
import type { FailedPairs } from './failed-pairs.ts'
import type { Moves } from './moves.ts'
import type { NeedQueue } from './queue.ts'
import type { RunningTasks } from './running-tasks.ts'
import { mayDropReplica, type SurplusHolder, surplusReplicas } from './surplus.ts'
import { isSteady, surplusHolders } from './surplus-holders.ts'

interface Dependencies {
  readonly peerOf: (peerId: string) => Peer | undefined
  readonly queue: Pick<NeedQueue, 'placeOf'>
  readonly running: Pick<RunningTasks, 'ofContent'>
  readonly pairs: Pick<FailedPairs, 'waitingOf'>
  readonly moves: Pick<Moves, 'of'>
  readonly clock: Clock
}

/** Chooses the replicas to trim: those beyond the factor (docs/decisions/0020). */
export class Trimmer {
  readonly #trimAfterMs: number
  readonly #dependencies: Dependencies

  constructor(options: { readonly trimAfterMs: number }, dependencies: Dependencies) {
    this.#trimAfterMs = options.trimAfterMs
    this.#dependencies = dependencies
  }

  /** The number of replicas beyond the factor, on peers that are neither lost nor draining. */
  extraOf(content: StoredContent): number {
    return this.#surplus(content, (peer) => !peer.isLost && !peer.isDraining).length
  }

  /**
   * The peer that drops its replica next, of those that have been live for a while: the one that it
   * moves away from, if it moves.
   */
  peerToTrim(content: StoredContent): string | undefined {
    const isCounted = (peer: Peer): boolean => this.#isSteady(peer)
    const move = this.#dependencies.moves.of(content.contentId)
    if (move === undefined) return this.#surplus(content, isCounted)[0]
    const holders = this.#holders(content, isCounted)
    return mayDropReplica(move.from, holders, content.factor) ? move.from : undefined
  }

  /** When {@link peerToTrim} may find one. */
  nextLookMs({ holders }: StoredContent): number {
    const nowMs = this.#dependencies.clock.monotonicMs()
    const steadyMs = holders
      .map(({ peerId }) => this.#dependencies.peerOf(peerId)?.liveSinceMs ?? -Infinity)
      .map((liveSinceMs) => liveSinceMs + this.#trimAfterMs)
      .filter((moment) => moment > nowMs)
    return Math.min(...steadyMs, nowMs + Math.max(this.#trimAfterMs, deadlines.noSpaceRetryMs))
  }

  /** What trimming a content waits for, as a sentence. */
  explain(
    { contentId, holders }: StoredContent,
    extra: number,
    paused: string | undefined,
  ): string {
    const { peerOf, queue, running, pairs, clock } = this.#dependencies
    const nowMs = clock.monotonicMs()
    const place = queue.placeOf(contentId)
    const isUnsteady = (peerId: string): boolean => {
      const peer = peerOf(peerId)
      return peer !== undefined && !this.#isSteady(peer)
    }
    return surplusSentence({
      extra,
      paused,
      dropping: running.ofContent(contentId).map(({ target }) => target),
      place,
      delayMs: place?.state === 'delayed' ? place.dueMs - nowMs : 0,
      unsteady: [...new Set(holders.map(({ peerId }) => peerId))].filter(isUnsteady),
      failedPairs: pairs
        .waitingOf(contentId)
        .map((pair) => ({ ...pair, leftMs: pair.untilMs - nowMs })),
      trimAfterMs: this.#trimAfterMs,
    })
  }

  #surplus(content: StoredContent, isCounted: (peer: Peer) => boolean): string[] {
    return surplusReplicas(this.#holders(content, isCounted), content.factor)
  }

  #holders(content: StoredContent, isCounted: (peer: Peer) => boolean): SurplusHolder[] {
    const { peerOf, clock } = this.#dependencies
    return surplusHolders(content, { peerOf, nowMs: clock.monotonicMs(), isCounted })
  }

  #isSteady(peer: Peer): boolean {
    const nowMs = this.#dependencies.clock.monotonicMs()
    return isSteady(peer, { nowMs, trimAfterMs: this.#trimAfterMs })
  }
}
