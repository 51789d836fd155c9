import { BackgroundWork } from '../../common/background.ts'
import { reasonOf } from '../../common/errors.ts'
import type { RequestOf } from '../../common/protocol/messages.ts'
import { WakeUp } from '../../common/wake-up.ts'
import { liveCopies } from '../rank.ts'
import type { ProofWalk } from '../store/proof-records.ts'
import type { Announced, IndexStore } from '../store/store.ts'
import { Examiner, type ExaminerDependencies } from './examiner.ts'
import { isDue, type ProofPace, paceOf } from './proof-pace.ts'
import { SoonQueue } from './soon-queue.ts'

const minuteMs = 60_000
/** New copies are challenged within this time after they were announced, when their peers are done. */
const newMsMin = minuteMs
const newMsMax = 10 * minuteMs
/** New copies that wait to be challenged, 100 bytes each; others wait for the walk. */
const newMax = 10_000
/** Between two challenges of new copies: five per second disturb no peer. */
const soonGapMs = 200
/** Challenges in progress; a peer answers as many at a time. */
const challengesMax = 8
/** The most that is slept, so that what is added meanwhile is noticed. */
const sleepMsMax = 30_000
/** After a failure, for example of the database. */
const retryMs = minuteMs
/**
 * An unproven copy that its peer no longer claims is remembered for this long, in case it claims it again. One
 * that it said to be absent is no lie: it may have been edited. Many such must not have a peer distrusted.
 */
const unclaimedMs = { wrong: 7 * 86_400_000, late: 7 * 86_400_000, absent: 6 * 3_600_000 } as const

export interface ProofDeskOptions {
  /** How often each copy is challenged; 0: never. */
  readonly proofMs: number
}

interface Dependencies extends ExaminerDependencies {
  readonly store: Pick<
    IndexStore,
    'contents' | 'contentIds' | 'contentsHashed' | 'proofs' | 'totals'
  >
  /** Whether nothing is asked now. */
  readonly isPaused: () => boolean
}

/**
 * Has peers prove that they have their copies: each copy once in a while, spread evenly; copies that are
 * new, or whose content could soon be lost, more often.
 */
export class ProofDesk implements AsyncDisposable {
  readonly #proofMs: number
  readonly #dependencies: Dependencies
  readonly #background: BackgroundWork
  readonly #soon = new SoonQueue({ sizeMax: newMax })
  readonly #wakeUp = new WakeUp()
  readonly #examiner: Examiner
  #challenges = 0

  constructor({ proofMs }: ProofDeskOptions, dependencies: Dependencies) {
    this.#proofMs = proofMs
    this.#dependencies = dependencies
    this.#background = new BackgroundWork(dependencies)
    const schedule = {
      content: this.#add.bind(this),
      peer: (peerId: string) =>
        this.#background.start('challenge unproven copies', () => this.#addUnproven(peerId)),
    }
    this.#examiner = new Examiner(schedule, dependencies)
  }

  /** Answers since the start, by what they were. */
  get outcomes(): Readonly<Examiner['outcomes']> {
    return this.#examiner.outcomes
  }

  /** Takes over what an earlier process found. */
  async load(): Promise<void> {
    if (this.#proofMs > 0) await this.#dependencies.unproven.load()
  }

  start(): void {
    if (this.#proofMs === 0) return
    this.#keepDoing((signal) => this.#walkAll(signal))
    this.#keepDoing((signal) => this.#takeSoon(signal))
  }

  /** A peer announced copies. */
  async onAnnounced(
    peerId: string,
    { changes }: Pick<RequestOf<'announce'>, 'changes'>,
    { contentIds }: Pick<Announced, 'contentIds'>,
  ): Promise<void> {
    if (this.#proofMs === 0) return
    const { unproven, random } = this.#dependencies
    for (const contentId of contentIds)
      if (!this.#soon.isFull)
        this.#add(contentId, newMsMin + random.fraction() * (newMsMax - newMsMin), false)
    if (unproven.countOf(peerId) === 0) return
    for (const change of changes)
      if (change.op === 'put' && unproven.of(peerId, change.sha256) !== undefined)
        await this.#addHashed(change.sha256, 0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#background[Symbol.asyncDispose]()
  }

  #add(contentId: number, delayMs: number, must: boolean): void {
    this.#soon.add(contentId, this.#dependencies.clock.monotonicMs() + delayMs, { must })
    this.#wakeUp.notify()
  }

  async #addHashed(sha256: string, delayMs: number): Promise<void> {
    for (const { contentId } of await this.#dependencies.store.contentsHashed(sha256))
      this.#add(contentId, delayMs, true)
  }

  async #addUnproven(peerId: string): Promise<void> {
    const { unproven, random } = this.#dependencies
    for (const { sha256 } of unproven.copiesOf(peerId))
      await this.#addHashed(sha256, random.fraction() * minuteMs)
  }

  /** Continues after a failure, for example of the database. */
  #keepDoing(work: (signal: AbortSignal) => Promise<never>): void {
    const { clock, log } = this.#dependencies
    this.#background.start('challenge copies', async (signal) => {
      for (;;) {
        try {
          await work(signal)
        } catch (error) {
          signal.throwIfAborted()
          log.warn({ error, reason: reasonOf(error) }, 'asking for proofs failed; it restarts')
          await clock.sleep(retryMs, signal)
        }
      }
    })
  }

  async #takeSoon(signal: AbortSignal): Promise<never> {
    const { clock } = this.#dependencies
    for (;;) {
      const contentId = this.#dependencies.isPaused()
        ? undefined
        : this.#soon.take(clock.monotonicMs())
      if (contentId === undefined) {
        const leftMs = (this.#soon.nextMs ?? Infinity) - clock.monotonicMs()
        const delayMs = leftMs > 0 ? Math.min(sleepMsMax, leftMs) : sleepMsMax
        await this.#wakeUp.next(signal, { clock, delayMs })
        signal.throwIfAborted()
        continue
      }
      await this.#challenge(contentId, signal)
      await clock.sleep(soonGapMs, signal)
    }
  }

  async #walkAll(signal: AbortSignal): Promise<never> {
    const { clock, store, random } = this.#dependencies
    const pace = async (): Promise<ProofPace> =>
      paceOf({ intervalMs: this.#proofMs, contents: (await store.totals()).contents })
    let walk = (await store.proofs.walk()) ?? {
      after: '',
      round: 0,
      // Many indexes may start together.
      steppedMs: clock.nowMs() - random.fraction() * (await pace()).stepMs,
    }
    await this.#onWalked()
    for (;;) {
      const { stepMs, rounds, perStep } = await pace()
      // A clock that was set back delays no more than a step.
      const leftMs = Math.min(stepMs, walk.steppedMs + stepMs - clock.nowMs())
      if (leftMs > 0 || this.#dependencies.isPaused()) {
        await clock.sleep(Math.max(1_000, Math.min(sleepMsMax, leftMs)), signal)
        continue
      }
      const startedMs = clock.nowMs()
      const { contentIds, next } = await store.contentIds(
        undefined,
        walk.after === '' ? undefined : walk.after,
        perStep,
      )
      await this.#step(contentIds, { stepMs, round: walk.round, rounds }, signal)
      const isEnd = next === undefined
      if (isEnd) await this.#onWalked()
      walk = { after: next ?? '', round: walk.round + Number(isEnd), steppedMs: startedMs }
      await this.#record(walk)
    }
  }

  /** Challenges those of these contents that are due, spread over the time of the step. */
  async #step(
    contentIds: readonly number[],
    {
      stepMs,
      ...walk
    }: { readonly stepMs: number; readonly round: number; readonly rounds: number },
    signal: AbortSignal,
  ): Promise<void> {
    const { store, peers, clock } = this.#dependencies
    const contents = await store.contents(contentIds)
    const due = contents.filter(({ contentId, holders, factor }) => {
      const copies = liveCopies(holders, (peerId) => peers.peerOf(peerId))
      return isDue({ contentId, copies, factor }, walk)
    })
    for (const { contentId } of due) {
      await this.#challenge(contentId, signal)
      if (due.length > 1) await clock.sleep(Math.min(sleepMsMax, stepMs / due.length), signal)
    }
  }

  async #record(walk: ProofWalk): Promise<void> {
    const { store, log } = this.#dependencies
    try {
      await store.proofs.setWalk(walk)
    } catch (error) {
      log.debug({ reason: reasonOf(error) }, 'the walk over all copies was not recorded')
    }
  }

  /** Starts a challenge once there are not too many. */
  async #challenge(contentId: number, signal: AbortSignal): Promise<void> {
    await this.#wakeUp.until(() => this.#challenges < challengesMax || undefined, signal)
    this.#challenges += 1
    this.#background.start('challenge holders', async (stopping) => {
      try {
        await this.#examiner.examine(contentId, stopping)
      } finally {
        this.#challenges -= 1
        this.#wakeUp.notify()
      }
    })
  }

  /** Unproven copies are asked for again, also after a restart, and forgotten when they are long gone. */
  async #onWalked(): Promise<void> {
    const { unproven, store, peers, clock, random } = this.#dependencies
    for (const { peerId, sha256, failure, sinceMs } of unproven.copies) {
      const contents = await store.contentsHashed(sha256)
      const isClaimed = contents.some(({ holders }) => holders.some((one) => one.peerId === peerId))
      const isOld = clock.nowMs() - sinceMs > unclaimedMs[failure]
      if (isClaimed) await this.#addHashed(sha256, newMsMin + random.fraction() * 6 * newMsMax)
      else if (isOld || peers.peerOf(peerId) === undefined) {
        const { isTrustNew } = await unproven.pass(peerId, sha256)
        if (isTrustNew) this.#dependencies.onTrust(peerId)
      }
    }
  }
}
