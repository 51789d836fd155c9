import type { BackgroundWork } from '../../common/background.ts'
import { backoffMs } from '../../common/backoff.ts'
import type { Clock } from '../../common/clock.ts'
import { hasCode, reasonOf } from '../../common/errors.ts'
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
/** How long until a member is asked whether what others said of its catalog is true. */
const hearsayMs = 10_000
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

/** Changes that another member told, because their own could not be reached. */
interface Hearsay {
  readonly teller: string
  /** When the member itself is asked next, on the monotonic clock. */
  readonly dueMs: number
}

const unreached = [
  'DIAL_FAILED',
  'DEADLINE_EXCEEDED',
  'CONNECTION_CLOSED',
  'BAD_REPLY',
  'TOO_MANY_CONNECTIONS',
] as const

/** `answered`: the source has no more, or refuses. */
type Pulled = 'whole' | 'answered' | 'unreached'

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
  /** Members of whose catalogs others have told something. */
  readonly #hearsay = new Map<string, Hearsay>()
  /** Those of them whose catalogs are read again from the beginning, from themselves. */
  readonly #replacing = new Set<string>()
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
    this.#startIfDue(peerId, dueMs)
    return true
  }

  /** Starts what is due; called in each round. */
  retry(): void {
    this.#checkHearsay()
    const nowMs = this.#dependencies.clock.monotonicMs()
    for (const peerId of this.#behind.keys()) {
      if (this.#running.size >= pullsMax) return
      this.#startIfDue(peerId, nowMs)
    }
  }

  /** One has ended: another may take its place. All are looked at in each round, not for each of a thousand. */
  #startOne(): void {
    const nowMs = this.#dependencies.clock.monotonicMs()
    for (const peerId of this.#behind.keys()) if (this.#startIfDue(peerId, nowMs)) return
  }

  /** @returns whether it was started */
  #startIfDue(peerId: string, nowMs: number): boolean {
    const behind = this.#behind.get(peerId)
    const { size } = this.#running
    if (behind === undefined || behind.dueMs > nowMs || size >= pullsMax) return false
    const { work, membership } = this.#dependencies
    const isDoubtful = behind.failures > 0 || membership.table.get(peerId)?.isMet !== true
    if ((isDoubtful && size >= doubtfulPullsMax) || this.#running.has(peerId)) return false
    this.#running.add(peerId)
    work.start('fetching changes of a member', async (signal) => {
      try {
        await this.#catchUp(peerId, signal)
      } finally {
        this.#running.delete(peerId)
        this.#startOne()
      }
    })
    return true
  }

  /**
   * Asks members whether they can be reached again, of whose catalogs others have told something: what
   * those said is then replaced by what the member says.
   */
  #checkHearsay(): void {
    const { clock, work, membership } = this.#dependencies
    const nowMs = clock.monotonicMs()
    for (const [peerId, { dueMs, teller }] of this.#hearsay) {
      if (dueMs > nowMs || this.#running.has(peerId)) continue
      const member = membership.table.get(peerId)
      if (member === undefined || !isPresent(member)) {
        this.#hearsay.delete(peerId)
        this.#replacing.delete(peerId)
        continue
      }
      this.#hearsay.set(peerId, { teller, dueMs: nowMs + 3 * hearsayMs })
      if (!this.#replacing.has(peerId))
        work.start('asking a member for its own changes', (signal) =>
          this.#replaceHearsay(member, teller, signal),
        )
    }
  }

  /** Never rejects. */
  async #replaceHearsay(member: Member, teller: string, signal: AbortSignal): Promise<void> {
    const { exchange, knowledge, membership, log } = this.#dependencies
    const { peerId } = member.record
    try {
      await exchange.gossip(member, { deadlineMs: this.#gossipMs, signal })
    } catch {
      return
    }
    log.info({ peerId, teller }, 'changes that another member told are read from the member itself')
    this.#replacing.add(peerId)
    knowledge.readAgain(peerId)
    this.check(membership.table.get(peerId)?.record ?? member.record, undefined)
  }

  async #catchUp(peerId: string, signal: AbortSignal): Promise<void> {
    const { membership, random, clock } = this.#dependencies
    const behind = this.#behind.get(peerId)
    for (const source of this.#sources(peerId, behind?.teller)) {
      signal.throwIfAborted()
      const pulled = await this.#pullFrom(source, peerId, signal)
      if (pulled === 'whole') {
        this.#behind.delete(peerId)
        if (this.#replacing.delete(peerId)) this.#hearsay.delete(peerId)
        membership.tell(peerId)
        return
      }
      // What a member does not say of itself is not for others to say.
      if (pulled === 'answered' && source.record.peerId === peerId) break
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

  /**
   * The member itself; if it cannot be reached, the teller and some others, unless what others said before
   * is being replaced.
   */
  *#sources(peerId: string, teller: string | undefined): Generator<Member> {
    const { membership, random } = this.#dependencies
    const present = (id: string): Member[] => {
      const member = membership.table.get(id)
      return member !== undefined && isPresent(member) ? [member] : []
    }
    yield* present(peerId)
    if (this.#replacing.has(peerId)) return
    const others = new Set([teller ?? peerId, ...someOf(membership.met, othersAsked, random)])
    for (const other of others) if (other !== peerId) yield* present(other)
  }

  async #pullFrom(source: Member, peerId: string, signal: AbortSignal): Promise<Pulled> {
    const { membership, knowledge, log } = this.#dependencies
    for (;;) {
      const member = membership.table.get(peerId)
      if (member === undefined || !isPresent(member)) return 'answered'
      const { epoch, lastSeq } = member.record
      const after = knowledge.seenSeq(peerId, epoch)
      const wasWhole = knowledge.isWhole(peerId, epoch)
      if (after >= lastSeq && wasWhole) return 'whole'
      try {
        if (!(await this.#pullPage(source, member, signal))) return 'answered'
      } catch (error) {
        if (signal.aborted) throw error
        log.debug({ peerId, source: source.record.peerId, reason: reasonOf(error) }, 'no changes')
        return isUnreached(error) ? 'unreached' : 'answered'
      }
      const isEnded = !wasWhole && knowledge.isWhole(peerId, epoch)
      if (knowledge.seenSeq(peerId, epoch) <= after && !isEnded) return 'answered'
    }
  }

  /** @returns whether the source had changes. @throws if it does not answer, or they cannot be applied */
  async #pullPage(source: Member, member: Member, signal: AbortSignal): Promise<boolean> {
    const { membership, knowledge, exchange, clock } = this.#dependencies
    const { peerId, epoch } = member.record
    const after = knowledge.seenSeq(peerId, epoch)
    const isInventory = knowledge.isInventory(peerId, epoch)
    const options = { deadlineMs: pullDeadlineMs, signal }
    const request = { peerId, epoch, after, ...(isInventory ? { isInventory } : {}) }
    const reply = await exchange.ask(source, 'mesh-changes', request, options)
    if (reply.member !== undefined) exchange.take([reply.member], source)
    const { announcement } = reply
    if (announcement === undefined || !this.#fits(announcement, peerId)) return false
    await knowledge.apply(membership.table.get(peerId)?.record ?? member.record, announcement)
    const { peerId: teller } = source.record
    if (teller !== peerId)
      this.#hearsay.set(peerId, { teller, dueMs: clock.monotonicMs() + hearsayMs })
    return true
  }

  /** Whether changes are of the member's present run, and not beyond what it says that there is. */
  #fits({ epoch, lastSeq }: { epoch: string; lastSeq: number }, peerId: string): boolean {
    const record = this.#dependencies.membership.table.get(peerId)?.record
    return record !== undefined && record.epoch === epoch && lastSeq <= record.lastSeq
  }
}

/** Whether a member did not answer, rather than refuse. */
function isUnreached(error: unknown): boolean {
  return unreached.some((code) => hasCode(error, code))
}
