import type { Clock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { hasCode } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { MeshMessage } from '../../common/protocol/mesh-messages.ts'
import type { ReplyOf, RequestOf } from '../../common/protocol/messages.ts'
import { type Member, toClaim } from './member.ts'
import type { Membership } from './membership.ts'
import type { MeshLink } from './mesh-link.ts'

/** Differences that news should have cured meanwhile are compared after this many rounds. */
const roundsOfNews = 5

interface Dependencies {
  readonly link: MeshLink
  readonly clock: Clock
  readonly membership: Membership
  /** Called when a member knows something else that is no recent news. */
  readonly onDifference: (member: Member) => void
}

/** Talks to other members: asks, and takes what they say. */
export class Exchange {
  readonly #gossipMs: number
  readonly #dependencies: Dependencies
  #agreedMs: number

  constructor(options: { gossipMs: number }, dependencies: Dependencies) {
    this.#gossipMs = options.gossipMs
    this.#dependencies = dependencies
    this.#agreedMs = dependencies.clock.monotonicMs()
  }

  /**
   * Tells a member the news, and takes its own.
   * @throws AppError if it does not answer within `deadlineMs`; the signal's reason
   */
  async gossip(
    member: Member,
    options: { deadlineMs: number; signal: AbortSignal },
  ): Promise<void> {
    const { membership, clock, onDifference } = this.#dependencies
    const { peerId } = member.record
    const news = membership.claimsFor(peerId)
    const reply = await this.ask(
      member,
      'gossip',
      { hash: membership.table.hash, ...(news.length === 0 ? {} : { news }) },
      options,
    )
    const told = this.take(reply.news ?? [], member)
    const nowMs = clock.monotonicMs()
    if (reply.hash === membership.table.hash) this.#agreedMs = nowMs
    // Members that are told something at this time differ, and will soon agree.
    else if (news.length + told === 0 || nowMs - this.#agreedMs > roundsOfNews * this.#gossipMs)
      onDifference(member)
  }

  /**
   * Fetches the records of some members, and tells of others.
   * @throws AppError if the member does not answer in time; the signal's reason
   */
  async swap(
    member: Member,
    { wanted, told }: { wanted: readonly string[]; told: readonly Member[] },
    options: { deadlineMs: number; signal: AbortSignal },
  ): Promise<void> {
    const { table } = this.#dependencies.membership
    const news = told.slice(0, limits.meshNewsMax).map(toClaim)
    const body = { hash: table.hash, news, wanted: [...wanted] }
    const reply = await this.ask(member, 'gossip', body, options)
    this.take(reply.news ?? [], member)
  }

  /**
   * Sends a request to a member; an answer, even that it is busy, is a sign of life.
   * @throws AppError if it does not answer in time; the signal's reason
   */
  async ask<T extends MeshMessage>(
    { record }: Pick<Member, 'record'>,
    type: T,
    body: RequestOf<T>,
    { deadlineMs, signal }: { deadlineMs: number; signal: AbortSignal },
  ): Promise<ReplyOf<T>> {
    const { link, clock, membership } = this.#dependencies
    const { peerId, host, port } = record
    const to = { peerId, address: { host, port } }
    const deadline = { what: `A request to ${peerId}`, deadlineMs, signal }
    try {
      const reply = await withDeadline(deadline, clock, (inTime) =>
        link.request(to, type, body, inTime),
      )
      membership.onAnswer(record)
      return reply
    } catch (error) {
      if (hasCode(error, 'BUSY')) membership.onAnswer(record)
      throw error
    }
  }

  /** Takes what a member says. @returns how many of the claims were new */
  take(claims: Parameters<Membership['merge']>[0], { record }: Pick<Member, 'record'>): number {
    const { peerId, host } = record
    return this.#dependencies.membership.merge(claims, { peerId, host })
  }
}
