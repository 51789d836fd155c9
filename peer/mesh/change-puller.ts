import type { BackgroundWork } from '../../common/background.ts'
import { backoffMs } from '../../common/backoff.ts'
import type { Clock } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import type { Log } from '../../common/log.ts'
import type { MemberRecord } from '../../common/protocol/mesh-messages.ts'
import type { Random } from '../../common/random.ts'
import { someOf } from './choose-members.ts'
import type { Exchange } from './exchange.ts'
import type { Knowledge } from './knowledge.ts'
import { isPresent, type Member } from './member.ts'
import type { Membership } from './membership.ts'

/** Members whose changes are fetched at the same time: more would not make a joiner faster. */
const pullsMax = 12
/**
 * Those of them that have not answered yet, or whose changes no member could send before: made-up ones
 * cannot keep the changes of others from being fetched.
 */
const doubtfulPullsMax = 8
/** Other members that are asked after the teller and the member itself. */
const othersAsked = 2
/** A page of a catalog over a slow link; the answer may wait for memory. */
const pullDeadlineMs = 15_000
/** When no member could send changes: after a round, then less and less often. */
const retryRoundsMax = 30

interface Behind {
  /** Who knew of the changes, and therefore probably has them. */
  readonly teller: string | undefined
  readonly failures: number
  /** Not before, on the monotonic clock. */
  readonly dueMs: number
}

interface Dependencies {
  readonly membership: Membership
  readonly exchange: Exchange
  readonly knowledge: Knowledge
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly work: Pick<BackgroundWork, 'start' | 'signal'>
}

/** Fetches missing changes of all catalogs, from any member that has them. */
export class ChangePuller {
  readonly #gossipMs: number
  readonly #behind = new Map<string, Behind>()
  readonly #running = new Set<string>()
  readonly #dependencies: Dependencies

  constructor(options: { gossipMs: number }, dependencies: Dependencies) {
    this.#gossipMs = options.gossipMs
    this.#dependencies = dependencies
  }

  /** The number of members of whose catalogs changes are missing. */
  get behindCount(): number {
    return this.#behind.size
  }

  /**
   * There may be changes of this member's catalog.
   * @returns whether some are missing; they are fetched as soon as possible
   */
  check({ peerId, epoch, lastSeq }: MemberRecord, teller: string | undefined): boolean {
    const { knowledge } = this.#dependencies
    if (knowledge.isWhole(peerId, epoch) && knowledge.seenSeq(peerId, epoch) >= lastSeq) {
      this.#behind.delete(peerId)
      return false
    }
    const dueMs = this.#dependencies.clock.monotonicMs()
    this.#behind.set(peerId, { teller, failures: 0, dueMs })
    this.retry()
    return true
  }

  /** Starts what is due. */
  retry(): void {
    const { clock, work, membership } = this.#dependencies
    const nowMs = clock.monotonicMs()
    for (const [peerId, { dueMs, failures }] of this.#behind) {
      const isDoubtful = failures > 0 || membership.table.get(peerId)?.isMet !== true
      if (this.#running.size >= (isDoubtful ? doubtfulPullsMax : pullsMax)) continue
      if (dueMs > nowMs || this.#running.has(peerId)) continue
      this.#running.add(peerId)
      work.start('fetching changes of a member', async (signal) => {
        try {
          await this.#catchUp(peerId, signal)
        } finally {
          this.#running.delete(peerId)
          this.retry()
        }
      })
    }
  }

  async #catchUp(peerId: string, signal: AbortSignal): Promise<void> {
    const { membership, random, clock } = this.#dependencies
    const behind = this.#behind.get(peerId)
    for (const source of this.#sources(peerId, behind?.teller)) {
      signal.throwIfAborted()
      if (!(await this.#pullFrom(source, peerId, signal))) continue
      this.#behind.delete(peerId)
      membership.tell(peerId)
      return
    }
    const known = membership.table.get(peerId)
    if (known === undefined || !isPresent(known)) {
      this.#behind.delete(peerId)
      return
    }
    const failures = (behind?.failures ?? 0) + 1
    const options = { firstMs: this.#gossipMs, maxMs: retryRoundsMax * this.#gossipMs }
    const dueMs = clock.monotonicMs() + backoffMs(failures, options, random)
    if (this.#behind.get(peerId) === behind)
      this.#behind.set(peerId, { teller: undefined, failures, dueMs })
    if (failures === 1) membership.tell(peerId)
  }

  /** The teller, the member itself, then some others. */
  *#sources(peerId: string, teller: string | undefined): Generator<Member> {
    const { membership, random } = this.#dependencies
    const { table } = membership
    const first = teller === undefined ? [peerId] : [teller, peerId]
    // The set drops those that are among the first already.
    for (const source of new Set([...first, ...someOf(membership.met, othersAsked, random)])) {
      const member = table.get(source)
      if (member !== undefined && isPresent(member)) yield member
    }
  }

  /** @returns whether nothing is missing any longer */
  async #pullFrom(source: Member, peerId: string, signal: AbortSignal): Promise<boolean> {
    const { membership, knowledge, exchange, log } = this.#dependencies
    for (;;) {
      const member = membership.table.get(peerId)
      if (member === undefined || !isPresent(member)) return false
      const { epoch, lastSeq } = member.record
      const after = knowledge.seenSeq(peerId, epoch)
      const isInventory = knowledge.isInventory(peerId, epoch)
      const wasWhole = knowledge.isWhole(peerId, epoch)
      if (after >= lastSeq && wasWhole) return true
      try {
        const options = { deadlineMs: pullDeadlineMs, signal }
        const request = { peerId, epoch, after, ...(isInventory ? { isInventory } : {}) }
        const reply = await exchange.ask(source, 'mesh-changes', request, options)
        if (reply.member !== undefined) exchange.take([reply.member], source)
        const { announcement } = reply
        if (announcement === undefined || !this.#fits(announcement, peerId)) return false
        await knowledge.apply(membership.table.get(peerId)?.record ?? member.record, announcement)
      } catch (error) {
        if (signal.aborted) throw error
        log.debug({ peerId, source: source.record.peerId, reason: reasonOf(error) }, 'no changes')
        return false
      }
      const isEnded = !wasWhole && knowledge.isWhole(peerId, epoch)
      if (knowledge.seenSeq(peerId, epoch) <= after && !isEnded) return false
    }
  }

  /** Whether changes are of the member's present run, and not beyond what it says that there is. */
  #fits({ epoch, lastSeq }: { epoch: string; lastSeq: number }, peerId: string): boolean {
    const record = this.#dependencies.membership.table.get(peerId)?.record
    return record !== undefined && record.epoch === epoch && lastSeq <= record.lastSeq
  }
}
