import { hasCode } from '../../common/errors.ts'
import type { Random } from '../../common/random.ts'
import { someOf } from './choose-members.ts'
import type { Exchange } from './exchange.ts'
import { isPresent, type Member } from './member.ts'
import type { Membership } from './membership.ts'

/** A member that this peer itself never reached is believed to be there if others of so many hosts reach it. */
const hostsToBelieve = 2

interface Dependencies {
  readonly membership: Membership
  readonly exchange: Exchange
  readonly random: Random
}

/** Finds out whether members live: one lost link makes no member suspect. */
export class Prober {
  readonly #settings: { readonly gossipMs: number; readonly indirectProbes: number }
  readonly #dependencies: Dependencies

  constructor(settings: { gossipMs: number; indirectProbes: number }, dependencies: Dependencies) {
    this.#settings = settings
    this.#dependencies = dependencies
  }

  /**
   * Talks to a member. If it does not answer, others are asked to try; if none reaches it, it is
   * suspect.
   */
  async probe(peerId: string, signal: AbortSignal): Promise<void> {
    const { membership, random } = this.#dependencies
    const member = membership.table.get(peerId)
    if (member === undefined || (await this.reaches(member, signal))) return
    // One that is slow to answer, but asks, is there.
    if (membership.table.get(peerId)?.heardMs !== member.heardMs) return
    const others = membership.met.filter((other) => other !== peerId)
    const helpers = someOf(others, this.#settings.indirectProbes, random)
    const answers = await Promise.all(
      helpers.map((helper) => this.#reachesThrough(helper, peerId, signal)),
    )
    const reaching = helpers.filter((_, place) => answers[place] === true)
    const believedBy = Math.min(hostsToBelieve, this.#hostsOf(helpers))
    if (reaching.length === 0) {
      if (!signal.aborted) membership.suspect(member.record)
    } else if (this.#hostsOf(reaching) >= believedBy) membership.onAnswer(member.record)
    else membership.heard(peerId)
  }

  #hostsOf(peerIds: readonly string[]): number {
    const { table } = this.#dependencies.membership
    return new Set(peerIds.map((peerId) => table.get(peerId)?.record.host)).size
  }

  /** Whether a member answers at its address within a round, if only that it is busy. */
  async reaches(member: Member, signal: AbortSignal): Promise<boolean> {
    const { exchange } = this.#dependencies
    try {
      await exchange.gossip(member, { deadlineMs: this.#settings.gossipMs, signal })
      return true
    } catch (error) {
      return hasCode(error, 'BUSY')
    }
  }

  async #reachesThrough(helper: string, peerId: string, signal: AbortSignal): Promise<boolean> {
    const { membership, exchange } = this.#dependencies
    const member = membership.table.get(helper)
    if (member === undefined || !isPresent(member)) return false
    try {
      const options = { deadlineMs: 2 * this.#settings.gossipMs, signal }
      const { isLive } = await exchange.ask(member, 'probe-for', { peerId }, options)
      return isLive
    } catch {
      return false
    }
  }
}
