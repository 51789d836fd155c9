import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '../../common/clock.ts'
import { limits } from '../../common/limits.ts'
import type { Peer } from '../registry.ts'
import type { IndexStore, StoredContent } from '../store/store.ts'
import type { DropGrants } from './drop-grants.ts'
import type { Duty } from './duty.ts'
import type { FailedPairs } from './failed-pairs.ts'
import { isConfirmed } from './is-confirmed.ts'
import type { Moves } from './moves.ts'
import { type Need, needOf, type Standing } from './needs.ts'
import type { NoRoom } from './no-room.ts'
import { type Healed, type Lacking, OpenNeeds } from './open-needs.ts'
import type { NeedQueue } from './queue.ts'
import { classOf, type Rank, rankOf } from './ranks.ts'
import type { ReportedCopies } from './reported-copies.ts'
import type { RunningTasks } from './running-tasks.ts'
import type { Trimmer } from './trimmer.ts'
import { type Verdict, Verdicts } from './verdicts.ts'
import { type WalkOver, Walks } from './walks.ts'

/** Slices judged before planning: about 0.1 s. */
const slicesPerPass = 16

export interface JudgeOptions {
  /** How long a content must lack copies before one is made. */
  readonly settleMs: number
  /** How long a content must have more copies than needed, all on live peers, before one is dropped. */
  readonly trimAfterMs: number
}

interface Dependencies {
  readonly store: Pick<IndexStore, 'contents' | 'contentIds' | 'listNames' | 'trash'>
  readonly peers: { all(): Iterable<Peer>; peerOf(peerId: string): Peer | undefined }
  readonly grants: DropGrants
  readonly queue: NeedQueue
  readonly running: RunningTasks
  readonly pairs: FailedPairs
  readonly noRoom: NoRoom
  readonly moves: Moves
  readonly reported: Pick<ReportedCopies, 'forget' | 'onHolders'>
  readonly trimmer: Trimmer
  readonly duty: Duty
  /** Called for each content that has its copies again, or for the first time. */
  readonly onHealed: (healed: Healed) => void
  /** Resolves when more urgent events have had their turn; by default all others have one. */
  readonly pause?: (() => Promise<void>) | undefined
  readonly clock: Clock
}

/**
 * Determines what contents need: those that were touched, and those that a peer held when it was
 * lost or returned. Needs go to the queue, verdicts to the counters of `status`.
 */
export class Judge {
  readonly #options: JudgeOptions
  readonly #dependencies: Dependencies
  readonly #verdicts = new Verdicts()
  readonly #needs = new OpenNeeds()
  readonly #touched = new Set<number>()
  readonly #walks: Walks

  constructor(options: JudgeOptions, dependencies: Dependencies) {
    this.#options = options
    this.#dependencies = dependencies
    this.#walks = new Walks(dependencies.store)
    this.#walks.start({ over: 'all' })
  }

  get verdicts(): Pick<Verdicts, 'atFactor' | 'aboveFactor' | 'belowFactorOver'> {
    return this.#verdicts
  }

  /** The contents that lack copies. */
  get needs(): Omit<OpenNeeds, 'open' | 'close'> {
    return this.#needs
  }

  /** Contents whose copies or files changed. */
  touch(contentIds: readonly number[]): void {
    for (const contentId of contentIds) this.#touched.add(contentId)
  }

  /** Contents to judge in the background. */
  walk(target: WalkOver): void {
    this.#walks.start(target)
  }

  get isToJudge(): boolean {
    return this.#touched.size > 0 || !this.#walks.isEmpty
  }

  /** Judges touched and walked contents, in bounded passes so that planning is not starved. */
  async judge(signal: AbortSignal): Promise<void> {
    const { pause = turn } = this.#dependencies
    for (let slices = 0; this.isToJudge && slices < slicesPerPass; slices++) {
      await this.#judgeSome()
      await pause()
      signal.throwIfAborted()
    }
  }

  needOf(content: StoredContent): Need {
    return this.#dependencies.moves.needOf(content, this.#needWithoutMove(content))
  }

  #needWithoutMove(content: StoredContent): Need {
    const { peers, trimmer } = this.#dependencies
    const standingOf = (peerId: string): Standing => {
      const peer = peers.peerOf(peerId)
      if (peer === undefined || peer.isLost) return 'lost'
      return peer.isDraining ? 'draining' : 'counted'
    }
    const extraReplicas = (): number => trimmer.extraOf(content)
    return needOf(content, standingOf, extraReplicas)
  }

  /**
   * Determines what a content needs, records the verdict, and removes it from the queue if it needs
   * nothing, or another index acts for it.
   */
  verdictOn(content: StoredContent): Need {
    const need = this.needOf(content)
    const verdict = this.#verdictOf(content, need)
    if (this.#dependencies.duty.knows(content)) this.#countNeed(content, need, verdict)
    else this.#needs.close(content.contentId, this.#dependencies.clock.monotonicMs())
    this.#verdicts.set(content.contentId, verdict, content.factor)
    const isSettled = need.kind === 'none' || need.kind === 'lost'
    if (isSettled || !this.isDuty(content)) this.#forget(content.contentId)
    return need
  }

  /**
   * Judges one slice of the touched contents and one of a walk, so that neither starves the other.
   */
  async #judgeSome(): Promise<void> {
    const { store, grants, moves, reported } = this.#dependencies
    const contentIds = new Set(this.#touched.values().take(limits.contentsPerSlice))
    for (const contentId of contentIds) this.#touched.delete(contentId)
    for (const contentId of await this.#walks.next()) contentIds.add(contentId)
    const found = await store.contents([...contentIds])
    for (const content of found) {
      contentIds.delete(content.contentId)
      grants.onHolders(content)
      reported.onHolders(content)
      moves.onHolders(content, this.#needWithoutMove(content))
      this.#enqueue(content, this.verdictOn(content))
    }
    for (const contentId of contentIds) {
      this.#needs.close(contentId, 0)
      this.#verdicts.set(contentId, 'unknown')
      grants.forget(contentId)
      moves.cancel(contentId)
      this.#forget(contentId)
    }
  }

  #countNeed({ contentId, size, file }: StoredContent, need: Need, verdict: Verdict): void {
    const nowMs = this.#dependencies.clock.monotonicMs()
    const lacking = lackingOf(need)
    if (lacking !== undefined && verdict === 'below-factor') {
      // Lost copies cannot be made until a peer returns.
      const bytes = need.kind === 'copies' ? size * need.lacking : 0
      const had = this.#verdicts.hadCopies(contentId)
      this.#needs.open(contentId, { lacking, bytes, had }, nowMs)
      return
    }
    const healed = this.#needs.close(contentId, nowMs)
    if (healed !== undefined && file !== undefined) this.#dependencies.onHealed(healed)
  }

  #forget(contentId: number): void {
    this.#dependencies.queue.remove(contentId)
    this.#dependencies.pairs.forget(contentId)
    this.#dependencies.noRoom.delete(contentId)
    this.#dependencies.reported.forget(contentId)
  }

  /** Whether this index, and no other, acts on what the content needs. */
  isDuty(content: StoredContent): boolean {
    return this.#dependencies.duty.actsFor(content)
  }

  #enqueue(content: StoredContent, need: Need): void {
    if (need.kind === 'none' || need.kind === 'lost') return
    if (!this.isDuty(content)) return
    const { queue, clock } = this.#dependencies
    const { contentId } = content
    const rank = rankOf(need.urgency, content.size)
    const { settleMs, trimAfterMs } = this.#options
    const nowMs = clock.monotonicMs()
    const before = queue.classOf(contentId)
    // A copy that has become necessary does not wait for trimming or a move, nor the reverse.
    if (before !== undefined && before !== classOf(rank)) this.#forget(contentId)
    const place = queue.placeOf(contentId)
    if (place?.state === 'held' && this.#isEnoughRunning(contentId, need)) return
    // The awaited copy has been announced, but the content needs more.
    if (isConfirmed(place, content, need))
      queue.delay(contentId, rank, { reason: 'settling', dueMs: nowMs + settleMs })
    else
      queue.need(contentId, rank, nowMs + (this.#isLate(contentId, rank) ? trimAfterMs : settleMs))
  }

  /** A replica that was moved away need not prove that it is beyond the factor. */
  #isLate(contentId: number, rank: Rank): boolean {
    return classOf(rank) === 'trim' && this.#dependencies.moves.of(contentId) === undefined
  }

  #isEnoughRunning(contentId: number, need: Need): boolean {
    const { running } = this.#dependencies
    if (need.kind === 'copies') return running.copiesOf(contentId).length >= need.lacking
    return running.ofContent(contentId).length > 0
  }

  #verdictOf(content: StoredContent, need: Need): Verdict {
    if (content.file === undefined) return 'unwanted'
    if (!this.#dependencies.duty.knows(content)) return 'at-factor'
    if (need.kind === 'surplus') return 'above-factor'
    const isMove = need.kind === 'copies' && need.urgency === 'move'
    if (need.kind === 'none' || isMove) return 'at-factor'
    // A deleted file is not kept on the disk of its owner, so that few peers may have to do.
    const isAll = content.isTrashed && need.kind === 'copies' && !this.#hasOtherPeer(content)
    return isAll ? 'at-factor' : 'below-factor'
  }

  /** Whether there is a peer that is not lost, without a copy, and no owner. */
  #hasOtherPeer({ holders, owners }: StoredContent): boolean {
    const others = new Set([...holders.map(({ peerId }) => peerId), ...owners])
    for (const { peerId, isLost } of this.#dependencies.peers.all())
      if (!isLost && !others.has(peerId)) return true
    return false
  }
}

/** What a content lacks; undefined if nothing. */
function lackingOf(need: Need): Lacking | undefined {
  if (need.kind === 'lost') return 'lost'
  return need.kind === 'copies' && need.urgency !== 'move' ? need.urgency : undefined
}
