/**
 * The mesh: peers that know each other and each other's catalogs without an index.
 *
 *   rounds: Prober -> Exchange -> MeshLink -> another member's meshHandlers
 *                        |                         |
 *                        +----> Membership <-------+      who is there, and what to tell
 *                                   |
 *                        ChangePuller -> Knowledge        what they have
 *
 * Membership alone changes what is known of members, without waiting for anything; all others talk. What
 * recent news do not cure, `reconcile` does; who is not known at all, the Joiner finds.
 */
import { BackgroundWork } from '../../common/background.ts'
import type { Clock } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import type { Log } from '../../common/log.ts'
import type { MemberRecord } from '../../common/protocol/mesh-messages.ts'
import type { Address } from '../../common/protocol/transport.ts'
import type { Random } from '../../common/random.ts'
import { WakeUp } from '../../common/wake-up.ts'
import { ChangePuller } from './change-puller.ts'
import { listenersOf, ProbeOrder, reachOutProbability, someOf } from './choose-members.ts'
import { Exchange } from './exchange.ts'
import { FirstMeetings } from './first-meetings.ts'
import { ImproperClaims } from './improper-claims.ts'
import { Joiner } from './joiner.ts'
import type { Knowledge } from './knowledge.ts'
import { isSamePlace, type Member } from './member.ts'
import { Membership } from './membership.ts'
import { type MeshHandlers, meshHandlers } from './mesh-handlers.ts'
import type { MeshLink } from './mesh-link.ts'
import { Prober } from './prober.ts'
import { reconcile } from './reconcile.ts'
import type { SelfRecord } from './self-record.ts'

export interface MeshSettings {
  /** Interval of rounds; in each, one member is probed. */
  readonly gossipMs: number
  /** Members that are told news at a time, five times per round. */
  readonly fanOut: number
  /** Members that are asked to reach one that does not answer. */
  readonly indirectProbes: number
  /** A member that none could reach for this long is dead. */
  readonly deadAfterMs: number
  /** A member that is dead or has left is forgotten after this. */
  readonly forgetAfterMs: number
}

/** Members that are only known by what is said, tried per round: an idle mesh stays below 1 kB/s. */
const strangersPerRound = 1
/** News are told this often per round, so that a change is everywhere within a few rounds. */
const newsPerRound = 5
/** A stopping peer tells that it leaves, to those that answer within this time. */
const leaveMs = 500

export interface MeshOptions {
  /** What this peer says of itself now; called at each round and each news. */
  readonly self: () => SelfRecord
  readonly settings: MeshSettings
  /** Well-known hosts: tried in turn, for ever. */
  readonly joins: readonly Address[]
  /** Where members were in an earlier run. */
  readonly remembered?: readonly Address[]
}

export interface MeshDependencies {
  readonly link: MeshLink
  readonly knowledge: Knowledge
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /**
   * Called when a member has changed in state or record, before its changes are fetched, and when it
   * has answered for the first time; `before` is absent for a new one. It returns immediately, and does not throw.
   */
  readonly onMember: (member: Member, before: Member | undefined) => void
  /** Called when a member that was dead or had left is no longer remembered. */
  readonly onForgotten?: (peerId: string) => void
}

export class Mesh implements AsyncDisposable {
  /** Answers other members; merged into the handlers of the peer's server. */
  readonly handlers: MeshHandlers
  readonly #options: MeshOptions
  readonly #dependencies: MeshDependencies
  readonly #work: BackgroundWork
  readonly #news = new WakeUp()
  readonly #membership: Membership
  readonly #exchange: Exchange
  readonly #prober: Prober
  readonly #puller: ChangePuller
  readonly #meetings: FirstMeetings
  readonly #joiner: Joiner
  readonly #order: ProbeOrder
  #isReconciling = false
  #isLeavingForGood = false

  /** Starts to gossip and to join. */
  static start(options: MeshOptions, dependencies: MeshDependencies): Mesh {
    const mesh = new Mesh(options, dependencies)
    mesh.#work.start('gossiping', (signal) => mesh.#rounds(signal))
    mesh.#work.start('telling news', (signal) => mesh.#tellAll(signal))
    return mesh
  }

  private constructor(options: MeshOptions, dependencies: MeshDependencies) {
    const { settings } = options
    const { clock, random } = dependencies
    this.#options = options
    this.#dependencies = dependencies
    this.#work = new BackgroundWork(dependencies)
    this.#order = new ProbeOrder(dependencies)
    const improper = new ImproperClaims(dependencies)
    const membership = new Membership(
      { self: options.self(), settings },
      {
        ...dependencies,
        improper,
        onMember: (member, before) => this.#onMember(member, before),
        onForgotten: ({ record, state, isMet }) => {
          if (state === 'dead' && isMet) this.#joiner.remember(record)
          dependencies.onForgotten?.(record.peerId)
        },
        onRecord: (record, teller) => this.#puller.check(record, teller.peerId),
        onSuspected: (peerId) => this.#onSuspected(peerId),
        onNews: () => this.#news.notify(),
      },
    )
    this.#membership = membership
    const parts = { ...dependencies, membership }
    const onDifference = (member: Member): void => this.#reconcile(member)
    this.#exchange = new Exchange(settings, { ...parts, onDifference })
    const talking = { ...parts, exchange: this.#exchange }
    this.#prober = new Prober(settings, talking)
    this.#meetings = new FirstMeetings({ membership, prober: this.#prober, work: this.#work })
    this.#puller = new ChangePuller(settings, { ...talking, work: this.#work })
    const { joins, remembered = [] } = options
    this.#joiner = new Joiner({ gossipMs: settings.gossipMs, joins, remembered }, parts)
    const stop = this.#work.signal
    this.handlers = meshHandlers({ ...parts, prober: this.#prober, improper, clock, random, stop })
  }

  /** All other members that are known, those that are gone included until they are forgotten. */
  members(): Member[] {
    const { table, peerId } = this.#membership
    return [...table.values()].filter(({ record }) => record.peerId !== peerId)
  }

  /** Undefined if it is not known, or this peer itself. */
  member(peerId: string): Member | undefined {
    const { table, peerId: self } = this.#membership
    return peerId === self ? undefined : table.get(peerId)
  }

  /** What this peer last said of itself. */
  get self(): MemberRecord {
    return this.#membership.self.record
  }

  /** A hash of all live members with their versions: equal for two members that know the same. */
  get hash(): string {
    return this.#membership.table.hash
  }

  /** The number of members of whose catalogs changes are missing. */
  get behindCount(): number {
    return this.#puller.behindCount
  }

  /**
   * Joins through an address, and again whenever no member is live there.
   * @throws AppError JOIN_SELF, NO_MESH, PEER_ID_TAKEN, or that the address cannot be reached
   */
  async join(address: Address, signal: AbortSignal): Promise<void> {
    await this.#joiner.join(address, signal)
  }

  /**
   * Tries an address at which a member may be, once.
   * @throws as {@link join}
   */
  async meet(address: Address, signal: AbortSignal): Promise<void> {
    await this.#joiner.meet(address, signal)
  }

  /** Whether this run of a member is known, and live. */
  isLive(peerId: string, epoch: string): boolean {
    const member = this.#membership.table.get(peerId)
    return member?.state === 'live' && member.record.epoch === epoch
  }

  /** What this peer says of itself has changed, for example its catalog: tells it now. */
  tellNews(): void {
    this.#membership.refresh(this.#options.self())
  }

  /** Fetches what is missing of a member's catalog, for example after it was forgotten here. */
  fetchChanges(peerId: string): void {
    const member = this.#membership.table.get(peerId)
    if (member !== undefined) this.#puller.check(member.record, undefined)
  }

  /** Tells some members that this peer leaves, for good or until it returns; it then is silent. */
  async leave({ forGood = false }: { forGood?: boolean } = {}): Promise<void> {
    const { settings } = this.#options
    if (this.#membership.self.state === 'left') return
    const { met, others } = this.#membership
    this.#membership.leave({ forGood })
    const told = listenersOf({ met, others, count: 2 * settings.fanOut }, this.#dependencies.random)
    const { signal } = new AbortController()
    await Promise.all(told.map((peerId) => this.#gossip(peerId, leaveMs, signal)))
  }

  /** When it is disposed, it says that this peer does not return. */
  leaveForGood(): void {
    this.#isLeavingForGood = true
  }

  /** Leaves, and resolves when all work has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave({ forGood: this.#isLeavingForGood })
    await this.#work[Symbol.asyncDispose]()
  }

  async #rounds(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#dependencies
    for (;;) {
      this.#round()
      // Members that start together do not talk together for ever.
      const { gossipMs } = this.#options.settings
      await clock.sleep(gossipMs * (0.9 + 0.2 * random.fraction()), signal)
    }
  }

  #round(): void {
    const membership = this.#membership
    if (membership.self.state === 'left') return
    this.tellNews()
    membership.sweep()
    this.#puller.retry()
    this.#work.start('joining', (signal) => this.#joiner.tryDue(signal))
    const next = this.#order.next(membership.others)
    for (const peerId of new Set([...(next === undefined ? [] : [next]), ...this.#strangers()]))
      this.#work.start('probing', (signal) => this.#prober.probe(peerId, signal))
    this.#reachOut()
  }

  #onMember(member: Member, before: Member | undefined): void {
    this.#dependencies.onMember(member, before)
    const isOld = before?.isMet === false && isSamePlace(before, member)
    if (!member.isMet && !isOld) this.#meetings.add(member.record.peerId)
  }

  /** Some members that have not answered yet: whether they are there is found out soon. */
  #strangers(): string[] {
    const { met, others } = this.#membership
    if (met.length === others.length) return []
    const isMet = new Set(met)
    const unmet = others.filter((peerId) => !isMet.has(peerId))
    return someOf(unmet, strangersPerRound, this.#dependencies.random)
  }

  /** Tries one of the dead: it may live behind a partition that has healed. */
  #reachOut(): void {
    const { random } = this.#dependencies
    const { dead, others } = this.#membership
    if (random.fraction() >= reachOutProbability({ gone: dead.length, others: others.length }))
      return
    for (const member of someOf(dead, 1, random))
      this.#work.start('trying a dead member', async (signal) => {
        await this.#prober.reaches(member, signal)
      })
  }

  /** Tells news as long as there are some. */
  async #tellAll(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#dependencies
    const { gossipMs, fanOut } = this.#options.settings
    for (;;) {
      while (!this.#membership.hasNews || this.#membership.others.length === 0)
        await this.#nextNews(signal)
      const { met, others } = this.#membership
      for (const peerId of listenersOf({ met, others, count: fanOut }, random))
        this.#work.start('telling news', (ended) => this.#gossip(peerId, gossipMs, ended))
      await clock.sleep(gossipMs / newsPerRound, signal)
    }
  }

  /** @throws the signal's reason */
  async #nextNews(signal: AbortSignal): Promise<void> {
    await this.#news.next(signal)
    signal.throwIfAborted()
  }

  /** Never rejects. */
  async #gossip(peerId: string, deadlineMs: number, signal: AbortSignal): Promise<void> {
    const member = this.#membership.table.get(peerId)
    if (member === undefined) return
    try {
      await this.#exchange.gossip(member, { deadlineMs, signal })
    } catch (error) {
      this.#dependencies.log.debug({ peerId, reason: reasonOf(error) }, 'gossip failed')
    }
  }

  /** Some of those that hear that a member is gone ask it, so that it can contradict soon. */
  #onSuspected(peerId: string): void {
    const { settings } = this.#options
    const others = this.#membership.others.length
    if (this.#dependencies.random.fraction() >= settings.fanOut / others) return
    this.#work.start('asking a member that is said to be gone', (signal) =>
      this.#gossip(peerId, settings.gossipMs, signal),
    )
  }

  #reconcile(member: Member): void {
    if (this.#isReconciling) return
    this.#isReconciling = true
    const parts = { membership: this.#membership, exchange: this.#exchange }
    const deadlineMs = 5 * this.#options.settings.gossipMs
    this.#work.start('comparing with a member', async (signal) => {
      try {
        await reconcile(member, parts, { deadlineMs, signal })
      } catch (error) {
        const { peerId } = member.record
        this.#dependencies.log.debug({ peerId, reason: reasonOf(error) }, 'comparing failed')
      } finally {
        this.#isReconciling = false
      }
    })
  }
}
