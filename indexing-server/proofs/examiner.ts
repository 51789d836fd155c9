import type { Clock } from '../../common/clock.ts'
import { chunkBytesFor } from '../../common/content/chunks.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import { type Random, shuffled } from '../../common/random.ts'
import type { EventRecorder } from '../events/event.ts'
import type { Peer } from '../registry.ts'
import type { Duty } from '../replication/duty.ts'
import type { ProofFailure } from '../store/proof-records.ts'
import type { IndexStore, StoredContent } from '../store/store.ts'
import { Challenger, type ProofRequests } from './challenger.ts'
import { judgeAnswers, type ProofVerdict } from './judge-answers.ts'
import { type Miss, Misses } from './misses.ts'
import { isShown } from './proof-pace.ts'
import type { Unproven } from './unproven.ts'

const minuteMs = 60_000
/** A peer that was too busy is not asked about other copies meanwhile. */
const restMs = minuteMs
/** Chunks that a peer sends at a time: each may take minutes, and other challenges wait. */
const showsMax = 2
/** Holders that rest are asked together with the others this much later. */
const restedMs = 10 * minuteMs
/** A copy that is not proven is asked for again after as long as it has not been, within these bounds. */
const recheckMsMin = 10 * minuteMs
const recheckMsMax = 24 * 60 * minuteMs

export interface ExaminerDependencies {
  readonly store: Pick<IndexStore, 'contents'>
  readonly unproven: Unproven
  readonly peers: { all(): Iterable<Peer>; peerOf(peerId: string): Peer | undefined }
  readonly requests: ProofRequests & { isConnected(peerId: string): boolean }
  readonly duty: Pick<Duty, 'asksFor'>
  /** In a mesh: the peer whose own index this is. */
  readonly ownPeerId?: string | undefined
  /** The peer has lied about a copy. */
  readonly blame: (peerId: string) => void
  /** Copies of these contents count again, or no longer. */
  readonly onChange: (contentIds: readonly number[]) => void
  /** All copies of this peer count again, or none does any longer. */
  readonly onTrust: (peerId: string) => void
  readonly events: EventRecorder
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Has contents challenged later. */
interface Schedule {
  /** `must`: even if many wait. */
  content(contentId: number, delayMs: number, must: boolean): void
  /** All unproven copies of a peer. */
  peer(peerId: string): void
}

/** Challenges all holders of a content, and acts on their answers. */
export class Examiner {
  readonly #dependencies: ExaminerDependencies
  readonly #challenger: Challenger
  readonly #misses = new Misses()
  /** Until when peers that were too busy rest; monotonic. */
  readonly #rests = new Map<string, number>()
  /** How many chunks each peer is sending. */
  readonly #showing = new Map<string, number>()
  readonly #schedule: Schedule
  /** Answers since the start. */
  readonly outcomes: Record<ProofFailure | 'busy' | 'passed', number> = {
    passed: 0,
    wrong: 0,
    late: 0,
    absent: 0,
    busy: 0,
  }

  constructor(schedule: Schedule, dependencies: ExaminerDependencies) {
    this.#schedule = schedule
    this.#dependencies = dependencies
    this.#challenger = new Challenger(dependencies)
  }

  /** @throws AppError DISK_FAILED; the signal's reason */
  async examine(contentId: number, signal: AbortSignal): Promise<void> {
    const content = await this.#read(contentId)
    const present = content === undefined ? [] : this.#presentOf(content)
    this.#misses.keepOnly(contentId, present)
    const peerIds = this.#askedOf(contentId, present)
    if (content === undefined || peerIds.length === 0) return
    const { chunk, answers } = await this.#challenger.ask(content, peerIds, signal)
    const verdicts = judgeAnswers(answers, {
      ownPeerId: this.#dependencies.ownPeerId,
      mustShow: this.#mustShow(content, answers.size),
    })
    const showing = [...verdicts].map(async ([peerId, verdict]) => {
      if (verdict !== 'show') return [peerId, verdict] as const
      return [peerId, await this.#show(peerId, content, { chunk, signal })] as const
    })
    const shown = await Promise.all(showing)
    // A copy may have been dropped meanwhile.
    const holders = new Set((await this.#read(contentId))?.holders.map(({ peerId }) => peerId))
    this.#misses.keepOnly(contentId, [...holders])
    for (const [peerId, verdict] of shown)
      if (holders.has(peerId) && verdict !== undefined) await this.#take(peerId, content, verdict)
  }

  /** Undefined if the peer sends enough other chunks: then it is asked later. */
  async #show(
    peerId: string,
    content: StoredContent,
    { chunk, signal }: { readonly chunk: number; readonly signal: AbortSignal },
  ): Promise<Exclude<ProofVerdict, 'show'> | undefined> {
    const showing = this.#showing.get(peerId) ?? 0
    if (showing >= showsMax) {
      this.#schedule.content(content.contentId, this.#jittered(restMs), true)
      return undefined
    }
    this.#showing.set(peerId, showing + 1)
    try {
      return await this.#challenger.show(content, chunk, peerId, signal)
    } finally {
      const left = (this.#showing.get(peerId) ?? 1) - 1
      if (left === 0) this.#showing.delete(peerId)
      else this.#showing.set(peerId, left)
    }
  }

  async #read(contentId: number): Promise<StoredContent | undefined> {
    return (await this.#dependencies.store.contents([contentId]))[0]
  }

  /** The holders that could be asked. */
  #presentOf(content: StoredContent): string[] {
    const { file, holders } = content
    const { duty, requests, peers } = this.#dependencies
    if (file === undefined || !duty.asksFor(content)) return []
    return [...new Set(holders.map(({ peerId }) => peerId))].filter(
      (peerId) => peers.peerOf(peerId)?.state === 'live' && requests.isConnected(peerId),
    )
  }

  /** Those that are asked now; the others are asked later. */
  #askedOf(contentId: number, present: readonly string[]): string[] {
    const { clock, random, ownPeerId } = this.#dependencies
    const nowMs = clock.monotonicMs()
    const isResting = (peerId: string): boolean =>
      (this.#rests.get(peerId) ?? 0) > nowMs || (this.#showing.get(peerId) ?? 0) >= showsMax
    const asked = present.filter(
      (peerId) => !isResting(peerId) && this.#misses.mayAsk(peerId, contentId),
    )
    if (asked.length < present.length)
      this.#schedule.content(contentId, this.#jittered(restedMs), false)
    const most = limits.sourcesPerContentMax
    if (asked.length <= most) return asked
    // In a mesh, the others are compared with the own one.
    const isOwn = (peerId: string): boolean => peerId === ownPeerId
    const others = shuffled(
      asked.filter((peerId) => !isOwn(peerId)),
      random,
    )
    return [...asked.filter(isOwn), ...others].slice(0, most)
  }

  #mustShow({ sha256, size }: StoredContent, provers: number): (peerId: string) => boolean {
    const { random, unproven } = this.#dependencies
    const isDrawn = isShown({ provers, chunkBytes: chunkBytesFor(size) }, random.fraction())
    return (peerId) => isDrawn || unproven.of(peerId, sha256) !== undefined
  }

  async #take(
    peerId: string,
    content: StoredContent,
    verdict: Exclude<ProofVerdict, 'show'>,
  ): Promise<void> {
    this.outcomes[verdict] += 1
    if (verdict === 'passed') await this.#pass(peerId, content)
    else if (verdict === 'wrong') {
      this.#misses.clear(peerId, content.contentId)
      this.#dependencies.blame(peerId)
      await this.#fail(peerId, content, 'wrong')
    } else await this.#miss(peerId, content, this.#excused(peerId, verdict))
  }

  async #miss(peerId: string, content: StoredContent, miss: Miss): Promise<void> {
    const { unproven, clock } = this.#dependencies
    if (miss !== 'absent') this.#rests.set(peerId, clock.monotonicMs() + restMs)
    const known = unproven.of(peerId, content.sha256)
    if (known !== undefined) return this.#recheck(peerId, content)
    const againMs = this.#misses.add(peerId, content.contentId, miss)
    if (againMs === undefined)
      await this.#fail(peerId, content, miss === 'absent' ? 'absent' : 'late')
    else this.#schedule.content(content.contentId, this.#jittered(againMs), true)
  }

  /** A peer that falls silent is no liar; nor are many that are late together: the network is slow, or this process was. */
  #excused(peerId: string, miss: Miss): Miss {
    if (miss !== 'late') return miss
    const { peers, clock } = this.#dependencies
    if (peers.peerOf(peerId)?.state !== 'live') return 'busy'
    const nowMs = clock.monotonicMs()
    for (const [id, untilMs] of this.#rests) if (untilMs <= nowMs) this.#rests.delete(id)
    const live = [...peers.all()].filter(({ state }) => state === 'live').length
    const isMany = this.#rests.size >= 2 && this.#rests.size * 2 > live
    return isMany ? 'busy' : 'late'
  }

  async #pass(peerId: string, content: StoredContent): Promise<void> {
    const { unproven, events, log } = this.#dependencies
    const { contentId, sha256, size: bytes, file } = content
    this.#misses.clear(peerId, contentId)
    if (unproven.of(peerId, sha256) === undefined) return
    const { isNew, isTrustNew } = await unproven.pass(peerId, sha256)
    log.info({ peerId, sha256 }, 'a copy was proven after all')
    events.record({ kind: 'proof-passed', peerId, name: file?.name, sha256, bytes })
    if (isNew) this.#dependencies.onChange([contentId])
    if (isTrustNew) this.#dependencies.onTrust(peerId)
    // Whatever kept it from proving may be over: a disk that was away, for example.
    this.#schedule.peer(peerId)
  }

  async #fail(peerId: string, content: StoredContent, failure: ProofFailure): Promise<void> {
    const { unproven, events, log } = this.#dependencies
    const { contentId, sha256, size: bytes, file } = content
    const { isNew, isTrustNew } = await unproven.fail(peerId, sha256, failure)
    this.#recheck(peerId, content)
    if (isNew) {
      log.warn({ peerId, sha256, failure }, 'a peer has not proven its copy, which does not count')
      const reason = reasons[failure]
      events.record({ kind: 'proof-failed', peerId, name: file?.name, sha256, bytes, reason })
      this.#dependencies.onChange([contentId])
    }
    if (!isTrustNew) return
    log.warn({ peerId }, 'a peer has not proven many of its copies: none of them counts')
    this.#dependencies.onTrust(peerId)
  }

  #recheck(peerId: string, { contentId, sha256 }: StoredContent): void {
    const { unproven, clock } = this.#dependencies
    const sinceMs = unproven.of(peerId, sha256)?.sinceMs
    if (sinceMs === undefined) return
    const forMs = clock.nowMs() - sinceMs
    const delayMs = Math.min(recheckMsMax, Math.max(recheckMsMin, forMs))
    this.#schedule.content(contentId, this.#jittered(delayMs), true)
  }

  /** Up to half as much more, so that peers do not know when. */
  #jittered(delayMs: number): number {
    return delayMs * (1 + this.#dependencies.random.fraction() / 2)
  }
}

const reasons = {
  wrong: 'it has other bytes',
  late: 'it did not answer in time',
  absent: 'it has no readable copy',
} as const satisfies Record<ProofFailure, string>
